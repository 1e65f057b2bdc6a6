"""Class 8, Clock (Blue Book 12, 4.5.1): the meter's time is the simulator's, plus what a client made it differ."""

from typing import TYPE_CHECKING

from cas.bindings.cosempdu import DataAccessResult as Result
from cas.cosem.data import Data
from cas.simulator.errors import Refused
from cas.simulator.objects import READ, WRITE, CosemObject, number_of, octets_of
from cas.simulator.zone import SUMMER, Zone

if TYPE_CHECKING:
    from cas.simulator.meter import Meter

TIME, TIME_ZONE, STATUS, BEGIN, END, DEVIATION, ENABLED, BASE = range(2, 10)
_SUMMER_BEGINS = bytes.fromhex("FFFF03FE0702000000800000")
_SUMMER_ENDS = bytes.fromhex("FFFF0AFE0703000000800080")
_CRYSTAL = 1
_STATUS_OCTET = 11
_ADJUST_TO_QUARTER, _ADJUST_TO_PERIOD, _ADJUST_TO_MINUTE, _SHIFT_TIME = 1, 2, 3, 6
_MAX_SHIFT = 900


class Clock(CosemObject):
    """The clock. Its zone is that of the model."""

    class_id = 8
    methods = 6

    def __init__(self, logical_name: bytes, zone: Zone) -> None:
        super().__init__(logical_name, {TIME: READ | WRITE, **dict.fromkeys(range(TIME_ZONE, BASE + 1), READ)})
        self._fixed = {
            TIME_ZONE: Data.of("long", zone.deviation),
            BEGIN: Data.of("octet-string", _SUMMER_BEGINS),
            END: Data.of("octet-string", _SUMMER_ENDS),
            DEVIATION: Data.of("integer", SUMMER),
            ENABLED: Data.of("boolean", zone.daylight_saving),
            BASE: Data.of("enum", _CRYSTAL),
        }

    def get(self, meter: "Meter", attribute: int, at: int) -> Data:
        """The time as the meter has it; status; the rest is of the model."""
        if attribute == TIME:
            return Data.of("octet-string", meter.local_time(at))
        if attribute == STATUS:
            return Data.of("unsigned", meter.local_time(at)[_STATUS_OCTET])
        return self._fixed[attribute]

    def put(self, meter: "Meter", attribute: int, value: Data) -> None:
        """Set the time. Raises Refused when it is no single moment."""
        try:
            moment = meter.model.zone.moment(octets_of(value))
        except ValueError:
            raise Refused(Result.OTHER_REASON) from None
        meter.clock_offset = moment - meter.now()

    def call(self, meter: "Meter", method: int, parameters: Data | None) -> Data | None:
        """Adjust the time to the nearest quarter or minute, or shift it by up to 900 s. Raises Refused."""
        time = meter.now() + meter.clock_offset
        if method in (_ADJUST_TO_QUARTER, _ADJUST_TO_PERIOD):
            meter.clock_offset += _nearest(time, 900) - time
        elif method == _ADJUST_TO_MINUTE:
            meter.clock_offset += _nearest(time, 60) - time
        elif method == _SHIFT_TIME:
            seconds = number_of(parameters)
            if abs(seconds) > _MAX_SHIFT:
                raise Refused(Result.OTHER_REASON)
            meter.clock_offset += seconds
        else:
            raise Refused(Result.READ_WRITE_DENIED)
        return None


def _nearest(time: int, step: int) -> int:
    return (time + step // 2) // step * step
