"""The object list of a device: its objects, and what this association may do with them (Blue Book 12, 4.4.3 and 4.4.4).

A device with short names tells its objects by Association SN, and what may be done with them in a list of its own.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cas.cosem.data import Data, Value
from cas.cosem.interface_classes import find_class, names_of_bits, names_of_values
from cas.cosem.kinds import ARRAY, STRUCTURE, DataError
from cas.cosem.obis import Obis
from cas.devices.reading import Attribute, Reader
from cas.dlms.errors import DecodeError

CURRENT_ASSOCIATION = Obis(bytes((0, 0, 40, 0, 0, 255)))
_ASSOCIATION_SN, _ASSOCIATION_LN, _OBJECT_LIST, _ACCESS_RIGHTS_LIST = 12, 15, 2, 3
_RIGHTS_AS_BITS = 3
"""The version of Association LN from which on access modes are bits."""
_READABLE, _WRITABLE = frozenset((1, 3, 4, 6)), frozenset((2, 3, 5, 6))


@dataclass(frozen=True, slots=True)
class Right:
    """What may be done with an attribute or method, and how the object list calls it."""

    number: int
    names: tuple[str, ...]
    read: bool = False
    write: bool = False
    execute: bool = False

    @property
    def text(self) -> str:
        """The names as one text."""
        return ", ".join(self.names) or "no access"


@dataclass(frozen=True, slots=True)
class CosemObject:
    """An object of the list."""

    class_id: int
    version: int
    logical_name: Obis
    attributes: Mapping[int, Right]
    methods: Mapping[int, Right]


async def read_objects(reader: Reader) -> list[CosemObject]:
    """The objects that the current association shows. Raises DecodeError, DlmsError, TransportError."""
    data = await reader.value(Attribute(_ASSOCIATION_LN, CURRENT_ASSOCIATION, _OBJECT_LIST))
    if data is not None:
        return parse_objects(data)
    data = await reader.value(Attribute(_ASSOCIATION_SN, CURRENT_ASSOCIATION, _OBJECT_LIST))
    if data is None:
        return []
    return parse_short_objects(
        data, await reader.value(Attribute(_ASSOCIATION_SN, CURRENT_ASSOCIATION, _ACCESS_RIGHTS_LIST))
    )


def parse_objects(data: Data) -> list[CosemObject]:
    """The objects of an object list. Raises DecodeError."""
    entries = [_entry(item) for item in _listed(data)]
    own = (version for class_id, version, name, _ in entries if (class_id, name) == _OWN)
    as_bits = next(own, 0) >= _RIGHTS_AS_BITS
    return [
        CosemObject(class_id, version, name, *_rights(rights, as_bits)) for class_id, version, name, rights in entries
    ]


def _listed(data: Data) -> list[Value]:
    """The elements of a list, each as plain values. Raises DecodeError."""
    if data.tag != ARRAY:
        raise DecodeError(f"an array is due, not {data.kind}", path="object_list")
    try:
        return [item.value if item.tag == STRUCTURE else None for item in data.children()]
    except DataError as error:
        raise DecodeError(error.reason, error.offset, "object_list") from None


def parse_short_objects(data: Data, access: Data | None) -> list[CosemObject]:
    """The objects of the list of an Association SN, with its access_rights_list. Raises DecodeError.

    Where that list does not tell of an object, its attributes are those of its class, and may be read for all we know.
    """
    rights = dict(_short_rights(access)) if access is not None and access.tag == ARRAY else {}
    found = []
    for item in _listed(data):
        match item:
            case (int() as base, int() as class_id, int() as version, bytes() as name) if len(name) == 6:
                told = rights.get(base) or (_supposed(class_id, version), {})
                found.append(CosemObject(class_id, version, Obis(name), *told))
            case _:
                what = "an entry is no structure of base name, class, version and logical name"
                raise DecodeError(what, path="object_list")
    return found


def _short_rights(access: Data) -> Iterator[tuple[int, tuple[dict[int, Right], dict[int, Right]]]]:
    for item in _listed(access):
        match item:
            case (int() as base, list() as attributes, list() as methods):
                yield base, _rights((attributes, methods), as_bits=False)


def _supposed(class_id: int, version: int) -> dict[int, Right]:
    known = find_class(class_id, version)
    return {number: Right(number, ("not told",), read=True) for number in known.attributes} if known else {}


_OWN = (_ASSOCIATION_LN, CURRENT_ASSOCIATION)


def _entry(value: object) -> tuple[int, int, Obis, object]:
    match value:
        case (int() as class_id, int() as version, bytes() as name, rights) if len(name) == 6:
            return class_id, version, Obis(name), rights
        case _:
            raise DecodeError("an entry is no structure of class, version, logical name and rights", path="object_list")


def _rights(rights: object, as_bits: bool) -> tuple[dict[int, Right], dict[int, Right]]:
    match rights:
        case (list() as attributes, list() as methods):
            return _attribute_rights(attributes, as_bits), _method_rights(methods, as_bits)
        case _:
            return {}, {}


def _attribute_rights(items: Iterable[object], as_bits: bool) -> dict[int, Right]:
    found = {}
    for item in items:
        match item:
            case (int() as number, int() as mode, *_) if as_bits:
                found[number] = Right(number, _bits("access_right", mode), read=bool(mode & 1), write=bool(mode & 2))
            case (int() as number, int() as mode, *_):
                name = names_of_values("attribute_access_mode").get(mode, f"mode {mode}")
                found[number] = Right(number, (name,), read=mode in _READABLE, write=mode in _WRITABLE)
    return found


def _method_rights(items: Iterable[object], as_bits: bool) -> dict[int, Right]:
    found = {}
    for item in items:
        match item:
            case (int() as number, int() as mode, *_) if as_bits:
                found[number] = Right(number, _bits("method_right", mode), execute=bool(mode & 1))
            case (int() as number, int() as mode, *_):
                name = names_of_values("method_access_mode").get(int(mode), f"mode {mode}")
                found[number] = Right(number, (name,), execute=bool(mode))
    return found


def _bits(table: str, mode: int) -> tuple[str, ...]:
    names = names_of_bits(table)
    return tuple(names.get(i, f"bit {i}") for i in range(8) if mode >> i & 1)
