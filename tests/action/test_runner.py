"""What a step reads of its runner, and what it writes there: text of others is never a command to it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pushpals.action.runner import Runner
from pushpals.model import Holder, RepoRef, SubjectRef
from pushpals.server.settings import SettingsError

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = RepoRef(owner="octo", name="names")


def runner(folder: Path, event: str, payload: object, **more: str) -> Runner:
    for name in ("event.json", "output", "summary"):
        (folder / name).touch()
    (folder / "event.json").write_text(json.dumps(payload))
    return Runner.of(
        {
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(folder / "event.json"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_REPOSITORY": "octo/names",
            "GITHUB_RUN_ID": "77",
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
            "RUNNER_TEMP": str(folder),
            **more,
        }
    )


def comment(**facts: Any) -> dict[str, Any]:
    return {
        "action": "created",
        "issue": {"number": 7},
        "repository": {"full_name": "octo/names"},
        "installation": {"id": 5},
        "sender": {"id": 1, "login": "ada", "type": "User"},
        **facts,
    }


@pytest.mark.parametrize(
    ("event", "payload", "number"),
    [
        ("issue_comment", comment(), 7),
        ("workflow_dispatch", {"inputs": {"issue": "9"}}, 9),
        ("repository_dispatch", {"action": "pushpals", "client_payload": {"issue": "9"}}, 9),
        ("workflow_dispatch", {"inputs": {"issue": "9; rm -rf /"}}, None),
        ("workflow_dispatch", {"inputs": None}, None),
        ("repository_dispatch", {"client_payload": {"issue": "99999999999999"}}, None),
        ("issue_comment", comment(sender={"id": 1, "login": "x[bot]", "type": "Bot"}), None),
        ("schedule", {"schedule": "*/30 * * * *"}, None),
        ("issue_comment", [], None),
    ],
)
def test_the_event_says_where_to_look(
    tmp_path: Path, event: str, payload: object, number: int | None
) -> None:
    hint = runner(tmp_path, event, payload).hint(15368, NOW)
    assert (hint.ref if hint else None) == (SubjectRef(repo=NAMES, number=number) if number else None)
    assert hint is None or hint.installation is None  # the run has credentials of its own


def test_all_jobs_of_a_run_hold_one_claim(tmp_path: Path) -> None:
    found = runner(tmp_path, "schedule", {}, PUSHPALS_JOB="42-1@abc")
    assert found.holder == Holder(instance="actions", boot="77", name="workflow run 77")
    assert found.claim() == (SubjectRef(repo=NAMES, number=42), "42-1", "abc")


@pytest.mark.parametrize("job", ["", "42-1", "@abc", "x-1@abc", "42-@abc"])
def test_what_names_no_claim_is_refused(tmp_path: Path, job: str) -> None:
    with pytest.raises(SettingsError):
        runner(tmp_path, "schedule", {}, PUSHPALS_JOB=job).claim()


def test_what_is_no_runner_is_refused() -> None:
    with pytest.raises(SettingsError, match="not a runner"):
        Runner.of({})


def test_text_of_others_is_no_command_and_no_further_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = runner(tmp_path, "schedule", {})
    hostile = "ok\n::set-output name=jobs::[]\n::stop-commands::x\njobs=[1]"
    found.say(hostile)
    found.error(hostile)
    found.output("jobs", hostile)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("::")] == [lines[-1]]
    assert lines[-1].startswith("::error title=PushPals::ok")
    assert lines[-1].count("::") == 2
    assert len((tmp_path / "output").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("head", "fork"), [("octo/names", False), ("Octo/Names", False), ("sam/names", True), (None, True)]
)
def test_a_pull_request_from_elsewhere_is_known(tmp_path: Path, head: str | None, *, fork: bool) -> None:
    repo = {"full_name": head} if head else None
    found = runner(tmp_path, "pull_request_review", comment(pull_request={"head": {"repo": repo}}))
    assert found.from_a_fork() is fork
    assert not runner(tmp_path, "issue_comment", comment()).from_a_fork()
