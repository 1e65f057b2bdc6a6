"""Changing octets: what a fuzzer does between two runs."""

import random

from tests.fuzz.targets import MOST_OCTETS

TELLING = [
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\x81\x80",
    b"\x84\xff\xff\xff\xff",
    b"\x7e",
    b"<",
    b"&",
    b"]]>",
    b'"',
    b"=",
    b"\r\n",
    b"\xc3\x28",
]


def mutate(chance: random.Random, octets: bytes, other: bytes) -> bytes:
    """A few changes of `octets`; pieces may come from `other`."""
    changed = bytearray(octets)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(7):
            case 0 if at < len(changed):
                changed[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(changed):
                changed[at] = chance.randrange(256)
            case 2:
                changed[at:at] = chance.choice(TELLING)
            case 3:
                del changed[at : at + chance.choice((1, 1, 2, 4, 16, 64))]
            case 4:
                end = at + chance.randrange(1, 32)
                changed[at:at] = changed[at:end] * chance.choice((1, 2, 8))
            case 5 if other:
                start = chance.randrange(len(other))
                changed[at:at] = other[start : start + chance.randrange(1, 64)]
            case _:
                del changed[at:]
                changed += other[chance.randrange(len(other) + 1) :]
    return bytes(changed[:MOST_OCTETS])
