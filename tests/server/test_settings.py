"""Settings: from variables or files, and errors that name the variable. What is secret stays out of sight."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from pushpals.github.creations import HOURLY
from pushpals.server.settings import Settings, SettingsError
from pushpals.server.wiring import cache_folder


def test_every_setting_is_a_variable(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("PUSHPALS_APP_ID", "31")
    bare_environment.setenv("PUSHPALS_PORT", "0")
    bare_environment.setenv("PUSHPALS_WEBHOOK_SECRET", "hush hush")
    bare_environment.setenv("PUSHPALS_SANDBOX_PATHS", "/opt/a::/opt/b")
    settings = Settings()
    assert (settings.require_app_id(), settings.port) == (31, 0)
    assert settings.require_webhook_secret() == b"hush hush"
    assert settings.extra_paths() == [Path("/opt/a"), Path("/opt/b")]
    assert settings.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("APP_ID", "mine"), ("PORT", "70000"), ("JOBS", "0"), ("SANDBOX", "none"), ("RECONCILE_SECONDS", "0")],
)
def test_a_value_that_cannot_be_is_refused(
    bare_environment: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    bare_environment.setenv(f"PUSHPALS_{variable}", value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert [error["loc"] for error in caught.value.errors()] == [(variable.lower(),)]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://user:hunter2@github.example.com", "user or a password"),
        ("https://token@github.example.com", "user or a password"),
        ("github.example.com", "http:// or https://"),
        ("ftp://github.example.com", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("https://", "http:// or https://"),
        ("https://github.example.com:port", "is not an address"),
        ("https://[github", "is not an address"),
        ("https://github.example.com/?a=b", "more than an address"),
        ("https://github.example.com/a b", "more than an address"),
    ],
)
def test_an_address_of_github_is_that_of_a_server(
    bare_environment: pytest.MonkeyPatch, url: str, said: str
) -> None:
    bare_environment.setenv("PUSHPALS_GITHUB_URL", url)
    with pytest.raises(ValidationError) as caught:
        Settings()
    [error] = caught.value.errors()
    assert error["loc"] == ("github_url",)
    assert said in error["msg"]
    assert error["msg"].endswith("write it like https://github.example.com")
    assert "hunter2" not in error["msg"]


@pytest.mark.parametrize("url", ["https://github.com", "http://127.0.0.1:8610/", "https://[::1]:8443/github"])
def test_a_plain_address_is_taken(bare_environment: pytest.MonkeyPatch, url: str) -> None:
    bare_environment.setenv("PUSHPALS_GITHUB_URL", url)
    assert Settings().github_url == url


def test_an_empty_variable_is_one_that_is_not_set(bare_environment: pytest.MonkeyPatch) -> None:
    for name in ("APP_ID", "STATE", "PORT", "PRIVATE_KEY_FILE", "MODEL_URL"):
        bare_environment.setenv(f"PUSHPALS_{name}", "")
    settings = Settings()
    assert settings.app_id is None
    assert settings.port == 8765
    assert settings.state == Path.home() / ".local/state/pushpals"
    assert settings.private_key_file is None
    assert settings.model_url is None


def test_a_file_comes_before_the_variable_and_is_stripped(
    bare_environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text("from the file\n")
    bare_environment.setenv("PUSHPALS_WEBHOOK_SECRET", "from the variable")
    bare_environment.setenv("PUSHPALS_WEBHOOK_SECRET_FILE", str(file))
    assert Settings().require_webhook_secret() == b"from the file"


@pytest.mark.parametrize("name", ["private_key", "webhook_secret", "model_key"])
@pytest.mark.parametrize(
    ("content", "what"),
    [(None, "No such file"), (b"", "is empty"), (b" \n", "is empty"), (b"\xff\xfe\x00", "not text")],
)
def test_a_file_of_no_use_is_named_with_its_variable(
    bare_environment: pytest.MonkeyPatch, tmp_path: Path, name: str, content: bytes | None, what: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    settings = Settings(**{f"{name}_file": file})  # type: ignore[arg-type]
    ask = {
        "private_key": settings.require_private_key,
        "webhook_secret": settings.require_webhook_secret,
        "model_key": settings.model_api_key,
    }[name]
    for asked in (ask, settings.known_secrets):
        with pytest.raises(SettingsError, match=what) as caught:
            asked()
        assert str(file) in str(caught.value)
        assert str(caught.value).endswith(f"Check PUSHPALS_{name.upper()}_FILE.")


def test_what_is_missing_is_named(bare_environment: pytest.MonkeyPatch) -> None:
    settings = Settings()
    with pytest.raises(SettingsError, match="PUSHPALS_APP_ID"):
        settings.require_app_id()
    with pytest.raises(SettingsError, match="PUSHPALS_PRIVATE_KEY_FILE"):
        settings.require_private_key()
    with pytest.raises(SettingsError, match="PUSHPALS_WEBHOOK_SECRET_FILE"):
        settings.require_webhook_secret()
    assert settings.model_api_key() is None
    assert settings.known_secrets() == []


def test_all_secrets_are_known_and_none_is_shown(bare_environment: pytest.MonkeyPatch) -> None:
    bare_environment.setenv("OPENAI_API_KEY", "key of the world")
    settings = Settings(private_key=SecretStr("key of the App"), webhook_secret=SecretStr("hush"))
    assert sorted(settings.known_secrets()) == ["hush", "key of the App", "key of the world"]
    assert settings.model_api_key() == "key of the world"
    for secret in settings.known_secrets():
        assert secret not in repr(settings)
        assert secret not in settings.model_dump_json()


def test_the_folders_follow_the_usual_variables(bare_environment: pytest.MonkeyPatch) -> None:
    assert cache_folder() == Path.home() / ".cache/pushpals"
    bare_environment.setenv("XDG_CACHE_HOME", "/var/tmp/c")
    bare_environment.setenv("XDG_STATE_HOME", "/var/tmp/s")
    assert (cache_folder(), Settings().state) == (Path("/var/tmp/c/pushpals"), Path("/var/tmp/s/pushpals"))
    bare_environment.setenv("PUSHPALS_CACHE", "/var/tmp/own")
    assert cache_folder() == Path("/var/tmp/own")


def test_what_an_hour_may_hold_is_the_same_here_and_where_it_is_counted() -> None:
    assert Settings.model_fields["creations_per_hour"].default == HOURLY
