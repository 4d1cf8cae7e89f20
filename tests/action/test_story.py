"""No server: a label starts a run of the workflow, and a small, checked pull request appears."""

from __future__ import annotations

import pytest

from pushpals.git import GitDenied, Mirror, RefUpdate
from pushpals.ledger.verify import verify_job
from pushpals.model import JobState
from tests.action.hosted import BOT, Actions, Run
from tests.stories.town import Town

APP_KEY = "-----a key-----"
REF = "refs/pushpals/jobs/1-1"
READS = {"actions": "read", "contents": "read"}


async def test_a_label_becomes_a_pull_request(town: Town) -> None:
    actions = Actions(town, secrets={"app-private-key": APP_KEY})
    issue = town.issue()
    town.label(issue)
    [run] = await actions.pump()

    assert set(run.results.values()) == {"success"}, run.log()
    [pull] = town.pulls()
    assert (pull.author, pull.head_ref) == (BOT, "agent/bug-fixer/1-1")
    [check] = [one for one in town.checks() if one.name == "PushPals / 1-1" and one.head_sha == pull.head_sha]
    assert (check.status, check.conclusion) == ("completed", "success")
    assert f"1-1 is published: {town.forge.url}/octo/names/pull/{pull.number}" in run.summary
    assert "by rules and `scripted`" in pull.body  # publish asks: the check's job has no model
    [job] = await town.jobs(issue)
    assert job.state is JobState.PUBLISHED
    ledger = await town.ledger()
    await ledger._mirror.fetch("+refs/heads/*:refs/heads/*", "+refs/pushpals/*:refs/pushpals/*")
    assert (await verify_job(ledger._mirror, "1-1")).problems == ()
    await no_job_both_writes_and_runs_what_others_wrote(town, run)


async def no_job_both_writes_and_runs_what_others_wrote(town: Town, run: Run) -> None:
    secrets = {name: token for name, (token, _) in run.tokens.items()}
    permissions = {name: at for name, (_, at) in run.tokens.items()}
    assert permissions["agent"] == permissions["check"] == READS
    assert {name for name, at in permissions.items() if "write" in at.values()} == {"observe", "publish"}

    def seen(secret: str) -> set[tuple[str, str]]:
        return {(step.job, step.name) for step in run.steps if secret in step.env.values()}

    fetch = "Fetch what the work needs"
    assert seen(secrets["agent"]) == {("agent", fetch)}
    assert seen(secrets["check"]) == {("check", fetch)}
    assert seen(secrets["observe"]) == {("observe", "Look, plan and claim")}
    assert seen(secrets["publish"]) == {("publish", "Publish")}
    assert seen("sk-test-key") == {
        ("observe", "Look, plan and claim"),
        ("agent", "Work"),
        ("publish", "Publish"),
    }
    assert {job for job, _ in seen(APP_KEY)} == {"observe", "publish"}
    assert not any(secret in run.log() for secret in (*secrets.values(), "sk-test-key", APP_KEY))
    for name in ("agent", "check"):
        await cannot_write(town, secrets[name], name)


async def cannot_write(town: Town, token: str, name: str) -> None:
    url = f"{town.forge.url}/octo/names.git"
    mirror = await Mirror.open(town.folder / f"{name}.git", url, lambda: _given(token))
    assert await mirror.ls_remote(REF)
    with pytest.raises(GitDenied):
        await _push(mirror)


async def _given(token: str) -> str | None:
    return token


async def _push(mirror: Mirror) -> None:
    await mirror.fetch("+refs/heads/main:refs/heads/main")
    tip = await mirror.resolve("refs/heads/main")
    await mirror.push([RefUpdate("refs/heads/evil", None, tip)])
