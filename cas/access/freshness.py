"""Stored answers that are fresh enough (IEC TS 62056-9-1, 7.2.6: NotOlderThan in the past when the request arrives).

Decisions (D): the bound holds for the first activation of a resource. An answer counts if any resource got it to the
same request, whose invoke-id does not matter, at or after the bound, and if it is good: data, no error. Only what reads
is answered so (get-request, readRequest), and only where nothing precedes it in its resource that may change the device
or the association. The result that the client gets tells the time when the device was really accessed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from cas.access.model import Octets
from cas.bindings import cosempdu as cos
from cas.dlms.apdu import decode_apdu
from cas.store.database import Pool, connected
from cas.store.queries import query

_FRESH = query("result_fresh")

_GET_RESPONSE = 0xC4
_INVOKE_ID = 2


@dataclass(frozen=True, slots=True)
class Stored:
    """An answer that is there already."""

    activated: datetime
    """When the device was accessed."""
    answer: Octets


Fresh = Mapping[str, Mapping[int, Stored]]
"""Stored answers by DeviceID and number of the request."""


async def fresh_answers(pool: Pool, access_id: UUID, device_ids: Sequence[str]) -> Fresh:
    """What is stored of these devices that is fresh enough for a resource. Raises DatabaseUnavailable."""
    found: dict[str, dict[int, Stored]] = {}
    parameters = {"access_id": access_id, "device_ids": list(device_ids)}
    async with connected(pool) as connection:
        rows = await (await connection.execute(_FRESH, parameters, binary=True)).fetchall()
    for number, device_id, activated, answer, request in rows:
        if is_good(Octets(answer)):
            found.setdefault(device_id, {})[number] = Stored(activated, answering(Octets(answer), Octets(request)))
    return found


def is_good(answer: Octets) -> bool:
    """Whether the answer to a read has data for everything that was asked."""
    match decode_apdu(answer):
        case cos.GetResponse(get_response_normal=cos.GetResponseNormal() as normal):
            return normal.result.data is not None
        case cos.GetResponse(get_response_with_list=cos.GetResponseWithList() as listed):
            return all(each.data is not None for each in listed.result.get_data_result)
        case cos.ReadResponse() as read:
            return all(each.data is not None for each in read.choice)
        case _:
            return False


def answering(answer: Octets, request: Octets) -> Octets:
    """An answer as it is to another request for the same: with that one's invoke-id."""
    if answer[0] != _GET_RESPONSE:
        return answer
    return Octets(answer[:_INVOKE_ID] + request[_INVOKE_ID : _INVOKE_ID + 1] + answer[_INVOKE_ID + 1 :])
