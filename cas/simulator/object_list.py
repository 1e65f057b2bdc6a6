"""The object_list of Association LN: the objects that a client sees, and its rights (Blue Book 12, 4.4.4)."""

from collections.abc import Iterable, Mapping
from functools import cache

from cas.cosem.data import Data
from cas.simulator.model import CURRENT_ASSOCIATION, Model, Offer
from cas.simulator.objects import NULL, READ, CosemObject

_SAPS = bytes((0, 0, 41, 0, 0, 255))


@cache
def object_list(model: Model, offer: Offer) -> Data:
    """The list, the same for all meters of the model."""
    elements = [
        _element(15, 1, CURRENT_ASSOCIATION, dict.fromkeys((1, 2, 3, 4, 5, 6, 8, 9), READ) | {7: 0}, {}, [1]),
        _element(17, 0, _SAPS, {1: READ, 2: READ}, {}, []),
    ]
    elements += [_of(found, offer) for found in model.objects.values() if _sees(offer, found)]
    return Data.array(elements)


def _sees(offer: Offer, found: CosemObject) -> bool:
    return offer.objects is None or found.logical_name in offer.objects


def _of(found: CosemObject, offer: Offer) -> Data:
    rights = found.rights if offer.full else {number: mode & READ for number, mode in found.rights.items()}
    methods = range(1, found.methods + 1) if offer.full else []
    return _element(found.class_id, found.version, found.logical_name, rights, found.selectors, methods)


def _element(
    class_id: int,
    version: int,
    logical_name: bytes,
    rights: Mapping[int, int],
    selectors: Mapping[int, Iterable[int]],
    methods: Iterable[int],
) -> Data:
    attributes = [
        Data.structure(
            Data.of("integer", number),
            Data.of("enum", mode),
            Data.array(Data.of("integer", one) for one in selectors[number]) if number in selectors else NULL,
        )
        for number, mode in sorted(rights.items())
    ]
    allowed = [Data.structure(Data.of("integer", number), Data.of("enum", 1)) for number in methods]
    return Data.structure(
        Data.of("long-unsigned", class_id),
        Data.of("unsigned", version),
        Data.of("octet-string", logical_name),
        Data.structure(Data.array(attributes), Data.array(allowed)),
    )
