"""Errors of the device registry.

DeviceError
├── DeviceRefused           devices given for registration are not valid, or contradict the registry
├── UnknownDevice           no device answers to this name
├── KeyMissing              the association needs a key that is not registered
├── CounterUsedUp           no invocation counter is left under a key: the key must be replaced
├── CounterDoubtful         a device says of its counter what cannot be believed
├── KeyChangeRunning        somebody else changes the keys of the device
├── KeyChangeFailed         the device has not taken its new keys
├── SetupRefused            Security setup of a device refuses what is asked of it
├── CertificateUnfit        a certificate is not what it is to be registered or imported as
├── MasterKeyError          the master keys cannot be read
└── KeyUnreadable           a stored key cannot be decrypted with the master keys at hand
"""

from collections.abc import Sequence

from cas.errors import CasError


class DeviceError(CasError):
    """Something is wrong with a device or its registration."""


class DeviceRefused(DeviceError):
    """Devices given for registration are not valid; nothing was stored. `problems` are lines to print."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class UnknownDevice(DeviceError):
    """No device answers to this name."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"not registered: {', '.join(names)}; `cas device list` shows the devices")
        self.names = tuple(names)


class KeyMissing(DeviceError):
    """The association of the device needs keys that are not registered."""

    def __init__(self, device_id: str, kinds: Sequence[str]) -> None:
        super().__init__(f"device {device_id}: no {', no '.join(kinds)} key is registered; `cas device add` takes them")
        self.kinds = tuple(kinds)


class CounterUsedUp(DeviceError):
    """No invocation counter is left under a key of the device."""


class CounterDoubtful(DeviceError):
    """A device says of its invocation counter what cannot be believed; ours stays as it is."""

    def __init__(self, device_id: str, counter: int | None) -> None:
        found = "no number" if counter is None else f"{counter}, which is near the end of its range"
        super().__init__(
            f"device {device_id}: it says in the clear that its invocation counter is {found}; this is not believed: "
            "replace its encryption key, or name the right object by the quirk counter_object"
        )


class KeyChangeRunning(DeviceError):
    """Somebody else is changing the keys of the device."""

    def __init__(self, device_id: str) -> None:
        super().__init__(f"device {device_id}: its keys are being changed by somebody else; try again later")


class KeyChangeFailed(DeviceError):
    """The device has not taken its new keys, or it is not known which it has."""

    def __init__(self, device_id: str, why: str) -> None:
        super().__init__(f"device {device_id}: the new keys are not its own: {why}")


class SetupRefused(DeviceError):
    """Security setup of a device refuses; `what` is the method or attribute, `why` the result by its XML name."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"the device refuses {what}: {why}")
        self.what = what
        self.why = why


class CertificateUnfit(DeviceError):
    """A certificate is not what it is to be registered or imported as."""


class MasterKeyError(DeviceError):
    """The master keys cannot be read."""


class KeyUnreadable(DeviceError):
    """A stored key cannot be decrypted with the master keys at hand."""
