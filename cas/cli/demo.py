"""`cas demo`: read three simulated meters by SOAP, and show what went over the line."""

import typer

app = typer.Typer(add_completion=False)


@app.command()
def demo() -> None:
    """Read three simulated meters by SOAP, one of them secured with GMAC, and show what went over the line.

    Starts the meters and a service with a database of its own, and leaves nothing behind.
    """
    from cas.cli import _demo

    _demo.run()
