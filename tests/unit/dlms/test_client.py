"""The client over a link in memory: what it sends, what it hands over, and how it ends, whatever goes wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self

import pytest

from cas.bindings import cosempdu as cos
from cas.cosem.data import Data
from cas.dlms import errors
from cas.dlms.acse import Settings
from cas.dlms.association import Notification
from cas.dlms.client import Client
from cas.dlms.conformance import LOGICAL_NAME
from cas.dlms.security.authentication import Mechanism
from cas.dlms.states import State
from tests.unit.dlms.device import (
    AARE,
    AARE_HLS,
    BOTH,
    KEYS,
    PASS_4,
    Counter,
    ciphered,
    get,
    gmac,
    plain,
    seal,
    unseal,
)
from transports.errors import ClosedByPeer, Refused, ResponseTimeout, TransportError
from transports.link import Link
from transports.media.memory import pair
from transports.wrapper import WrapperFraming

ANSWER = "C401C1000600003039"
SECOND_ANSWER = "C401C2000600003039"
NOTIFICATION = "0F00000001000200"
RLRE = "6303800100"

Answer = str | bytes | None | Callable[[bytes], Awaitable[str | bytes | None]]


class Device:
    """A device that answers APDU after APDU: octets, several, none, or what an awaited function gives."""

    def __init__(self, *answers: Answer | list[str]) -> None:
        self.near, self.far = pair()
        self.link = Link(self.far, lambda: WrapperFraming(local=1, remote=16), response_timeout=None)
        self.answers = list(answers)
        self.received: list[str] = []
        self.silent = asyncio.Event()
        """Set when an APDU has come that gets no answer."""
        self.gone = asyncio.Event()
        """Set when the client has closed the link."""

    async def serve(self) -> None:
        await self.link.connect()
        try:
            while True:
                apdu = await self.link.receive()
                self.received.append(apdu.hex().upper())
                answer = self.answers.pop(0) if self.answers else None
                if callable(answer):
                    answer = await answer(apdu)
                if answer is None:
                    self.silent.set()
                for octets in answer if isinstance(answer, list) else [answer] if answer is not None else []:
                    await self.link.send(bytes.fromhex(octets) if isinstance(octets, str) else octets)
        except TransportError:
            self.gone.set()
        finally:
            await self.link.close()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self.serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def client(self, settings: Settings | None = None, counters: Any = None, **more: Any) -> Client:
        timeout = more.pop("response_timeout", 20.0)
        transport = Link(self.near, lambda: WrapperFraming(local=16, remote=1), response_timeout=timeout)
        return Client(transport, settings or plain(), counters, **more)


def taking(seen: list[Notification], *, taken: bool = True) -> Callable[[Notification], Awaitable[bool]]:
    """Takes notifications, or says that it could not."""

    async def take(notification: Notification) -> bool:
        seen.append(notification)
        return taken

    return take


class Ensured:
    """Counters of which no more can be taken than was ensured; `fail_at`: the store is down from that call on."""

    def __init__(self, first: int = 1, fail_at: int | None = None) -> None:
        self._next = first
        self._left = 0
        self._calls = 0
        self._fail_at = fail_at
        self.taken: list[int] = []

    def take(self) -> int:
        if not self._left:
            raise IndexError("no counter was ensured")
        self._left -= 1
        self._next += 1
        self.taken.append(self._next - 1)
        return self._next - 1

    async def ensure(self, count: int = 1) -> None:
        self._calls += 1
        if self._fail_at is not None and self._calls >= self._fail_at:
            raise ConnectionError("the store is down")
        await asyncio.sleep(0)
        self._left = count  # the least that it may do


async def test_opens_asks_and_closes() -> None:
    async with Device(AARE, ANSWER, RLRE) as device:
        async with device.client() as client:
            assert client.negotiated is not None
            assert client.negotiated.max_pdu == 500
            answer = await client.request(get())
            assert isinstance(answer, cos.GetResponse)
        await device.gone.wait()
        assert [apdu[:2] for apdu in device.received] == ["60", "C0", "62"]


async def test_the_release_can_be_left_out() -> None:
    async with Device(AARE) as device:
        async with device.client(plain(release=False)):
            pass
        await device.gone.wait()
        assert [apdu[:2] for apdu in device.received] == ["60"]


async def test_every_challenge_is_another() -> None:
    challenges = set()
    for _ in range(3):
        async with Device(AARE) as device:
            with pytest.raises(errors.AuthenticationFailed):
                await device.client(gmac(), Ensured()).open()
            await device.gone.wait()
            challenges.add(device.received[0][64:128])
    assert len(challenges) == 3


class TestOpening:
    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            ("6117A109060760857405080101A203020101A305A10302010D", errors.AssociationRefused),
            ("D80203", errors.ExceptionResponse),
            ("00", errors.DecodeError),
            (AARE_HLS, errors.DlmsError),
        ],
    )
    async def test_leaves_nothing_open_when_it_fails(self, answer: str, kind: type[errors.DlmsError]) -> None:
        async with Device(answer, "C7014100010009" + "11" + PASS_4.hex()) as device:
            client = device.client(gmac() if answer == AARE_HLS else plain(), Ensured())
            with pytest.raises(kind):
                await client.open()
            await device.gone.wait()
            await client.close()
            with pytest.raises(errors.NotAssociated):
                await client.request(get())

    async def test_a_refused_connection(self) -> None:
        device = Device()
        device.near.refusing = True
        with pytest.raises(Refused):
            await device.client().open()

    async def test_no_answer(self) -> None:
        async with Device() as device:
            with pytest.raises(ResponseTimeout):
                await device.client(response_timeout=0.01).open()
            await device.gone.wait()

    async def test_can_be_done_again_after_closing(self) -> None:
        async with Device(AARE, RLRE) as device:
            client = device.client()
            await client.open()
            await client.close()
            await device.gone.wait()
        again = Device(AARE, ANSWER, RLRE)
        again.near, again.far = device.near, device.far
        again.link = Link(again.far, lambda: WrapperFraming(local=1, remote=16), response_timeout=None)
        async with again, client:
            await client.request(get())


class TestFailure:
    """After an error the association is usable or the link is closed without another word."""

    @pytest.mark.parametrize(
        ("settings", "answer", "kind"),
        [
            (plain(), "C501C100", errors.UnexpectedApdu),
            (plain(), "C401C1", errors.DecodeError),
            (plain(), "C402C1000000000200", errors.DecodeError),
            (plain(), "C402C100000000020001FF", errors.BlockError),
            (plain(), "6303800100", errors.UnexpectedApdu),
            (plain(), [ANSWER.replace("C1", "C5")] * 8, errors.InvokeIdMismatch),
        ],
    )
    async def test_that_spoils_the_association(
        self, settings: Settings, answer: Answer, kind: type[errors.DlmsError]
    ) -> None:
        async with Device(AARE, answer) as device:
            async with device.client(settings) as client:
                with pytest.raises(kind):
                    await client.request(get())
                with pytest.raises(errors.NotAssociated):
                    await client.request(get())
            await device.gone.wait()
            assert len(device.received) == 2  # neither a request nor RLRQ after it

    async def test_a_forged_answer(self) -> None:
        async with Device(_ciphered_aare(), bytes.fromhex(ANSWER)) as device:
            async with device.client(ciphered(), Ensured()) as client:
                with pytest.raises(errors.PolicyViolation):
                    await client.request(get())
            await device.gone.wait()
            assert len(device.received) == 2

    async def test_of_our_own_leaves_it_as_it_was(self) -> None:
        async with Device(AARE, SECOND_ANSWER, RLRE) as device:
            async with device.client() as client:
                with pytest.raises(errors.RequestTooLong):
                    await client.request(_long_list())
                await client.request(get())
            await device.gone.wait()
            assert [apdu[:2] for apdu in device.received] == ["60", "C0", "62"]

    async def test_an_error_of_the_device_leaves_it_as_it_was(self) -> None:
        async with Device(AARE, "D80203", SECOND_ANSWER, RLRE) as device:
            async with device.client() as client:
                assert isinstance(await client.request(get()), cos.ExceptionResponse)
                await client.request(get())
            await device.gone.wait()
            assert device.received[-1][:2] == "62"

    async def test_silence(self) -> None:
        async with Device(AARE) as device:
            client = device.client(response_timeout=0.2)  # the AARE comes in time on a busy machine as well
            await client.open()
            with pytest.raises(ResponseTimeout):
                await client.request(get())
            with pytest.raises(errors.NotAssociated):  # a late answer might be taken for the next
                await client.request(get())
            await client.close()
            await device.gone.wait()
            assert len(device.received) == 2

    @pytest.mark.parametrize("step", range(4))
    async def test_the_link_is_lost(self, step: int) -> None:
        """At the AARQ, at a request, in the midst of blocks, and at the RLRQ."""
        script: list[Answer] = [AARE, ANSWER, "C402C2000000000100020910", SECOND_ANSWER]
        async with Device() as device:

            async def hang_up(_: bytes) -> None:
                await device.link.close()

            device.answers = [*([AARE] if step == 3 else script[:step]), hang_up]
            client = device.client()

            async def work() -> None:
                await client.open()
                if step < 3:
                    await client.request(get())
                    await client.request(get())

            if step < 3:
                with pytest.raises(ClosedByPeer):
                    await work()
            else:
                await work()
            await client.close()
            with pytest.raises(errors.NotAssociated):
                await client.request(get())
            await client.close()


class TestCancellation:
    @pytest.mark.parametrize("answers", [[], [AARE], [AARE, "C402C1000000000100020910"]])
    async def test_in_the_midst_closes_without_another_word(self, answers: list[Answer]) -> None:
        async with Device(*answers) as device:
            client = device.client()

            async def work() -> None:
                async with client:
                    await client.request(get())

            task = asyncio.create_task(work())
            await device.silent.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await device.gone.wait()
            assert device.received[-1][:2] != "62"
            with pytest.raises(errors.NotAssociated):
                await client.request(get())

    async def test_a_time_limit_of_the_caller(self) -> None:
        async with Device(AARE) as device:
            client = device.client()
            await client.open()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await client.request(get())
            assert client._association.state is State.IDLE
            await client.close()
            await device.gone.wait()


class TestClosing:
    """Never raises, never hangs, and closes the link."""

    @pytest.mark.parametrize("answer", ["", "D80101", "6303", "C401C1000600003039", NOTIFICATION, ["6303", RLRE]])
    async def test_whatever_the_device_answers(self, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("cas.dlms.client.RELEASE_TIME", 0.02)
        async with Device(AARE, answer) as device:
            client = device.client()
            await client.open()
            await client.close()
            await device.gone.wait()

    async def test_whatever_the_store_of_counters_does(self) -> None:
        async with Device(_ciphered_aare()) as device:
            client = device.client(ciphered(), Ensured(fail_at=3))
            await client.open()
            await client.close()
            await device.gone.wait()
            assert len(device.received) == 1

    async def test_whatever_the_receiver_of_notifications_does(self) -> None:
        async def refuse(_: Notification) -> bool:
            raise RuntimeError("no room")

        async with Device(AARE, [NOTIFICATION, RLRE]) as device:
            client = device.client(on_notification=refuse)
            await client.open()
            await client.close()
            await device.gone.wait()

    async def test_before_opening(self) -> None:
        client = Device().client()
        await client.close()
        await client.close()

    async def test_ends_the_association_even_without_a_release(self) -> None:
        async with Device(AARE) as device:
            client = device.client(plain(release=False))
            await client.open()
            await client.close()
            with pytest.raises(errors.NotAssociated):
                await client.request(get())

    async def test_cancelled_meanwhile_it_closes_all_the_same(self) -> None:
        async with Device(AARE) as device:
            client = device.client()
            await client.open()
            task = asyncio.create_task(client.close())
            await device.silent.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await device.gone.wait()


class TestNotifications:
    async def test_are_handed_over_as_they_come(self) -> None:
        seen: list[Notification] = []
        early = asyncio.Event()

        async def take(notification: Notification) -> bool:
            seen.append(notification)
            early.set()
            return True

        async with Device(AARE, None, RLRE) as device, device.client(on_notification=take) as client:
            task = asyncio.create_task(client.request(get()))
            await device.silent.wait()
            await device.link.send(bytes.fromhex(NOTIFICATION))
            await early.wait()  # before the answer has come
            assert not task.done()
            await device.link.send(bytes.fromhex(NOTIFICATION))
            await device.link.send(bytes.fromhex(ANSWER))
            await task
        assert len(seen) == 2
        assert isinstance(seen[0], cos.DataNotification)

    async def test_are_handed_over_before_an_error(self) -> None:
        seen: list[Notification] = []
        async with Device(AARE, [NOTIFICATION, "00"]) as device, device.client(on_notification=taking(seen)) as client:
            with pytest.raises(errors.DecodeError):
                await client.request(get())
        assert len(seen) == 1


class TestCounters:
    async def test_are_ensured_for_every_apdu_of_a_long_transfer(self) -> None:
        """One ensures two and no more: taking a third raises IndexError."""
        counters = Ensured(1)
        server = Counter(1)
        octets = Data.of("octet-string", bytes(1500)).octets.hex()
        parts = [octets[i : i + 60] for i in range(0, len(octets), 60)]

        async def block(apdu: bytes) -> bytes:
            request = unseal(apdu.hex())
            number = int(request[6:14], 16) + 1 if request.startswith("C002") else 1
            part = parts[number - 1]
            last = number == len(parts)
            return seal(f"C402{request[4:6]}{last:02X}{number:08X}00{len(part) // 2:02X}{part}", server())

        async with Device(_ciphered_aare(), *[block] * len(parts), RLRE) as device:
            client = device.client(ciphered(), counters)
            await client.open()
            answer = await client.request(get())
            await client.close()
        assert isinstance(answer, cos.GetResponse)
        assert len(parts) > 50
        assert counters.taken == list(range(1, len(parts) + 3))  # AARQ, the blocks, RLRQ

    async def test_are_ensured_for_the_four_passes(self) -> None:
        """Pass 3 takes two at once: that of the proof and that of the ciphering around it."""
        counters = Ensured(1)
        settings = gmac(ciphering=KEYS, control=BOTH)
        sealed = seal("0800065F1F040000501F01F40007", 1)
        aare = (
            bytes.fromhex(AARE_HLS[:-36].replace("080101", "080103"))
            + bytes((0xBE, len(sealed) + 2, 4, len(sealed)))
            + sealed
        )
        async with Device(bytes((0x61, len(aare) - 2)) + aare[2:], seal("C70141030000", 2)) as device:
            with pytest.raises(errors.DlmsError):
                await device.client(settings, counters).open()
        assert counters.taken == [1, 2, 3]
        assert settings.mechanism is Mechanism.HIGH_GMAC


def _ciphered_aare() -> bytes:
    sealed = seal(f"0800065F1F0400{LOGICAL_NAME & 0x00501F:06X}01F40007", 0)
    body = bytes.fromhex("A109060760857405080103A203020100A305A103020100")
    body += bytes((0xBE, len(sealed) + 2, 0x04, len(sealed))) + sealed
    return bytes((0x61, len(body))) + body


def _long_list() -> cos.GetRequest:
    normal = get().get_request_normal
    assert normal is not None
    entry = cos.CosemAttributeDescriptorWithSelection(cosem_attribute_descriptor=normal.cosem_attribute_descriptor)
    selection = cos.SelectiveAccessDescriptor(access_selector=1, access_parameters=Data.of("octet-string", bytes(600)))
    return cos.GetRequest(
        get_request_normal=cos.GetRequestNormal(
            invoke_id_and_priority=1,
            cosem_attribute_descriptor=entry.cosem_attribute_descriptor,
            access_selection=selection,
        )
    )


CONFIRMED_NOTIFICATION = "0F40000007000200"


@pytest.mark.clause("Green Book 8.3, 9.3.10")
class TestConfirmedNotifications:
    """A data-notification of the confirmed service class is confirmed once somebody has it."""

    @pytest.mark.parametrize(
        ("asks", "confirmations"), [(CONFIRMED_NOTIFICATION, ["104000000700"]), (NOTIFICATION, [])]
    )
    async def test_it_is_confirmed_if_it_asks_for_it(self, asks: str, confirmations: list[str]) -> None:
        seen: list[Notification] = []
        async with Device(AARE, [asks, ANSWER], None) as device:
            async with device.client(plain(release=False), on_notification=taking(seen)) as client:
                await client.request(get())
            await device.gone.wait()
        assert len(seen) == 1
        assert device.received[2:] == confirmations

    @pytest.mark.parametrize("taker", [None, taking([], taken=False)])
    async def test_what_nobody_takes_is_not_confirmed(
        self, taker: Callable[[Notification], Awaitable[bool]] | None
    ) -> None:
        async with Device(AARE, [CONFIRMED_NOTIFICATION, ANSWER], None) as device:
            async with device.client(plain(release=False), on_notification=taker) as client:
                await client.request(get())
            await device.gone.wait()
        assert len(device.received) == 2

    async def test_under_ciphering_it_is_ciphered(self) -> None:
        counters, pushed = Ensured(), seal(CONFIRMED_NOTIFICATION, 7, general=True)

        async def answer(_apdu: bytes) -> bytes:
            await device.link.send(pushed)
            return seal("C401C1000600003039", 8)

        settings = ciphered(release=False, pre_established=True, conformance=LOGICAL_NAME)
        async with Device(answer, None) as device:
            async with device.client(settings, counters, on_notification=taking([])) as client:
                await client.request(get())
            await device.gone.wait()
        assert device.received[1].startswith("DB08")
        assert len(set(counters.taken)) == len(counters.taken) == 2


async def test_to_tell_is_not_to_be_answered() -> None:
    normal = cos.SetRequestNormal(
        invoke_id_and_priority=0xC1,
        cosem_attribute_descriptor=get().get_request_normal.cosem_attribute_descriptor,  # type: ignore[union-attr]  # it is that form
        value=Data.of("unsigned", 1),
    )
    async with Device(AARE, None, "C401C2001105") as device:
        async with device.client(plain(release=False)) as client:
            await client.tell(cos.SetRequest(set_request_normal=normal))
            assert isinstance(await client.request(get()), cos.GetResponse)
        await device.gone.wait()
    assert [apdu[:6] for apdu in device.received[1:]] == ["C10181", "C001C2"]
