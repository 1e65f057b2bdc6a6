"""Containers, units of systemd, rules of Prometheus, the dashboard: sound by the tools of those who read them."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import requires
from pathlib import Path

import promql_parser
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from prometheus_client import REGISTRY

from cas.config import Settings, load_settings
from cas.deploy.files import HERE, files
from cas.deploy.secrets import make_secrets
from cas.metrics import Histogram
from tests.commands import parse
from tests.processes import ROOT

COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if "build" in service}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BIN = Path(sys.executable).parent
SCRAPED = {"job", "instance", "le"}
"""Labels that Prometheus adds."""


def tool(*arguments: str | Path) -> None:
    """Run a tool of the environment, which must have nothing to say against its input."""
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# ---------------------------------------------------------------- containers


def test_the_dockerfile_has_no_known_mistakes() -> None:
    tool(BIN / "hadolint", "--no-color", ROOT / "Dockerfile")


def test_the_image_is_pinned_and_runs_as_nobody_of_importance() -> None:
    text = (ROOT / "Dockerfile").read_text()
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)
    last = stages[-1]
    assert re.search(r"^ARG PYTHON=3\.11\.\d+-slim-\w+$", text, re.MULTILINE)
    assert all(stage.startswith("python:${PYTHON}") for stage in stages[1:])
    assert re.findall(r"^USER (\S+)$", last, re.MULTILINE) == ["10001:10001"]
    assert "pip install" not in last
    assert text.count("--require-hashes") == 2
    health = json.loads(re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", last, re.MULTILINE)[0])
    assert health[0] == "cas"
    parse(health[1:])
    assert parse(json.loads(re.findall(r"^CMD (\[.*\])$", last, re.MULTILINE)[0]))["worker"] is True


def test_the_context_holds_what_the_dockerfile_copies() -> None:
    sources = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        for source in line.split()[:-1]
    ]
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(sources) == allowed
    assert all((ROOT / source).exists() for source in sources)


def test_the_image_has_everything_the_service_needs_in_the_versions_that_are_tested() -> None:
    runtime, tested = (locked(f".ci/{name}.lock") for name in ("runtime", "requirements"))
    assert runtime.items() <= tested.items()
    assert set(runtime) >= set(needed("cosem-access-service")) - {"cosem-access-service"}
    assert not {"pytest", "playwright", "hypothesis"} & set(runtime)


def locked(name: str) -> dict[str, str]:
    found = re.findall(r"^([\w.-]+)(?:\[.*?\])?==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE)
    return {canonicalize_name(package): version for package, version in found}


def needed(distribution: str, extras: tuple[str, ...] = ()) -> Iterator[str]:
    """The distribution and all that it needs here."""
    yield canonicalize_name(distribution)
    for text in requires(distribution) or []:
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield from needed(requirement.name, tuple(requirement.extras))


def test_compose_is_what_its_schema_says() -> None:
    tool(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml")


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_closed_and_their_commands_and_settings_are_understood(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    parse(service["command"])
    health = service.get("healthcheck", {}).get("test")
    if health:
        assert health[:2] == ["CMD", "cas"]
        parse(health[2:])

    made = parse(OURS["init"]["command"])
    make_secrets(tmp_path, made["host"], made["database"], NOW)
    for variable, value in service["environment"].items():
        monkeypatch.setenv(variable, str(tmp_path) if variable == "CAS_SECRETS" else value)
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    if "CAS_SECRETS" in service["environment"]:
        assert settings.dsn
        assert "@postgres/" in settings.dsn.get_secret_value()
        assert settings.master_key
        assert settings.authentication


def test_images_of_others_are_pinned_and_only_our_door_is_open() -> None:
    for name, service in COMPOSE["services"].items():
        assert re.search(r":\d+\.\d+", service["image"]), name
        assert name == "cas" or "ports" not in service
    defined = set(COMPOSE["volumes"])
    used = {volume.split(":")[0] for service in COMPOSE["services"].values() for volume in service.get("volumes", [])}
    assert used == defined


# ---------------------------------------------------------------- systemd


@pytest.mark.parametrize("name", ["cas.service", "cas-worker@.service"])
def test_units_are_sound_and_shut(name: str, tmp_path: Path) -> None:
    text = (HERE / "systemd" / name).read_text()
    (command,) = re.findall(r"^ExecStart=/opt/cas/bin/cas (.*)$", text, re.MULTILINE)
    parse(command.split())
    environment = re.findall(r"CAS_(\w+)=", text)
    assert {variable.lower() for variable in environment} - {"config"} <= set(Settings.model_fields)
    credentials = re.findall(r"^LoadCredential=(cas_\w+):", text, re.MULTILINE)
    assert {credential.removeprefix("cas_") for credential in credentials} <= set(Settings.model_fields)

    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / name
    unit.write_text(text.replace("/opt/cas/bin/cas", "/bin/true"))  # the program must exist
    tool("systemd-analyze", "verify", unit)
    # 0 is shut, 10 open: 1.2 with what a service on a network needs
    tool("systemd-analyze", "security", "--offline=true", "--threshold=20", unit)


# ---------------------------------------------------------------- Prometheus and Grafana

RULES = yaml.safe_load((HERE / "prometheus" / "alerts.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((HERE / "grafana" / "cas.json").read_text())
QUERIES = {
    **{rule["alert"]: rule["expr"] for rule in RULES},
    **{
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "5m")
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    },
}


def exposed() -> dict[str, set[str]]:
    """The names that /metrics has, with their labels."""
    found: dict[str, set[str]] = {"up": set()}
    for collector in list(REGISTRY._collector_to_names):
        told = [collector, *(collector.describe() if isinstance(collector, Histogram) else ())]
        labels = {label for each in told for label in getattr(each, "_labelnames", ())}
        found |= dict.fromkeys(REGISTRY._collector_to_names[collector], labels)
    return found


@pytest.mark.parametrize("query", QUERIES)
def test_queries_are_promql_about_metrics_that_there_are(query: str) -> None:
    known = exposed()
    expression = promql_parser.parse(QUERIES[query])
    used = re.findall(r"\b(cas_\w+|process_\w+|up)\b", QUERIES[query])
    assert used
    assert set(used) <= set(known)
    grouped = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", QUERIES[query]) for label in labels.split(",")}
    matched = set(re.findall(r"(\w+)\s*=~?\s*\"", QUERIES[query]))
    assert grouped | matched <= SCRAPED.union(*(known[name] for name in used))
    assert isinstance(expression, promql_parser.Expr)


def test_rules_say_what_to_do() -> None:
    for rule in RULES:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_dashboard_has_its_panels_side_by_side() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_what_is_scraped_is_what_compose_starts() -> None:
    jobs = yaml.safe_load((HERE / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    front, worker = jobs
    assert front["static_configs"][0]["targets"] == [f"cas:{OURS['cas']['environment']['CAS_PORT']}"]
    (found,) = worker["dns_sd_configs"]
    assert found["names"] == ["worker"]
    assert str(found["port"]) == OURS["worker"]["environment"]["CAS_METRICS_PORT"]


def test_all_files_are_shipped() -> None:
    assert {path.as_posix() for path in files()} == {
        "grafana/cas.json",
        "prometheus/alerts.yml",
        "prometheus/prometheus.yml",
        "systemd/cas.service",
        "systemd/cas-worker@.service",
    }
