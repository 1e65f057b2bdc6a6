"""Where an MQTT broker is: read apart from the sender, whose library is slow to load and needed by few.

The setting `event_mqtt` is the URL of the broker: `mqtt[s]://[USER:PASSWORD@]HOST[:PORT][/PREFIX]`; the prefix of the
topics is `cas` without one.
"""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from cas.errors import ConfigurationError

PORT, TLS_PORT = 1883, 8883
PREFIX = "cas"


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker is, and who we are to it."""

    host: str
    port: int
    tls: bool
    prefix: str = PREFIX
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @staticmethod
    def parse(text: str) -> "BrokerAddress":
        """Read the URL of a broker. Raises ConfigurationError, which does not repeat what may hold a password."""
        try:
            url = urlsplit(text)
            port = url.port
        except ValueError:
            raise ConfigurationError("event_mqtt: not a URL") from None
        prefix = unquote(url.path.strip("/")) or PREFIX
        if url.scheme not in ("mqtt", "mqtts") or not url.hostname or "?" in text or "#" in text:
            raise ConfigurationError("event_mqtt: write mqtt[s]://[USER:PASSWORD@]HOST[:PORT][/PREFIX]")
        if any(sign in prefix for sign in "+#\0") or prefix.startswith("$"):
            raise ConfigurationError("event_mqtt: the prefix must be a topic without + # and $")
        tls = url.scheme == "mqtts"
        return BrokerAddress(
            url.hostname,
            port or (TLS_PORT if tls else PORT),
            tls,
            prefix,
            None if url.username is None else unquote(url.username),
            None if url.password is None else unquote(url.password),
        )
