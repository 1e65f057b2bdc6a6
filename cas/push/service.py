"""The delivery of events as a whole, from its settings: what a process runs beside its front or its worker."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from cas.push.broker import BrokerAddress
from cas.push.delivery import Delivery, delivering
from cas.push.events import BROKER, DeliverySettings, Sender, Writer
from cas.push.http import open_http_sender
from cas.push.outbox import PostgresOutbox
from cas.push.targets import Targets
from cas.store.database import Pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivers:
    """Who may get events."""

    targets: Targets = field(default_factory=Targets)
    signing_key: bytes | None = field(default=None, repr=False)
    """What messages by HTTP are signed with."""
    broker: BrokerAddress | None = None


@asynccontextmanager
async def open_delivery(
    pool: Pool,
    conninfo: str,
    receivers: Receivers,
    *,
    soap: Writer,
    plain: Writer,
    settings: DeliverySettings | None = None,
) -> AsyncIterator[None]:
    """Deliver events in the background; `soap` writes them for HTTP, `plain` for MQTT. Raises DatabaseUnavailable."""
    settings = settings or DeliverySettings()
    outbox = PostgresOutbox(pool, settings)
    # All processes have the same settings.
    await outbox.set_brokers([BROKER] if receivers.broker is not None else [])
    async with AsyncExitStack() as stack:
        http = open_http_sender(receivers.targets, soap, settings, signing_key=receivers.signing_key)
        senders: dict[str, Sender] = {"": await stack.enter_async_context(http)}
        if receivers.broker is not None:
            from cas.push.mqtt import open_mqtt_sender  # slow to load, and few need it

            mqtt = open_mqtt_sender(receivers.broker, plain, patience=settings.connect_timeout)
            senders[BROKER] = await stack.enter_async_context(mqtt)
        await stack.enter_async_context(delivering(Delivery(conninfo, outbox, senders, settings)))
        yield
