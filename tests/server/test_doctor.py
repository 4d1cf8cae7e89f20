"""`doctor`: each thing it looks at, well and not well, and what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from pushpals.local.forge.traffic import Fault
from pushpals.server.doctor import Finding, examine
from pushpals.server.needs import APP_EVENTS
from pushpals.server.settings import Settings
from tests.stories.town import Town

PEM = "-----BEGIN RSA PRIVATE KEY-----\nnonsense\n-----END RSA PRIVATE KEY-----"


async def findings(settings: Settings, *, ask_model: bool = False) -> dict[str, Finding]:
    """Return what doctor finds, by name; every failure says what to do."""
    found = {f.name: f async for f in examine(settings, lambda _done, _all: None, ask_model=ask_model)}
    for finding in found.values():
        assert finding.ok or finding.remedy, finding
        assert finding.text
    return found


@pytest.fixture
def settings(town: Town, tmp_path: Path, bare_environment: pytest.MonkeyPatch) -> Settings:
    """Return the settings of a process that lacks nothing, secrets in files of its own."""
    assert town.settings.private_key
    files = {"key": town.settings.private_key.get_secret_value(), "secret": "a secret of decent length"}
    for name, text in files.items():
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text)
    own = {
        "private_key": None,
        "private_key_file": tmp_path / "key",
        "webhook_secret": None,
        "webhook_secret_file": tmp_path / "secret",
        "sandbox": "bubblewrap",
        "model_url": town.model.url,
        "model": "scripted",
    }
    return town.settings.model_copy(update=own)


async def test_all_is_well(settings: Settings) -> None:
    found = await findings(settings, ask_model=True)
    here, there = (
        "git, sandbox, model, state",
        "webhook secret, App key, costs, permissions, events, installations",
    )
    assert ", ".join(found) == f"{here}, {there}"
    assert [finding.name for finding in found.values() if not finding.ok] == []
    assert "answered in" in found["model"].text
    assert found["installations"].text == "octo"


async def test_a_job_s_token_is_told_with_what_it_costs(settings: Settings, town: Town) -> None:
    token = town.forge.job_token(town.repo, {"contents": "read"})
    given = {"app_id": None, "private_key_file": None, "webhook_secret_file": None, "token": SecretStr(token)}
    found = await findings(settings.model_copy(update=given))
    assert list(found)[-2:] == ["token", "costs"]
    assert found["token"].text == "for octo/names"
    assert "1,000 requests an hour" in found["costs"].text
    wrong = await findings(settings.model_copy(update={**given, "token": SecretStr("ghs_gone")}))
    assert not wrong["token"].ok


@pytest.mark.usefixtures("bare_environment")
async def test_a_newcomer_is_told_what_to_set() -> None:
    found = await findings(Settings(sandbox="bubblewrap"))
    assert [name for name, finding in found.items() if not finding.ok] == ["webhook secret", "App key"]
    assert "PUSHPALS_WEBHOOK_SECRET_FILE" in found["webhook secret"].remedy
    assert "PUSHPALS_APP_ID" in found["App key"].remedy


@pytest.mark.parametrize(
    ("script", "said"),
    [(None, "not found"), ("echo git version 2.17.1", "2.17.1"), ("echo gibberish", "0"), ("exit 3", "0")],
)
async def test_git_is_missing_or_too_old(
    bare_environment: pytest.MonkeyPatch, tmp_path: Path, script: str | None, said: str
) -> None:
    if script:
        (tmp_path / "git").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "git").chmod(0o755)
    bare_environment.setenv("PATH", str(tmp_path))
    found = await findings(Settings())
    assert (found["git"].ok, found["git"].text) == (False, said)
    assert "2.38" in found["git"].remedy


async def test_no_sandbox(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"sandbox": "docker", "sandbox_image": None})
    found = (await findings(nowhere))["sandbox"]
    assert not found.ok
    unsafe = (await findings(settings.model_copy(update={"sandbox_paths": "/"})))["sandbox"]
    assert not unsafe.ok


async def test_the_model_does_not_answer(settings: Settings, town: Town, tmp_path: Path) -> None:
    nobody = settings.model_copy(update={"model_url": "http://127.0.0.1:9/v1"})
    assert not (await findings(nobody, ask_model=True))["model"].ok
    keyless = settings.model_copy(update={"model_key_file": tmp_path / "nowhere"})
    found = (await findings(keyless, ask_model=True))["model"]
    assert not found.ok
    assert "PUSHPALS_MODEL_KEY_FILE" in found.remedy


async def test_the_state_folder_cannot_be_written(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = (await findings(settings.model_copy(update={"state": tmp_path / "file" / "state"})))["state"]
    assert not found.ok
    assert "PUSHPALS_STATE" in found.remedy


async def test_a_webhook_secret_that_is_weak_open_or_gone(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("short")
    assert (await findings(settings))["webhook secret"].text == "too short"
    file.write_text("a secret of decent length")
    file.chmod(0o644)
    found = (await findings(settings))["webhook secret"]
    assert (found.ok, found.remedy) == (False, f"chmod 600 {file}")
    file.unlink()
    found = (await findings(settings))["webhook secret"]
    assert not found.ok
    assert str(file) in found.remedy


async def test_a_key_that_is_none_another_apps_or_open(
    settings: Settings, town: Town, tmp_path: Path
) -> None:
    key = tmp_path / "key"
    good = key.read_text()
    key.write_text(PEM)
    found = (await findings(settings))["App key"]
    assert (found.ok, "PEM" in found.remedy) == (False, True)
    assert "nonsense" not in found.text + found.remedy

    _, other = await town.forge.register_app(
        "other", "Other", owner="octo", permissions={}, events=[], webhook_secret="x"
    )
    key.write_text(other)
    found = (await findings(settings))["App key"]
    assert (found.ok, found.text) == (False, "refused")

    key.write_text(good)
    key.chmod(0o640)
    found = (await findings(settings))["App key file"]
    assert (found.ok, found.remedy) == (False, f"chmod 600 {key}")


async def test_an_app_that_lacks_permissions_events_and_an_installation(
    settings: Settings, town: Town
) -> None:
    app, key = await town.forge.register_app(
        "meagre",
        "Meagre",
        owner="octo",
        permissions={"actions": "write", "contents": "read", "issues": "write", "statuses": "read"},
        events=["issues"],
        webhook_secret="x",
    )
    own = {"app_id": app.id, "private_key_file": None, "private_key": SecretStr(key)}
    meagre = settings.model_copy(update=own)
    found = await findings(meagre)
    assert found["App key"].text == f"meagre (App {app.id})"
    assert not found["permissions"].ok
    assert "contents: write" in found["permissions"].remedy
    assert "issues" not in found["permissions"].remedy
    assert "actions" not in found["permissions"].remedy  # more than is asked for is enough
    missing = ", ".join(sorted(set(APP_EVENTS) - {"issues"}))
    assert found["events"].remedy == f"Subscribe to {missing} in the App's settings."
    assert (found["installations"].ok, found["installations"].text) == (False, "none")

    town.forge.install(app, [town.repo])
    found = await findings(meagre)
    assert not found["installations"].ok
    assert "octo (checks: write, contents: write, pull_requests: write)" in found["installations"].remedy


async def test_github_cannot_be_reached(settings: Settings, town: Town) -> None:
    for url in ("http://127.0.0.1:9", "nonsense"):
        found = (await findings(settings.model_copy(update={"github_url": url})))["GitHub"]
        assert not found.ok
        assert "PUSHPALS_GITHUB_URL" in found.remedy
    town.forge.faults.append(Fault(matches=lambda r: r.path.endswith("/app/installations"), status=403))
    found = (await findings(settings))["installations"]
    assert not found.ok
