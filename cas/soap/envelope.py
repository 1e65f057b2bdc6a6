"""The SOAP envelope in both versions: recognising it, and writing it around an answer or a fault."""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from lxml import etree

from cas.soap.errors import NotSoap
from cas.xml import DECLARATIONS, name, path

Element: TypeAlias = etree._Element  # noqa: SLF001 - lxml has no public name for it


class Version(Enum):
    """A version of SOAP."""

    V12 = "http://www.w3.org/2003/05/soap-envelope"
    V11 = "http://schemas.xmlsoap.org/soap/envelope/"

    @property
    def media_type(self) -> str:
        """The media type of its messages over HTTP."""
        return "application/soap+xml" if self is Version.V12 else "text/xml"


# Codes of SOAP 1.2 in the words of 1.1.
_CODES_11 = {"Sender": "Client", "Receiver": "Server"}


@dataclass(frozen=True, slots=True)
class Envelope:
    """A SOAP message as it came: its version, and the one child of its body."""

    version: Version
    body: Element


def version_of(media_type: str) -> Version:
    """The version that goes with a media type; for a message that cannot be read, so that its fault can."""
    return Version.V11 if media_type == Version.V11.media_type else Version.V12


def recognise(root: Element) -> Envelope:
    """Find version and body. Raises NotSoap."""
    qualified = etree.QName(root)
    if qualified.localname != "Envelope":
        raise NotSoap(f"the document is {name(root)}, no SOAP Envelope")
    try:
        version = Version(qualified.namespace or "")
    except ValueError:
        raise NotSoap(f"SOAP 1.2 or 1.1, not {qualified.namespace!r}", code="VersionMismatch") from None
    _refuse_unknown_headers(root, version)
    bodies = root.findall(f"{{{version.value}}}Body")
    if len(bodies) != 1:
        raise NotSoap(f"{path(root)} needs one Body")
    children = list(bodies[0])
    if len(children) != 1:
        raise NotSoap(f"{path(bodies[0])} needs one child, the message; it has {len(children)}")
    return Envelope(version, children[0])


_OUR_ROLES = {
    "",
    f"{Version.V12.value}/role/next",
    f"{Version.V12.value}/role/ultimateReceiver",
    "http://schemas.xmlsoap.org/soap/actor/next",
}


def _refuse_unknown_headers(root: Element, version: Version) -> None:
    role = f"{{{version.value}}}{'role' if version is Version.V12 else 'actor'}"
    for block in root.iterfind(f"{{{version.value}}}Header/*"):
        # What is for other roles is none of our business (SOAP 1.2 Part 1, 2.4; SOAP 1.1, 4.2.2).
        is_ours = block.get(role, "") in _OUR_ROLES
        if is_ours and block.get(f"{{{version.value}}}mustUnderstand") in ("1", "true"):
            raise NotSoap(f"{path(block)} must be understood, but is not", status=500, code="MustUnderstand")


def opening(version: Version) -> str:
    """The start of an answer, up to the body's child."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<soap:Envelope xmlns:soap="{version.value}"{DECLARATIONS}><soap:Body>'
    )


CLOSING = "</soap:Body></soap:Envelope>\n"


def fault(version: Version, code: str, reason: str, detail: str = "") -> str:
    """A whole SOAP fault; `code` in the words of SOAP 1.2, `detail` is XML."""
    text = reason.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if version is Version.V12:
        inner = (
            f"<soap:Code><soap:Value>soap:{code}</soap:Value></soap:Code>"
            f'<soap:Reason><soap:Text xml:lang="en">{text}</soap:Text></soap:Reason>'
            + (f"<soap:Detail>{detail}</soap:Detail>" if detail else "")
        )
    else:
        inner = f"<faultcode>soap:{_CODES_11.get(code, code)}</faultcode><faultstring>{text}</faultstring>" + (
            f"<detail>{detail}</detail>" if detail else ""
        )
    return f"{opening(version)}<soap:Fault>{inner}</soap:Fault>{CLOSING}"
