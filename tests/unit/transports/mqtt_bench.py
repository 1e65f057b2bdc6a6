"""A real MQTT broker in the tests' own event loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from amqtt.broker import Broker
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session


class OnlyCas(BaseAuthPlugin):  # type: ignore[misc] # amqtt has no types
    """Lets in user `cas` with password `secret`."""

    async def authenticate(self, *, session: Session) -> bool:
        return (session.username, session.password) == ("cas", "secret")


@asynccontextmanager
async def broker(
    *, certificate: Path | None = None, authority: Path | None = None, port: int = 0
) -> AsyncIterator[int]:
    """Run a broker on 127.0.0.1, by default on a free port; yields the port."""
    listener: dict[str, Any] = {"type": "tcp", "bind": f"127.0.0.1:{port}"}
    if certificate is not None:
        listener |= {"ssl": True, "certfile": str(certificate), "keyfile": str(certificate), "cafile": str(authority)}
    running = Broker(
        {"listeners": {"default": listener}, "plugins": {f"{__name__}.{OnlyCas.__name__}": {}}},
    )
    await running.start()
    try:
        yield running._servers["default"].instance.sockets[0].getsockname()[1]
    finally:
        # The broker never finishes shutting down while a client is in the middle of connecting.
        connecting = [task for task in asyncio.all_tasks() if task.get_name().startswith("mqtt ")]
        if connecting:
            await asyncio.wait(connecting, timeout=0.3)
        await running.shutdown()
