"""The bindings' XML, read and written by a codec compiled once per class from the fields' metadata.

xsdata's own parser and serialiser do the same from the same metadata and are the oracle in the tests; this one is an
order of magnitude faster, puts octets of COSEM Data to text and back without objects between, and says of each error
which element is at fault. `arrange` brings known children into schema order before a document is validated.
"""

from cas.xml.arranging import arrange
from cas.xml.classes import root_name
from cas.xml.documents import DECLARATIONS, MOST_TAGS, PREFIX, Element, XmlError, name, parse, path, places
from cas.xml.folding import parse_folded, unfold
from cas.xml.reading import read
from cas.xml.writing import document, write

__all__ = [
    "DECLARATIONS",
    "MOST_TAGS",
    "PREFIX",
    "Element",
    "XmlError",
    "arrange",
    "document",
    "name",
    "parse",
    "parse_folded",
    "path",
    "places",
    "read",
    "root_name",
    "unfold",
    "write",
]
