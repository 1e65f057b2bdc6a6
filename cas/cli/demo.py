"""`cas demo`: read three simulated meters by SOAP, and show what went over the line; or what happens by itself."""

from typing import Annotated

import typer

from cas.cli._common import examples

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "cas demo  # a request, its answer, and the values as a person reads them",
        "cas demo --scheduled  # a repeating job, its events, a notification",
    ),
)
def demo(
    scheduled: Annotated[
        bool, typer.Option("--scheduled", help="A repeating job, its events, and a notification of a meter.")
    ] = False,
) -> None:
    """Read three simulated meters by SOAP, one of them secured with GMAC, and show what went over the line.

    Starts the meters and a service with a database of its own, and leaves nothing behind.
    """
    from cas.cli import _demo, _demo_scheduled

    if scheduled:
        _demo_scheduled.run()
    else:
        _demo.run()
