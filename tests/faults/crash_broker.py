"""An MQTT broker in a process of its own: `python -m tests.faults.crash_broker PORT`."""

import asyncio
import signal
import sys

from tests.unit.transports.mqtt_bench import broker


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with broker(port=port):
        print("READY", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
