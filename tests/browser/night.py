"""The console of a night at a utility (`scene.py`), to look at:

    python -m tests.browser.night [RESOURCES]

makes a database of its own, with as many resources more, and serves it on a port of its own until SIGTERM.
"""

import asyncio
import signal
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from aiohttp import web

from cas.console.http import routes
from cas.store.database import open_pool
from cas.store.embedded import embedded_server
from cas.store.migrate import migrate
from tests.browser import scene
from tests.console_site import open_site

PERMITS_HELD = 137


async def _serve(dsn: str, resources: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(open_pool(dsn, max_size=4))
        site = await stack.enter_async_context(open_site(pool, dsn, clock=lambda: scene.NOW))
        await scene.fill(pool, site.keyring, site.settings.client_title)
        await scene.fill_more(pool, resources)
        async with pool.connection() as connection:
            await connection.set_autocommit(True)
            await connection.execute("ANALYZE")
        for number in range(PERMITS_HELD):
            await stack.enter_async_context(site.permits.permit(0, f"M{number}"))
        application = web.Application()
        application.add_routes(routes(site))
        runner = web.AppRunner(application)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"READY http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
        await stop.wait()
        site.hub.stop()


def main() -> None:
    """Serve until SIGTERM."""
    with tempfile.TemporaryDirectory() as directory, embedded_server(Path(directory) / "pg", durable=False) as dsn:
        migrate(dsn)
        asyncio.run(_serve(dsn, int(sys.argv[1]) if len(sys.argv) > 1 else 0))


if __name__ == "__main__":
    main()
