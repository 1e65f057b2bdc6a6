"""What a device sends unasked while it is talked to goes where the notifications that are listened to go."""

from datetime import UTC, datetime

import pytest

from cas.access.events import in_association
from cas.dlms.apdu import decode_apdu
from cas.dlms.notification import Body, Kind
from cas.push.model import Notification

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("taken", [True, False])
@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        ("0F40000007000200", Kind.DATA),
        ("C20000080000010000FF021105", Kind.EVENT),
        ("180001022BC8011105", Kind.REPORT),
    ],
)
async def test_it_is_given_on_as_it_came(octets: str, kind: Kind, taken: bool) -> None:
    seen: list[Notification] = []

    async def sink(notification: Notification) -> bool:
        seen.append(notification)
        return taken

    body = decode_apdu(bytes.fromhex(octets))
    assert isinstance(body, Body)
    assert await in_association(sink, lambda: NOW)("M1", body) is taken
    assert seen == [Notification("M1", NOW, bytes.fromhex(octets), kind)]
