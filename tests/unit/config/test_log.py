"""Lines of the log."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from cas.log import configure_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_of_json_has_event_fields_and_context() -> None:
    out = io.StringIO()
    configure_logging("info", "json", out)
    with structlog.contextvars.bound_contextvars(request="r1"):
        structlog.get_logger("cas.test").info("device read", device="A", octets=7)
    line = json.loads(out.getvalue())
    assert (line["event"], line["device"], line["octets"], line["request"]) == ("device read", "A", 7, "r1")
    assert (line["level"], line["logger"]) == ("info", "cas.test")
    assert line["timestamp"].endswith("Z")


def test_other_libraries_write_the_same_form() -> None:
    out = io.StringIO()
    configure_logging("info", "json", out)
    logging.getLogger("other").warning("hello %s", "you")
    line = json.loads(out.getvalue())
    assert (line["event"], line["level"], line["logger"]) == ("hello you", "warning", "other")


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_reaches_a_line(form: str) -> None:
    out = io.StringIO()
    configure_logging("debug", form, out)
    log = structlog.get_logger("cas.test")
    secret = "hunter2"
    try:
        _fail(secret)
    except ValueError:
        log.exception("failed", key=secret.encode(), Password=secret, dsn=f"postgresql://u:{secret}@h/d")
    assert "failed" in out.getvalue()
    assert "ValueError: broken" in out.getvalue()
    assert secret not in out.getvalue()


def test_less_severe_lines_are_left_out() -> None:
    out = io.StringIO()
    configure_logging("warning", "console", out)
    structlog.get_logger().info("quiet")
    logging.getLogger("other").info("quiet")
    assert out.getvalue() == ""


def _fail(_secret: str) -> None:
    # A traceback that printed local variables would show the key.
    raise ValueError("broken")
