"""Class 18, Image transfer (Blue Book 12, 4.4.6): the meter takes a firmware image block by block, and keeps it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cas.bindings.cosempdu import DataAccessResult as Result
from cas.cosem.data import Data
from cas.simulator.errors import Refused
from cas.simulator.objects import READ, WRITE, CosemObject, members_of, number_of, octets_of

if TYPE_CHECKING:
    from cas.simulator.meter import Meter

BLOCK_SIZE, BLOCKS, FIRST_MISSING, ENABLED, STATUS, TO_ACTIVATE = range(2, 8)
INITIATE, TRANSFER, VERIFY, ACTIVATE = 1, 2, 3, 4
INITIATED, VERIFIED, FAILED, ACTIVATED = 1, 3, 4, 6


@dataclass(slots=True)
class Image:
    """An image that is arriving in one meter, or has arrived."""

    identifier: bytes
    size: int
    block_size: int
    status: int = INITIATED
    blocks: dict[int, bytes] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many blocks it has."""
        return -(-self.size // self.block_size)

    @property
    def first_missing(self) -> int:
        """The first block not yet transferred; the number of blocks when none is missing."""
        return next((number for number in range(self.count) if number not in self.blocks), self.count)

    @property
    def octets(self) -> bytes:
        """What has arrived, in order."""
        return b"".join(self.blocks[number] for number in sorted(self.blocks))


class ImageTransfer(CosemObject):
    """The object. Meters that take the same image share its blocks in memory."""

    class_id = 18
    methods = 4

    def __init__(self, logical_name: bytes, block_size: int) -> None:
        super().__init__(
            logical_name, dict.fromkeys(range(BLOCK_SIZE, TO_ACTIVATE + 1), READ) | {ENABLED: READ | WRITE}
        )
        self._block_size = block_size
        self._shared: dict[bytes, bytes] = {}

    def get(self, meter: "Meter", attribute: int, at: int) -> Data:
        """What has arrived so far."""
        image = meter.image
        if attribute == BLOCK_SIZE:
            return Data.of("double-long-unsigned", self._block_size)
        if attribute == BLOCKS:
            bits = "".join("01"[number in image.blocks] for number in range(image.count)) if image else ""
            return Data.of("bit-string", bits)
        if attribute == FIRST_MISSING:
            return Data.of("double-long-unsigned", image.first_missing if image else 0)
        if attribute == ENABLED:
            return Data.of("boolean", True)
        if attribute == STATUS:
            return Data.of("enum", image.status if image else 0)
        known = image is not None and image.status in (VERIFIED, ACTIVATED)
        return Data.array([_activation(image)] if image and known else [])

    def call(self, meter: "Meter", method: int, parameters: Data | None) -> Data | None:
        """Initiate, take a block, verify, activate, in this order. Raises Refused."""
        if not self.read(meter, ENABLED, 0).value:
            raise Refused(Result.READ_WRITE_DENIED)
        if method == INITIATE:
            identifier, size = members_of(parameters, 2)
            meter.image = Image(octets_of(identifier), number_of(size), self._block_size)
            return None
        image = meter.image
        if image is None:
            raise Refused(Result.OTHER_REASON)
        if method == TRANSFER:
            self._take(image, parameters)
        elif method == VERIFY:
            image.status = VERIFIED if image.first_missing == image.count else FAILED
            if image.status == FAILED:
                raise Refused(Result.OTHER_REASON)
        elif method == ACTIVATE:
            if image.status not in (VERIFIED, ACTIVATED):
                raise Refused(Result.OTHER_REASON)
            image.status = ACTIVATED
        else:
            raise Refused(Result.OBJECT_UNDEFINED)
        return None

    def _take(self, image: Image, parameters: Data | None) -> None:
        number, block = members_of(parameters, 2)
        at, octets = number_of(number), octets_of(block)
        if not 0 <= at < image.count:
            raise Refused(Result.OTHER_REASON)
        expected = min(image.block_size, image.size - at * image.block_size)
        if len(octets) != expected:
            raise Refused(Result.TYPE_UNMATCHED)
        image.blocks[at] = self._shared.setdefault(octets, octets)


def _activation(image: Image) -> Data:
    return Data.structure(
        Data.of("double-long-unsigned", image.size),
        Data.of("octet-string", image.identifier),
        Data.of("octet-string", b""),
    )
