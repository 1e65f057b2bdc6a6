"""Firmware images: files in a directory of the operator's, named by a client, checked before a device is touched.

Beside an image may lie its signature, in a file of the same name with `.sig` at the end: the signature that a device
must show before the image is activated.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from cas.access.codes import Code
from cas.access.errors import Problem, Refused
from cas.access.exchange import Object
from cas.bindings import device_access as dev

IMAGE_TRANSFER = 18
SIGNATURE_SUFFIX = ".sig"
MAX_IDENTIFIER = 64
_HEX = "hex:"
# An image is read by every device that takes it.
_CACHED = 8


@dataclass(frozen=True, slots=True)
class Image:
    """An image as a device is to have it."""

    identifier: bytes
    octets: bytes = field(repr=False)
    signature: bytes | None = None
    """What the device must show of it; None: whatever."""

    @property
    def size(self) -> int:
        """Octets."""
        return len(self.octets)

    def block(self, number: int, block_size: int) -> bytes:
        """The octets of one block, numbered from 0."""
        return self.octets[number * block_size : (number + 1) * block_size]


@dataclass(frozen=True, slots=True)
class UpgradeOrder:
    """What a client asks for: a file by its name, what it must be, and the device's object that takes it."""

    file_name: str
    identifier: bytes
    size: int
    target: Object


def check_upgrade(descriptor: dev.CosemUpgrade, directory: Path | None) -> Iterator[tuple[str, Problem]]:
    """What is wrong with a descriptor and its file, each with the name of the child element that it is about."""
    wanted = descriptor.cosem_object
    if wanted.class_id != IMAGE_TRANSFER:
        yield "cosem-object", Problem(Code.PAYLOAD, f"the object must be an Image transfer (18), not {wanted.class_id}")
    try:
        identifier = read_identifier(descriptor.image_identifier)
    except ValueError as problem:
        yield "image-identifier", Problem(Code.PAYLOAD, str(problem))
        return
    try:
        load_image(directory, UpgradeOrder(descriptor.upgrade_file, identifier, descriptor.image_size, _no_object))
    except Refused as refused:
        for problem_of_file in refused.problems:
            yield problem_of_file.element, problem_of_file


def read_upgrade(descriptor: dev.CosemUpgrade) -> UpgradeOrder:
    """The descriptor of a request that has been checked."""
    wanted = descriptor.cosem_object
    return UpgradeOrder(
        descriptor.upgrade_file,
        read_identifier(descriptor.image_identifier),
        descriptor.image_size,
        Object(wanted.class_id, wanted.instance_id),
    )


def read_identifier(text: str) -> bytes:
    """An image-identifier as octets: its text, or after `hex:` hex digits (D). Raises ValueError."""
    try:
        octets = bytes.fromhex(text.removeprefix(_HEX)) if text.startswith(_HEX) else text.encode()
    except ValueError:
        raise ValueError(f"image-identifier {text!r}: hex digits must follow {_HEX}") from None
    if not 1 <= len(octets) <= MAX_IDENTIFIER:
        raise ValueError(f"image-identifier {text!r} must have 1 to {MAX_IDENTIFIER} octets")
    return octets


def load_image(directory: Path | None, order: UpgradeOrder) -> Image:
    """Read the image. Raises Refused, whose problems have the name of the child element that they are about."""
    if directory is None:
        raise _refused("upgrade-file", "upgrades are not set up here: the setting upgrade_dir names no directory")
    path = _find(directory, order.file_name)
    try:
        state = path.stat()
        octets = _read(path, state.st_mtime_ns, state.st_size)
        signature = _signature(path)
    except OSError as problem:
        raise _refused("upgrade-file", f"the file {order.file_name!r} cannot be read: {problem.strerror}") from None
    if not octets:
        raise _refused("upgrade-file", f"the file {order.file_name!r} is empty")
    if len(octets) != order.size:
        details = f"image-size is {order.size}, but the file {order.file_name!r} has {len(octets)} octets"
        raise _refused("image-size", details)
    return Image(order.identifier, octets, signature)


def digest(order: UpgradeOrder, image: Image) -> bytes:
    """What tells this image on this object from any other."""
    parts = (order.target.instance_id, len(image.identifier).to_bytes(2, "big"), image.identifier, image.octets)
    return hashlib.sha256(b"".join(parts)).digest()


def _find(directory: Path, name: str) -> Path:
    # A client names a file, never a place: neither by the name itself nor by a link that leads elsewhere.
    if not name or name != Path(name).name or name.startswith(".") or "\\" in name or "\0" in name:
        raise _refused("upgrade-file", f"{name!r} is not the bare name of a file in the directory of upgrades")
    try:
        home = directory.resolve(strict=True)
        path = (home / name).resolve(strict=True)
    except (OSError, RuntimeError):
        raise _refused("upgrade-file", f"there is no file {name!r} in the directory of upgrades") from None
    if path.parent != home or not path.is_file():
        raise _refused("upgrade-file", f"there is no file {name!r} in the directory of upgrades")
    return path


@lru_cache(maxsize=_CACHED)
def _read(path: Path, _changed: int, _size: int) -> bytes:
    return path.read_bytes()


def _signature(path: Path) -> bytes | None:
    beside = path.with_name(path.name + SIGNATURE_SUFFIX)
    return beside.read_bytes() if beside.is_file() else None


def _refused(element: str, details: str) -> Refused:
    return Refused([Problem(Code.PAYLOAD, details, element, reason="upgrade file unusable")])


_no_object = Object(IMAGE_TRANSFER, bytes(6))
