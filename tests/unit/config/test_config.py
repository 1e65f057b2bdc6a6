"""Settings: file, environment, and what the messages say."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from cas.config import load_settings
from cas.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_needs_no_setting() -> None:
    settings = load_settings()
    assert settings.dsn is None
    assert (settings.host, settings.port, settings.sync_wait) == ("127.0.0.1", 8080, 30.0)
    assert settings.master_key_path == Path(".cas/master.key")
    assert len(settings.client_title) == 8


def test_options_go_before_the_environment_and_that_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("cas.toml").write_text('host = "file"\nport = 1\nsync_wait = 5\n')
    monkeypatch.setenv("CAS_PORT", "2")
    monkeypatch.setenv("CAS_HOST", "environment")
    settings = load_settings(host="option", port=None)
    assert (settings.host, settings.port, settings.sync_wait) == ("option", 2, 5)


def test_the_file_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("other.toml").write_text("port = 3\n")
    monkeypatch.setenv("CAS_CONFIG", "other.toml")
    assert load_settings().port == 3


def test_a_named_file_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAS_CONFIG", "other.toml")
    with pytest.raises(ConfigurationError, match=r"CAS_CONFIG names other\.toml, which is not a file"):
        load_settings()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("prot = 1\n", "cas.toml.*prot: unknown setting; known are data_dir"),
        ("port = 70000\n", "cas.toml.*port: Input should be less than or equal to 65535"),
        ("sync_wait = 0\n", "sync_wait: Input should be greater than 0"),
        ("client_system_title = '12'\n", "client_system_title: String should match"),
        ("port = \n", "cas.toml: not TOML: .*line 1"),
    ],
)
def test_a_wrong_setting_is_named(content: str, says: str) -> None:
    Path("cas.toml").write_text(content)
    with pytest.raises(ConfigurationError, match=says):
        load_settings()


def test_a_misspelt_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAS_PROT", "1")
    with pytest.raises(
        ConfigurationError, match=r"unknown settings in the environment: CAS_PROT; known are .*CAS_PORT"
    ):
        load_settings()


def test_secrets_show_neither_in_the_settings_nor_in_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAS_DSN", "host=x password=hunter2")
    assert "hunter2" not in repr(load_settings())
    assert load_settings().dsn == SecretStr("host=x password=hunter2")
    Path("cas.toml").write_text("master_key = ['hunter2']\n")
    with pytest.raises(ConfigurationError, match="master_key") as caught:
        load_settings()
    assert "hunter2" not in str(caught.value)
