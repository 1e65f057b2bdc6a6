"""The WSDL and the schemas as documents for clients, with the addresses at which they found us."""

from functools import cache

from lxml import etree

from cas.soap.schema import directory

_LOCATION = "{*}address"
_IMPORT = "{http://www.w3.org/2001/XMLSchema}import"


def wsdl(service: str, schemas: str) -> bytes:
    """The WSDL; `service` is the URL of the service, `schemas` that of the directory of the schemas."""
    root = etree.fromstring(_file("cas.wsdl"))
    for address in root.iter(_LOCATION):
        address.set("location", service)
    for imported in root.iter(_IMPORT):
        imported.set("schemaLocation", f"{schemas}/{imported.get('schemaLocation')}")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def schema_names() -> list[str]:
    """The names of the schemas: `Message.xsd` and what it imports."""
    return sorted(file.name for file in directory().glob("*.xsd"))


def schema(name: str) -> bytes:
    """A schema as it stands, by one of `schema_names`."""
    return _file(name)


@cache
def _file(name: str) -> bytes:
    return (directory() / name).read_bytes()
