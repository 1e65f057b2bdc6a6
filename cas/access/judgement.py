"""What to make of a visit that left requests without an answer: what the client is told, what is tried again.

A request that changes the device and whose error leaves open whether the device carried it out is never tried again.
When such a request broke the association, what was to follow is not attempted either: it may depend on it (D).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from cas.access.failures import CANCELED, INTERNAL, LOST, describe, not_attempted
from cas.access.model import Failure
from cas.access.retry import after_attempts, doubtful, is_retryable, may_have_been_done
from cas.access.visit import Visit


@dataclass(frozen=True, slots=True)
class Attempted:
    """How often a device was tried, and its last failure."""

    attempts: int
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is told and done of the requests of one device that were not answered."""

    final: dict[int, Failure] = field(default_factory=dict)
    """What the client is told."""
    kept: frozenset[int] = frozenset()
    """What is tried again."""
    attempts: int
    """How often the device was tried so far."""
    last: Attempted | None = None
    """What to remember of it until then."""
    released: frozenset[int] = frozenset()
    """Changes that the device has certainly not carried out."""
    left_out: bool = False
    """Whether requests were not sent because of a cancel, or had no turn before the window was over."""


def judge(
    made: Visit, *, changes: Callable[[int], bool], last: Attempted | None, leave: Failure | None, may_retry: bool
) -> Verdict:
    """Judge a visit.

    `changes`: whether a request changes the device; `last`: of the passes before; `leave`: why no device is accessed
    any more, None while they are; `may_retry`: whether there will be another pass.
    """
    causes = made.causes
    doubted = {n for n, error in causes.items() if changes(n) and may_have_been_done(error)}
    kept = _kept(made, doubted, may_retry=may_retry and leave is None, leave=leave)
    attempts = (0 if last is None else last.attempts) + (bool(made.errors) or made.broken is not None)

    def left(number: int) -> Failure:
        if leave is None or leave is CANCELED or last is None:
            return leave or CANCELED
        return last.failure if number == made.unsent[0] else not_attempted(last.failure)

    told = made.failures(explain, left)
    final = {
        number: after_attempts(doubtful(failure) if number in doubted else failure, attempts)
        for number, failure in told.items()
        if number not in kept
    }
    newest = made.broken or next(reversed(made.errors.values()), None)
    return Verdict(
        final=final,
        kept=frozenset(kept),
        attempts=attempts,
        last=last if newest is None else Attempted(attempts, explain(newest)),
        released=frozenset(n for n in causes if changes(n) and n not in doubted),
        left_out=leave is not None and made.broken is None and bool(made.unsent) and (leave is CANCELED or not last),
    )


def _kept(made: Visit, doubted: set[int], *, may_retry: bool, leave: Failure | None) -> set[int]:
    kept = {n for n, error in made.errors.items() if may_retry and n not in doubted and is_retryable(error)}
    if made.broken is None:
        # Given back in the middle, or somebody else has the right to send what comes next.
        return kept if leave is not None else kept.union(made.unsent)
    if may_retry and is_retryable(made.broken) and made.broken_at not in doubted:
        kept.update(made.lost)
    return kept


def explain(error: Exception) -> Failure:
    """What a client is told of an error, also of one of this program."""
    return describe(error) or INTERNAL


def judge_lost(missing: tuple[int, ...], sent: tuple[int, ...]) -> dict[int, Failure]:
    """What is told of a device whose requests `sent` may have been sent by a process that died (D)."""
    return {number: LOST if number in sent else not_attempted(LOST) for number in missing}
