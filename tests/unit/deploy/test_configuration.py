"""`cas init`: a configuration that says what there is, secrets, and files that are never overwritten."""

import re
import ssl
import tomllib
from pathlib import Path

import pytest
from cryptography import x509

from cas.cli import main
from cas.config import Settings, load_settings
from cas.deploy.configuration import SECTIONS, commented, described
from cas.errors import ConfigurationError
from codegen import settings


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def cas(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(map(str, arguments)))
    return int(ended.value.code or 0)


def test_what_init_writes_means_the_defaults_and_passes_check() -> None:
    defaults = load_settings()
    assert cas("init") == 0
    assert load_settings() == defaults
    assert Path("cas.toml").read_text() == commented()


def test_every_setting_stands_there_and_without_its_sign_it_is_the_default() -> None:
    text = commented()
    defaults = load_settings().model_dump()
    lines = {line.split(" = ")[0]: line for line in re.findall(r"^#([a-z_]+ = .*)$", text, re.MULTILINE)}
    assert list(lines) == list(Settings.model_fields)
    for setting in described():
        Path("cas.toml").write_text(lines[setting.name] + "\n")
        if setting.name == "master_key":
            continue  # no example of a key that somebody could take
        loaded = load_settings().model_dump()
        assert loaded[setting.name] == defaults[setting.name] or setting.is_example
    assert set(SECTIONS) <= set(lines)


def test_all_examples_at_once_are_understood() -> None:
    every = re.sub(r"^#([a-z_]+ = )", r"\1", commented(), flags=re.MULTILINE)
    assert len(tomllib.loads(every)) == len(Settings.model_fields)
    Path("cas.toml").write_text(every)
    assert load_settings().segments == {"north": 20}


def test_nothing_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    Path("cas.toml").write_text("port = 1\n")
    assert cas("init") == 1
    assert "cas.toml is there already" in capsys.readouterr().err
    assert Path("cas.toml").read_text() == "port = 1\n"
    assert cas("init", "--deploy", "out") == 0
    assert cas("init", "--deploy", "out") == 1
    assert "out has" in capsys.readouterr().err
    assert {path.name for path in Path("out").rglob("*.*")} >= {"cas.service", "alerts.yml", "cas.json"}


def test_secrets_are_made_once_for_their_owner_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("init", "--secrets", "keys", "--database", "db", "--host", "cas.example.net", "--host", "192.0.2.1")
    assert cas(*arguments) == 0
    made = {path.name: path.read_text() for path in Path("keys").iterdir()}
    assert set(made) == {"cas_master_key", "tls.pem", "postgres_password", "cas_dsn"}
    assert {path.stat().st_mode & 0o777 for path in Path("keys").iterdir()} == {0o600}
    assert Path("keys").stat().st_mode & 0o777 == 0o700

    assert cas(*arguments) == 0
    assert {path.name: path.read_text() for path in Path("keys").iterdir()} == made

    certificate = x509.load_pem_x509_certificate(made["tls.pem"].encode())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["cas.example.net"]
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain("keys/tls.pem")

    monkeypatch.setenv("CAS_SECRETS", "keys")
    settings = load_settings()
    assert settings.dsn
    assert settings.master_key
    assert settings.dsn.get_secret_value() == f"postgresql://cas:{made['postgres_password'].strip()}@db/cas"
    assert settings.master_key.get_secret_value() == made["cas_master_key"].strip()


def test_secrets_go_between_the_environment_and_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("cas.toml").write_text('event_source = "file"\nzone = "Europe/Paris"\n')
    Path("cas_event_source").write_text("secret\n")
    Path("cas_port").write_text("1\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", ".")
    monkeypatch.setenv("CAS_PORT", "2")
    settings = load_settings()
    assert (settings.event_source, settings.zone, settings.port) == ("secret", "Europe/Paris", 2)


def test_a_misspelt_secret_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("keys").mkdir()
    Path("keys/cas_dns").write_text("a password")
    Path("keys/tls.pem").write_text("of no interest")
    monkeypatch.setenv("CAS_SECRETS", "keys")
    with pytest.raises(ConfigurationError, match=r"unknown settings in keys: cas_dns; known are .*cas_dsn") as problem:
        load_settings()
    assert "a password" not in str(problem.value)
    monkeypatch.setenv("CAS_SECRETS", "nowhere")
    with pytest.raises(ConfigurationError, match=r"CAS_SECRETS names nowhere, which is not a directory"):
        load_settings()


def test_the_documented_settings_are_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["settings", "--check"])
    assert settings.main() == 0
