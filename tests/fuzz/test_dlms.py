"""Every decoder of `cas.dlms` on spoilt and invented octets: typed errors only, no hang, memory bounded by the input.

CAS_FUZZ_SECONDS says how long each one is tried (1 unless told): a quick look in every run, hours before a release.
"""

import itertools
import json
import os
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.kinds import DataError
from cas.dlms import axdr, ber
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.association import Association
from cas.dlms.conformance import LOGICAL_NAME
from cas.dlms.errors import DlmsError
from cas.dlms.notification import open_notification
from cas.dlms.security.policy import Protection
from cas.dlms.security.wrapping import unwrap
from cas.dlms.server import ServerAssociation, ServerSettings
from cas.dlms.server_blocks import BlockServer
from cas.dlms.translate import Keys, Translator
from cas.dlms.xdlms.gbt import Transfer
from tests.unit.dlms.device import KEYS, SERVER_TITLE, Counter, apdus, ciphered, get, opened, plain
from tests.unit.dlms.test_server import KEYS as SERVER_KEYS
from tests.unit.dlms.test_server import SERVER, Meter

SECONDS = float(os.environ.get("CAS_FUZZ_SECONDS", "1"))
VECTORS = Path(__file__).parents[1] / "vectors"
SEEDS = [bytes.fromhex(one["hex"]) for one in json.loads((VECTORS / "apdus.json").read_text())["apdus"]]
MEMORY = 1 << 20
"""Octets that decoding any one APDU may take, besides a multiple of its length."""


def octets(seed: int) -> Iterator[bytes]:
    """APDUs spoilt in one way or several, for as long as there is time; the same ones in every run."""
    chance = random.Random(seed)
    until = time.monotonic() + SECONDS
    yield b""
    yield from (bytes((tag,)) for tag in range(256))
    while time.monotonic() < until:
        found = bytearray(chance.choice(SEEDS))
        for _ in range(chance.randrange(4)):
            spoil(found, chance)
        yield bytes(found)


def spoil(found: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(found) + 1)
    match chance.randrange(7):
        case 0:
            del found[at:]
        case 1:
            found[at:at] = chance.randbytes(chance.randrange(1, 9))
        case 2:
            found[at : at + 1] = bytes((chance.choice((0, 1, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xFE, 0xFF)),))
        case 3:
            del found[at : at + chance.randrange(1, 5)]
        case 4:
            found[at : at + 1] = bytes((chance.randrange(256),))
        case 5:
            found += found[at:]
        case _:
            found[at:at] = chance.choice(SEEDS)[: chance.randrange(20)]


def decode_data(apdu: bytes) -> None:
    try:
        Data.decode(apdu[1:])
    except DataError as error:
        raise DlmsError(str(error)) from None


DECODERS: dict[str, Callable[[bytes], object]] = {
    "decode_apdu": decode_apdu,
    "axdr": lambda apdu: axdr.decode(cos.XDlmsApdu, apdu),
    "ber": lambda apdu: ber.decode(cos.ACseApdu, apdu),
    "data": decode_data,
    "unwrap": unwrap,
    "notification": lambda apdu: open_notification(apdu, SERVER_TITLE, KEYS, Protection()),
    "translate": lambda apdu: Translator(Keys(bytes(16), bytes(16), None, SERVER_TITLE, SERVER_TITLE)).translate(apdu),
}


@pytest.mark.parametrize("name", DECODERS)
def test_decoders_give_a_value_or_a_typed_error(name: str) -> None:
    for apdu in octets(1):
        try:
            DECODERS[name](apdu)
        except DlmsError:
            pass
        except Exception as error:
            raise AssertionError(apdu.hex()) from error


def test_what_is_decoded_is_coded_to_what_is_decoded() -> None:
    for apdu in octets(2):
        try:
            body: Any = decode_apdu(apdu)
            again = encode_apdu(body)
        except DlmsError:
            continue
        assert decode_apdu(again) == body, apdu.hex()


def test_memory_is_bounded_by_the_input() -> None:
    tracemalloc.start()
    try:
        for apdu in itertools.islice(octets(3), 5000):
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            try:
                decode_apdu(apdu)
            except DlmsError:
                pass
            used = tracemalloc.get_traced_memory()[1] - before
            assert used < MEMORY + 1000 * len(apdu), apdu.hex()
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("secure", [False, True])
def test_a_server_answers_whatever_comes(secure: bool) -> None:
    settings = ServerSettings(own_title=SERVER, keys=SERVER_KEYS if secure else None, conformance=LOGICAL_NAME)
    association = ServerAssociation(
        settings, Meter(), challenge=lambda: bytes(16), take_counter=Counter(1), counters={}
    )
    server = BlockServer(association)
    aarq = next(Association(ciphered() if secure else plain(), Counter(1)).associate(b""))
    for number, apdu in enumerate(octets(4)):
        if number % 50 == 0:
            for one in apdus(aarq):
                server.receive(one)
        for answer in server.receive(apdu):
            decode_apdu(answer)


@pytest.mark.parametrize("secure", [False, True])
def test_a_client_takes_whatever_comes(secure: bool) -> None:
    settings = ciphered(conformance=LOGICAL_NAME) if secure else plain(conformance=LOGICAL_NAME)
    source = octets(5)
    for first in source:
        procedure = opened(settings).request(get())
        next(procedure)
        try:
            procedure.send(first)
            for _ in range(20):
                procedure.send(next(source))
        except (StopIteration, DlmsError):
            pass


def test_a_client_that_associates_takes_whatever_comes() -> None:
    for apdu in octets(6):
        procedure = Association(plain(), Counter(1)).associate(bytes(16))
        next(procedure)
        try:
            procedure.send(apdu)
        except (StopIteration, DlmsError):
            pass


def test_blocks_of_any_kind() -> None:
    chance = random.Random(7)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        transfer = Transfer(window=chance.randrange(64), limit=1000)
        for _ in range(50):
            block = cos.GeneralBlockTransfer(
                block_control=chance.randrange(256),
                block_number=chance.choice((0, 1, 2, 3, chance.randrange(70), 0xFFFF)),
                block_number_ack=chance.choice((0, 1, chance.randrange(0x10000))),
                block_data=chance.randbytes(chance.randrange(40)),
            )
            try:
                transfer.receive(block)
            except DlmsError:
                break
            assert transfer.size <= 1000
