"""What a device may answer to the methods of Security setup, whatever it sends: a value, or a typed error."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.cosem.obis import Obis
from cas.devices import security_setup
from cas.devices.certificates import name_text
from cas.devices.errors import SetupRefused
from cas.devices.security_setup import Entity, Listed, Named, Numbered, Purpose
from cas.dlms.apdu import Request, encode_apdu
from cas.dlms.errors import DlmsError, ExceptionResponse

SETUP = Obis.parse("0.0.43.0.0.255")


class Device:
    """Gives one answer, and keeps what it was asked."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked = ""

    async def request(self, body: Request) -> Any:
        self.asked = encode_apdu(body).hex().upper()
        return self.answer


def acted(data: Data | None = None, result: cos.ActionResult = cos.ActionResult.SUCCESS) -> cos.ActionResponse:
    returned = None if data is None else cos.GetDataResult(data=data)
    single = cos.ActionResponseWithOptionalData(result=result, return_parameters=returned)
    normal = cos.ActionResponseNormal(invoke_id_and_priority=0xC1, single_response=single)
    return cos.ActionResponse(action_response_normal=normal)


def got(data: Data) -> cos.GetResponse:
    normal = cos.GetResponseNormal(invoke_id_and_priority=0xC1, result=cos.GetDataResult(data=data))
    return cos.GetResponse(get_response_normal=normal)


HEAD = "C301C10040" + "00002B0000FF"


@pytest.mark.clause("Blue Book 12, 4.4.7")
class TestOctets:
    """What is sent, octet by octet."""

    async def sent(self, method: Any, *arguments: Any, answer: Data | None = None) -> str:
        device: Any = Device(acted(answer))
        await method(device, SETUP, *arguments)
        assert device.asked.startswith(HEAD)
        return str(device.asked.removeprefix(HEAD))

    async def test_key_transfer(self) -> None:
        sent = await self.sent(security_setup.transfer_keys, [(0, b"\xaa" * 3), (2, b"\xbb")])
        assert sent == "0201" + "0102" + "020216000903AAAAAA" + "020216020901BB"

    async def test_key_agreement(self) -> None:
        answer = Data.array([Data.structure(Data.of("enum", 3), Data.of("octet-string", b"\xcc"))])
        device: Any = Device(acted(answer))
        assert await security_setup.agree_on_keys(device, SETUP, [(3, b"\xaa")]) == {3: b"\xcc"}
        assert device.asked == HEAD + "0301" + "0101" + "020216030901AA"

    async def test_key_pairs_and_certificates(self) -> None:
        named = Named(Entity.SERVER, Purpose.AGREEMENT, b"TTTTTTTT")
        octets = Data.of("octet-string", b"\x30\x00")
        assert await self.sent(security_setup.generate_key_pair, Purpose.AGREEMENT) == "0401" + "1601"
        assert await self.sent(security_setup.certificate_request, Purpose.TLS, answer=octets) == "0501" + "1602"
        assert await self.sent(security_setup.import_certificate, b"\x30\x00") == "0601" + "09023000"
        by_name = "02021600" + "0203160016010908" + b"TTTTTTTT".hex().upper()
        assert await self.sent(security_setup.export_certificate, named, answer=octets) == "0701" + by_name
        assert await self.sent(security_setup.remove_certificate, named) == "0801" + by_name
        by_number = "02021601" + "0202" + "090105" + "09020102"
        assert await self.sent(security_setup.remove_certificate, Numbered(b"\5", b"\1\2")) == "0801" + by_number

    async def test_the_list(self) -> None:
        strings = [Data.of("octet-string", bytes((number,))) for number in range(4)]
        device: Any = Device(got(Data.array([Data.structure(Data.of("enum", 1), Data.of("enum", 0), *strings)])))
        found = await security_setup.list_certificates(device, SETUP)
        assert found == [Listed(Entity.CLIENT, Purpose.SIGNING, b"\0", b"\1", b"\2", b"\3")]
        assert device.asked == "C001C1004000002B0000FF0600"


ASKING: list[Any] = [
    lambda device: security_setup.agree_on_keys(device, SETUP, []),
    lambda device: security_setup.list_certificates(device, SETUP),
    lambda device: security_setup.certificate_request(device, SETUP, Purpose.SIGNING),
    lambda device: security_setup.export_certificate(device, SETUP, Numbered(b"", b"")),
]
simple = st.one_of(
    st.integers(0, 255).map(lambda n: Data.of("enum", n)),
    st.binary(max_size=3).map(lambda octets: Data.of("octet-string", octets)),
    st.just(Data.of("null-data")),
)
anything = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.lists(inner, max_size=7).map(lambda items: Data.structure(*items)),
        st.lists(inner, max_size=3).map(Data.array),
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("ask", ASKING)
@given(data=anything)
async def test_whatever_comes_is_a_value_or_a_typed_error(ask: Any, data: Data) -> None:
    for answer in (acted(data), got(data), acted()):
        try:
            await ask(Device(answer))
        except (DlmsError, SetupRefused):
            pass


async def test_refusals_name_what_was_asked_for() -> None:
    refused: Any = Device(acted(result=cos.ActionResult.OBJECT_UNAVAILABLE))
    with pytest.raises(SetupRefused, match="the device refuses import_certificate: object-unavailable"):
        await security_setup.import_certificate(refused, SETUP, b"")
    exception: Any = Device(
        cos.ExceptionResponse(
            state_error=cos.ExceptionResponseStateError.SERVICE_UNKNOWN,
            service_error=cos.ExceptionResponseServiceError(other_reason=True),
        )
    )
    with pytest.raises(ExceptionResponse):
        await security_setup.import_certificate(exception, SETUP, b"")


@given(st.binary(max_size=200))
def test_any_name_is_shown(octets: bytes) -> None:
    text = name_text(octets)
    assert text.isprintable()
    assert text or not octets


def test_a_name_that_goes_deep_is_shown() -> None:
    name_text(b"\x30\x80" * 40_000)
    name = bytes.fromhex("301B3119301706035504030C10") + b"53494D0000000001"
    assert name_text(name) == "53494D0000000001"
    assert name_text(b"CN=SIM") == "CN=SIM"
