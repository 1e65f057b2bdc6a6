"""Coverage-guided fuzzing by Atheris, on libFuzzer: `make fuzz ARGS="--seconds 60 TARGET ..."`. CI only replays.

Each target runs in a process of its own until its time is over or it has found something: an error that the target does
not allow, 5 s for one input, or 2 GB of memory. A finding is written to `corpus/TARGET/`, where the tests replay it for
ever after. Prints executions, and the edges of our sources that were reached.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
# Seconds that one input may take; instrumented code is some times slower than what it is made of.
SLOW = 5
_MEGABYTES = 2048
_FOUND = re.compile(r"Test unit written to (\S+)")


def fuzz_here(name: str, arguments: list[str]) -> None:
    """Fuzz one target in this process, with the arguments of libFuzzer. Does not return."""
    import atheris

    with atheris.instrument_imports(include=["cas", "transports"], enable_loader_override=False):
        from tests.fuzz.targets import TARGETS

    atheris.Setup([sys.argv[0], *arguments], TARGETS[name], enable_python_coverage=True)
    atheris.Fuzz()


def fuzz(name: str, seconds: int, seed: int) -> int:
    """Fuzz one target; return the number of findings."""
    from tests.fuzz.targets import MOST_OCTETS, TARGETS

    with tempfile.TemporaryDirectory() as scratch:
        for number, octets in enumerate(TARGETS[name].seeds):
            (Path(scratch) / f"seed-{number}").write_bytes(octets)
        stored = CORPUS / name
        limits = (f"-max_total_time={seconds}", f"-max_len={MOST_OCTETS}", f"-timeout={SLOW}")
        told = (
            "-print_final_stats=1",
            f"-rss_limit_mb={_MEGABYTES}",
            f"-seed={seed}",
            f"-artifact_prefix={scratch}/found-",
        )
        folders = (scratch, str(stored)) if stored.is_dir() else (scratch,)
        program = (sys.executable, "-m", "tests.fuzz", "--here", name, *limits, *told, *folders)
        run = subprocess.run(program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        output = run.stdout.decode("utf-8", "replace")
        found = [Path(each) for each in _FOUND.findall(output)]
        for file in found:
            stored.mkdir(parents=True, exist_ok=True)
            kept = file.rename(stored / file.name.removeprefix("found-"))
            print(f"{name}: FINDING {kept}\n{output[-6000:]}")
    executions = re.findall(r"stat::number_of_executed_units:\s*(\d+)", output)
    edges = re.findall(r"cov: (\d+)", output)
    if not executions or not edges:
        print(f"{name}: did not run\n{output[-3000:]}")
        return 1
    print(f"{name}: {executions[-1]} executions, {edges[-1]} edges, {len(found)} findings", flush=True)
    return len(found)


def main() -> None:
    if sys.argv[1:2] == ["--here"]:
        fuzz_here(sys.argv[2], sys.argv[3:])
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="*", choices=[[], *TARGETS], help="all, if none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    findings = sum(fuzz(name, options.seconds, options.seed) for name in options.target or TARGETS)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
