"""Logging of the service: structlog on top of the standard library, one line an event, to stderr.

Keys and passwords never reach a line: values named like one are blanked, and the classes that hold keys hide them.
"""

import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

SECRET_NAMES = frozenset({"key", "keys", "password", "secret", "dsn", "token", "authorization", "master_key"})
BLANK = "***"


def configure_logging(level: str = "info", form: str = "console", stream: TextIO | None = None) -> None:
    """Send the lines of structlog and of `logging` to `stream` (stderr) as `console` text or as `json`."""
    out = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        blank_secrets,
    ]
    if form == "json":
        last: list[Processor] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # Plain tracebacks: the pretty ones print local variables, and those may hold keys.
        plain = structlog.dev.plain_traceback
        last = [structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=plain)]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # What it tells with a traceback comes to the worker as an error, which tells it in a line.
    logging.getLogger("procrastinate.utils").setLevel(logging.CRITICAL)


def blank_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace the value of every field whose name says that it holds a key or a password."""
    for name in event:
        if name.lower() in SECRET_NAMES:
            event[name] = BLANK
    return event
