"""Associations that a client asks for itself, with a foreign meter."""

import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from cas.bindings import cosempdu as cos
from cas.devices.counters import Counters
from cas.devices.keys import Keyring, Secret
from cas.devices.lines import Line, Lines
from cas.devices.opening import Means
from cas.devices.registration import Row, register_devices
from cas.dlms.apdu import decode_apdu, encode_apdu
from cas.dlms.conformance import Conformance
from cas.dlms.errors import KeyUnusable, NotAssociated, ServiceNotSupported
from cas.store.database import Pool
from tests.access_fakes import get_request
from tests.processes import gurux_meter, running

KEYRING = Keyring([Secret(b"m" * 32)])
LN, LN_CIPHERED = "2.16.756.5.8.1.1", "2.16.756.5.8.1.3"
LOW, GMAC = "2.16.756.5.8.2.1", "2.16.756.5.8.2.5"
RLRQ = cos.RlrqApdu(reason=cos.ReleaseRequestReason.NORMAL)
KEYS = {
    "encryption_key": "000102030405060708090A0B0C0D0E0F",
    "authentication_key": "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF",
}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    with running(gurux_meter("--port", str(number))):
        yield number


@pytest.fixture
async def lines(pool: Pool, port: int) -> Lines:
    """One meter under three names, by the client address that chooses its association."""
    url = f"tcp://127.0.0.1:{port}?server=1&client="
    rows = [
        {"device_id": "none", "url": f"{url}16"},
        {"device_id": "low", "url": f"{url}17"},
        {"device_id": "4752580000000001", "alias": "gmac", "url": f"{url}1", **KEYS},
    ]
    await register_devices(pool, KEYRING, [Row(row) for row in rows])
    return Lines(pool, KEYRING, Means(Counters(pool), b"CAS\x00\x00\x00\x00\x01"))


@pytest.fixture
async def gmac(lines: Lines) -> AsyncIterator[Line]:
    async with lines.hold("gmac") as line:
        yield line


def initiate(conformance: Conformance = Conformance.GET, dedicated: bytes | None = None) -> bytes:
    return encode_apdu(
        cos.InitiateRequest(
            dedicated_key=dedicated,
            proposed_dlms_version_number=6,
            proposed_conformance=conformance.bits,
            client_max_receive_pdu_size=512,
        )
    )


def accepted(aare: cos.AareApdu) -> cos.InitiateResponse:
    assert aare.result is cos.AssociationResult.ACCEPTED
    response = decode_apdu(aare.user_information or b"")
    assert isinstance(response, cos.InitiateResponse)
    return response


@pytest.mark.clause("7.2.6")
async def test_the_client_s_own_context_counts(lines: Lines) -> None:
    aarq = cos.AarqApdu(application_context_name=LN, user_information=initiate(Conformance.GET))
    async with lines.hold("none") as line:
        response = accepted(await line.open(aarq))
        assert Conformance.from_bits(response.negotiated_conformance) & Conformance.GET
        assert isinstance(await line.request(get_request()), cos.GetResponse)
        with pytest.raises(ServiceNotSupported):
            await line.request(cos.ReadRequest(variable_access_specification=()))
        assert isinstance(await line.release(RLRQ), cos.RlreApdu)
        assert not line.is_open
        with pytest.raises(NotAssociated):
            await line.request(get_request())
        accepted(await line.open())  # and the registry's after it
        assert isinstance(await line.request(get_request()), cos.GetResponse)


@pytest.mark.clause("7.2.6")
async def test_the_client_s_own_password_counts_and_a_wrong_one_is_answered(lines: Lines) -> None:
    async with lines.hold("low") as line:
        for password, result in ((b"Gurux", "accepted"), (b"wrong", "rejected-permanent")):
            aarq = cos.AarqApdu(
                application_context_name=LN,
                mechanism_name=LOW,
                calling_authentication_value=cos.AuthenticationValue(charstring=password),
                user_information=initiate(),
            )
            aare = await line.open(aarq)
            assert aare.result.value == result
            assert line.is_open is (result == "accepted")


@pytest.mark.clause("7.2.6")
@pytest.mark.parametrize("context", [LN, LN_CIPHERED])
async def test_passes_3_and_4_and_the_ciphering_are_ours(gmac: Line, context: str) -> None:
    aarq = cos.AarqApdu(
        application_context_name=context,
        mechanism_name=GMAC,
        calling_ap_title=b"CLIENT07",
        calling_authentication_value=cos.AuthenticationValue(charstring=b"a challenge of theirs"),
        user_information=initiate(),
    )
    aare = await gmac.open(aarq)
    accepted(aare)  # in the clear, though it came ciphered
    assert aare.mechanism_name == GMAC
    assert isinstance(await gmac.request(get_request()), cos.GetResponse)
    assert isinstance(await gmac.release(RLRQ), cos.RlreApdu)


@pytest.mark.clause("7.2.6")
async def test_a_dedicated_key_protects_what_follows(gmac: Line) -> None:
    aarq = cos.AarqApdu(
        application_context_name=LN_CIPHERED, mechanism_name=GMAC, user_information=initiate(dedicated=bytes(range(16)))
    )
    accepted(await gmac.open(aarq))
    assert isinstance(await gmac.request(get_request()), cos.GetResponse)


async def test_ciphering_without_keys_is_refused_here(lines: Lines) -> None:
    async with lines.hold("none") as line:
        with pytest.raises(KeyUnusable, match="encryption key"):
            await line.open(cos.AarqApdu(application_context_name=LN_CIPHERED))
