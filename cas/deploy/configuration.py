"""The settings as a commented `cas.toml`, and as a table: both from the model, so that they cannot lie."""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, get_args

from pydantic import SecretStr

from cas.config import PREFIX, Settings

SECTIONS: Mapping[str, str] = {
    "data_dir": "Database",
    "host": "Where the service listens",
    "authentication": "Who may ask, and how they prove it",
    "master_key": "Keys at rest",
    "client_system_title": "Devices and the lines to them",
    "devices_at_once": "Schedules, retries, how long results are kept",
    "strict_order": "SOAP messages",
    "event_targets": "Events to receivers",
    "push_host": "Notifications of meters, and meters that dial in",
    "metrics_port": "What watches the service",
}
"""Titles, each by the setting that it stands before."""
_WIDTH = 118
_HEAD = """\
# Settings of the COSEM Access Service. All stand at their defaults: remove the sign # before what you change.
# An environment variable goes before its line here (CAS_PORT=8443 is port = 8443). `cas check` says if all is well.
"""


@dataclass(frozen=True, slots=True)
class Described:
    """A setting as text. `value` is TOML: the default, or an example where nothing or an empty list is the default."""

    name: str
    section: str
    meaning: str
    value: str
    is_example: bool
    is_secret: bool

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.name.upper()


def described() -> Iterator[Described]:
    """All settings in their order."""
    section = ""
    defaults = Settings.model_construct()
    for name, field in Settings.model_fields.items():
        section = SECTIONS.get(name, section)
        default = getattr(defaults, name)
        shown = field.examples[0] if field.examples else default
        secret = SecretStr in (field.annotation, *get_args(field.annotation))
        yield Described(name, section, field.description or "", _toml(shown), bool(field.examples), secret)


def commented() -> str:
    """A `cas.toml` in which every setting stands behind a comment sign: it means the defaults."""
    return _HEAD + "".join(f"{line}\n" for line in _lines())


def table() -> Iterator[str]:
    """The lines of a table for documents."""
    yield "| setting | default | meaning |"
    yield "|---|---|---|"
    section = ""
    for setting in described():
        if setting.section != section:
            section = setting.section
            yield f"| **{section}** | | |"
        default = f"not set; such as `{setting.value}`" if setting.is_example else f"`{setting.value}`"
        meaning = setting.meaning.replace("|", "\\|").replace("<", "&lt;")
        yield f"| `{setting.name}` | {default.replace('|', chr(92) + '|')} | {meaning} |"


def _lines() -> Iterator[str]:
    section = ""
    for setting in described():
        if setting.section != section:
            section = setting.section
            yield f"\n# ---- {section} " + "-" * (_WIDTH - len(section) - 8)
        yield ""
        meaning = setting.meaning + (" (not set; an example)" if setting.is_example else "")
        yield from textwrap.wrap(meaning, _WIDTH, initial_indent="# ", subsequent_indent="# ")
        if setting.is_secret:
            yield f"# A secret: rather in the environment ({setting.variable}), or in a file of CAS_SECRETS."
        yield f"#{setting.name} = {setting.value}"


def _toml(value: Any) -> str:
    """A value of a setting as TOML; its texts are written as JSON, which basic strings of TOML take."""
    if isinstance(value, timedelta):
        value = f"P{value.days}D"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name} = {_toml(item)}" for name, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value), ensure_ascii=False)
