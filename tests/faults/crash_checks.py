"""What must hold when everything has come to rest after the crashes: each violation is a line of text."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cas.client.readings import Reading
from tests.faults.crash_load import Heard, Made, Message, Told, key_of
from tests.faults.crash_site import Site

Answers = Mapping[str, Sequence[Reading]]
"""What the service answers in the end, by resource."""

SHOWN = 10
"""Violations of a kind that are told one by one."""


def complete(site: Site, made: list[Made], meters: int) -> Iterator[str]:
    """Every activation has ended, with a result or an error for every device and request."""
    for (count,) in site.rows("SELECT count(*) FROM activation WHERE outcome = 'executing'"):
        if count:
            yield f"{count} activations have not ended"
    for what in ("activation_chunk", "activation_sent", "activation_attempt", "procrastinate_jobs", "event"):
        for (count,) in site.rows(f"SELECT count(*) FROM {what}"):  # noqa: S608 - names of our own
            if count:
                yield f"{count} rows are left in {what}"
    outcomes = defaultdict(list)
    counted = """
        SELECT access_id::text, number, outcome,
            (SELECT count(*) FROM result WHERE result.access_id = activation.access_id AND activation = number)
        FROM activation
    """
    for access_id, number, outcome, results in site.rows(counted):
        outcomes[access_id].append((number, outcome, results))
    for each in made:
        expected = each.requests * (meters if each.devices is None else len(each.devices))
        if not outcomes[each.access_id]:
            yield f"{each.access_id} has no activation"
        for number, outcome, results in outcomes[each.access_id]:
            if outcome != "missed" and results != expected:
                yield f"{each.access_id}, activation {number} ({outcome}): {results} results, not {expected}"
    unknown = set(outcomes) - {each.access_id for each in made}
    if unknown:
        yield f"{len(unknown)} resources that no client knows of: a repeated create made another"


def once(report: dict[str, Any], made: list[Made], answers: Answers) -> Iterator[str]:
    """No change was carried out twice; one that is reported as done was; counters are not reused."""
    carried_out = {(device, value): count for device, value, count in report["changes"]}
    yield from (f"{device} did {value} {count} times" for (device, value), count in carried_out.items() if count > 1)
    yield from (f"invocation counter: {violation}" for violation in report["violations"])
    for each in made:
        if not each.changes:
            continue
        for reading in answers[each.access_id]:
            place = _CHANGES.get(reading.class_id or 0)
            if place is None or not reading.ok:
                continue
            if not carried_out.get((reading.device, each.changes[place])):
                yield f"{reading.device} is told to have done {each.changes[place]}, and has not"


# the place of its value among the changes of a resource, by the class that is written or invoked
_CHANGES = {1: 0, 70: 1}


def kept(made: list[Made], heard: Heard, answers: Answers) -> Iterator[str]:
    """What a client has been told once stays: answers and events are what is stored, value by value."""
    for each in made:
        stored = {key_of(reading): reading.value for reading in answers[each.access_id]}
        if len(stored) != len(answers[each.access_id]):
            yield f"{each.access_id} has results twice"
        told: list[tuple[Told, object]] = [(key_of(reading), reading.value) for reading in each.answered]
        for message in heard.messages:
            if message.access_id == each.access_id:
                told += message.values.items()
        lost = sum(key not in stored or stored[key] != value for key, value in told)
        if lost:
            yield f"{each.access_id}: {lost} of {len(told)} results that were told are not stored"


def told(made: list[Made], heard: Heard, answers: Answers) -> Iterator[str]:
    """Every result is told at least once, in order for each resource, and in no two messages; repeats are alike."""
    by_resource: dict[str, dict[str, Message]] = defaultdict(dict)
    for message in heard.messages:
        first = by_resource[message.access_id].setdefault(message.message_id, message)
        if first.octets != message.octets:
            sizes = f"{len(message.octets)} octets, not {len(first.octets)}"
            yield f"{message.access_id}: the repeat of message {message.message_id} is another: {sizes}"
    for each in made:
        if each.devices is not None:
            continue  # answered at once
        messages = list(by_resource[each.access_id].values())
        counts = Counter(key for message in messages for key in message.told)
        stored = {key_of(reading) for reading in answers[each.access_id]}
        if missing := len(stored - counts.keys()):
            yield f"{each.access_id}: {missing} of {len(stored)} results were not told"
        if twice := sum(count > 1 for count in counts.values()):
            yield f"{each.access_id}: {twice} results were told in two messages"
        if [message.verb for message in messages[:-1]].count("closed") or messages[-1:][0].verb != "closed":
            yield f"{each.access_id}: the verbs are {[message.verb for message in messages]}"
        yield from _order(each.access_id, messages, answers[each.access_id])


def _order(access_id: str, messages: list[Message], answer: Sequence[Reading]) -> Iterator[str]:
    places = {key_of(reading): place for place, reading in enumerate(answer)}
    last: dict[tuple[str, object], int] = {}
    wrong = 0
    for message in messages:
        for key in message.told:
            visit = key[:2]
            place = places.get(key, -1)
            wrong += place < last.get(visit, -1)
            last[visit] = place
    if wrong:
        yield f"{access_id}: {wrong} results came before one that was asked for earlier"


def shortened(violations: Iterable[str]) -> list[str]:
    """The first of them, and how many more there are."""
    found = list(violations)
    return [*found[:SHOWN], *([f"... and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])]
