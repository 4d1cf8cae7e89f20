"""`pushpals run` and `pushpals doctor` against the forge, as processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.terminal import Ran, pushpals
from tests.stories.town import Town


async def in_town(town: Town, home: Path, *arguments: str, **variables: str) -> Ran:
    """Run a command with everything configured."""
    assert town.settings.private_key
    for name, text in (
        ("key.pem", town.settings.private_key.get_secret_value()),
        ("secret", "of decent length"),
    ):
        (home / name).touch(mode=0o600)
        (home / name).write_text(text)
    configured = {
        "GITHUB_URL": town.forge.url,
        "APP_ID": str(town.app.id),
        "PRIVATE_KEY_FILE": str(home / "key.pem"),
        "WEBHOOK_SECRET_FILE": str(home / "secret"),
        "MODEL_URL": town.model.url,
        "MODEL": "scripted",
        "RETRY_FACTOR": "0",
    }
    return await pushpals(*arguments, home=home, **{**configured, **variables})


async def test_run_does_one_issue_and_says_where_the_pull_request_is(town: Town, tmp_path: Path) -> None:
    issue = town.issue()
    town.label(issue)
    ran = await in_town(town, tmp_path, "run", "octo/names#1")
    assert (ran.code, ran.err) == (0, ""), ran.out
    [pull] = town.pulls()
    assert ran.out.endswith(f"1-1 published: {town.forge.url}/octo/names/pull/{pull.number}\n")
    assert "work" in ran.out
    # Once more there is nothing to do, and it says the same.
    again = await in_town(town, tmp_path, "run", "octo/names#1")
    assert (again.code, again.out) == (0, ran.out.splitlines()[-1] + "\n")
    assert len(town.pulls()) == 1


async def test_run_asks_for_nothing_in_a_persons_name(town: Town, tmp_path: Path) -> None:
    town.issue()
    ran = await in_town(town, tmp_path, "run", "octo/names#1")
    assert ran.code == 1
    assert ran.out.endswith("does not carry the label agent:ready. Add it there, then run this again.\n")
    assert town.model.asked == []


async def test_run_tells_that_a_stranger_asked(town: Town, tmp_path: Path) -> None:
    issue = town.issue()
    town.label(issue, actor="sam")
    ran = await in_town(town, tmp_path, "run", "octo/names#1")
    assert ran.code == 1
    assert ran.out.endswith("was not started; the reason is on the issue.\n")


async def test_run_says_why_there_is_no_pull_request(town: Town, tmp_path: Path) -> None:
    issue = town.issue()
    town.label(issue)
    town.model.replies = ["I would rather not."]
    ran = await in_town(town, tmp_path, "run", "octo/names#1")
    assert ran.code == 1, ran.out
    assert "1-1 failed\n" in ran.out
    assert ran.out.splitlines()[-1].endswith(".")
    assert town.pulls() == []


@pytest.mark.parametrize("issue", ["octo/nowhere#1", "octo/names#77"])
async def test_run_ends_with_a_word_when_there_is_no_such_thing(
    town: Town, tmp_path: Path, issue: str
) -> None:
    ran = await in_town(town, tmp_path, "run", issue)
    assert ran.code == 1
    assert ran.err.startswith("Error: ")
    assert "Traceback" not in ran.err


async def test_one_state_folder_serves_one_process(town: Town, tmp_path: Path) -> None:
    async with town.server():
        ran = await in_town(town, tmp_path, "run", "octo/names#1", STATE=str(town.settings.state))
    assert ran.code == 1
    assert "is in use by another PushPals process. Stop that one, or set PUSHPALS_STATE." in ran.err


async def test_doctor_is_content(town: Town, tmp_path: Path) -> None:
    ran = await in_town(town, tmp_path, "doctor")
    assert (ran.code, ran.err) == (0, ""), ran.out
    assert {line[:6] for line in ran.out.splitlines()} == {"ok    "}
    assert "model           scripted at" in ran.out
    assert "model" not in (await in_town(town, tmp_path, "doctor", "--no-model")).out


async def test_doctor_gives_a_remedy_for_each_failure(tmp_path: Path) -> None:
    ran = await pushpals("doctor", "--no-model", home=tmp_path)
    assert ran.code == 1
    lines = ran.out.splitlines()
    failed = [place for place, line in enumerate(lines) if line.startswith("FAIL  ")]
    assert [lines[place].split("  ")[1] for place in failed] == ["webhook secret", "App key"]
    assert all(lines[place + 1].startswith("      ") for place in failed)
