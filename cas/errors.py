"""The root of the service's errors, and those that belong to no single room.

CasError
├── ConfigurationError          a setting is missing, unknown or cannot be used
├── cas.store.errors.StoreError
└── cas.devices.errors.DeviceError

A message names the setting, field or device and says what to do; the command line prints it as it stands.
"""


class CasError(Exception):
    """An error whose message is written for the person who runs or calls the service."""


class ConfigurationError(CasError):
    """A setting is missing, unknown or cannot be used."""
