"""Writes the README's clause table from the tests' clause marks: `python -m codegen.clauses [--check]`.

A row's state is counted from tests that pytest collects, so that the table cannot claim what nothing shows.
"""

import io
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout

import pytest

from codegen.marked import ROOT, command

# clause of IEC TS 62056-9-1:2016, what it is about, how this project meets it
CLAUSES = [
    ("4", "client, CAS, DLMS server; devices named by system title", "device registry, aliases, keys sealed at rest"),
    ("4.2", "lower layers are open", "transports by URL: wrapper, HDLC and others; plug-ins by entry point"),
    ("5.2.2", "on-demand DeviceAccess (figure 3)", "create without Activates or RepeatingInterval"),
    ("5.2.3", "scheduled DeviceAccess (figures 4 and 5)", "Activates, RepeatingInterval, Duration, Expires, events"),
    ("5.2.4", "DeviceAccess with data notification (figure 6)", "push listener, AcceptDataNotification, events"),
    ("5.3", "device groups (figure 9)", "noun DeviceGroups: lists and prefixes; GroupReference"),
    ("7.2.3", "verbs", "create, change, cancel, close, delete, get; reply; events"),
    ("7.2.4", "nouns", "DeviceAccess, DeviceGroups; the extension ResourceDirectory"),
    ("7.2.6", "payload: descriptors and results (figures 8, 10 to 16)", "xDLMS and ACSE descriptors, results, errors"),
    ("7.3", "common message envelope (figures 17 to 26)", "IEC 61968-100 header, request, reply, event, fault"),
    ("8.2", "SOAP envelope, WSDL (figure 27)", "SOAP 1.2 and 1.1, answered in kind; WSDL and schemas served"),
    ("A.1", "XML schema COSEMpdu", "schemas/COSEMpdu.xsd; one set of classes for XML, A-XDR and BER"),
    ("A.2", "payload schema", "schemas/DeviceAccess.xsd"),
    ("A.3", "envelope schema", "schemas/Message.xsd"),
    ("A.4", "WSDL", "schemas/cas.wsdl"),
]


class _Marks:
    """A pytest plugin that counts the clause marks of what is collected."""

    def __init__(self) -> None:
        self.tests: Counter[str] = Counter()

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Called by pytest."""
        seen: set[tuple[str, str]] = set()
        for item in items:
            for mark in item.iter_markers("clause"):
                function = item.nodeid.partition("[")[0]  # a parametrised test counts once
                seen |= {(str(clause), function) for clause in mark.args}
        self.tests = Counter(clause for clause, _ in seen)


def count_tests() -> Counter[str]:
    """How many test functions are marked with each clause."""
    marks = _Marks()
    with redirect_stdout(io.StringIO()) as output:
        status = pytest.main(["--collect-only", "-q", "-p", "no:randomly", str(ROOT / "tests")], plugins=[marks])
    if status != pytest.ExitCode.OK:
        sys.exit(output.getvalue())
    return marks.tests


def table(tests: Counter[str]) -> Iterable[str]:
    """The lines of the table."""
    yield "| clause | what | here | shown by |"
    yield "|---|---|---|---|"
    for clause, what, how in CLAUSES:
        number = tests[clause]
        state = f"{number} test{'s' * (number != 1)}" if number else "not yet"
        yield f"| {clause} | {what} | {how} | {state} |"


def main() -> int:
    """Exit status 0; 1 if the check finds the table stale."""
    return command(ROOT / "README.md", "clauses", "codegen.clauses", lambda: table(count_tests()), __doc__)


if __name__ == "__main__":
    sys.exit(main())
