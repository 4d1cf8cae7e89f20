"""What a run does not do: publish what it should not, hand tokens around, take words from anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from pushpals.git import Mirror
from pushpals.ledger.encoding import canonical
from pushpals.model import CheckResult, Evidence, FailureKind, FileChange, JobRecord, JobState
from tests.action.hosted import BOT, Actions
from tests.git.remotes import anonymous
from tests.ledger.records import BOT as WRITER
from tests.stories.conftest import Builder
from tests.stories.town import FIX, Town

REF = "refs/pushpals/jobs/1-1"
READS = {"actions": "read", "contents": "read"}


# Machines that were taken over


async def opened(bundle: Path) -> tuple[Mirror, str]:
    """Open what a job hands over, where the claim is known; return also the commit it was made on."""
    away = next(bundle.parents[2].glob("check-*/temp/pushpals/away/home.git"), None)
    away = away or next(bundle.parents[2].glob("agent-*/temp/pushpals/away/home.git"))
    mirror = Mirror(away, "", anonymous)
    tip = await mirror.unpack(bundle, REF, "refs/evil")
    line = await mirror.log(tip)
    claim = next(entry.sha for entry in line if "Claimed" in entry.message)
    return mirror, claim


async def rewrite(bundle: Path, files: Mapping[str, bytes] | None = None, **changes: object) -> None:
    """Add a commit with other words to what is handed over."""
    mirror, claim = await opened(bundle)
    tip = await mirror.resolve("refs/evil")
    assert tip
    record = JobRecord.model_validate_json(await mirror.read(tip, "record.json") or b"")
    said = record.model_copy(update=changes)
    kept = {e.path: e.sha for e in await mirror.entries(tip)}
    tree = await mirror.tree_of({"record.json": canonical(said), **(files or {})}, kept=kept)
    evil = await mirror.commit(tree, [tip], "All is well.", author=WRITER, when=record.updated_at)
    await mirror._git.run("update-ref", REF, evil)
    await mirror.pack(bundle, REF, claim)


PATCH = b"""diff --git a/.github/workflows/ci.yml b/.github/workflows/ci.yml
new file mode 100644
index 0000000000000000000000000000000000000000..257cc5642cb1a054f08cc83f2d943e56fd3ebe99
--- /dev/null
+++ b/.github/workflows/ci.yml
@@ -0,0 +1 @@
+foo
"""


async def another_branch(bundle: Path) -> None:
    await rewrite(bundle, branch="main")


async def published(bundle: Path) -> None:
    await rewrite(bundle, state=JobState.PUBLISHED, head="c" * 40)


async def no_evidence(bundle: Path) -> None:
    await rewrite(bundle, tree="c" * 40)


async def another_patch(bundle: Path) -> None:
    """What was checked stands in the record; the patch is another one, of a file that is out of bounds."""
    await swap_patch(bundle, PATCH, ".github/workflows/ci.yml")


async def a_patch_that_nobody_checked(bundle: Path) -> None:
    """The patch is another one than what was checked, and changes nothing that it may not."""
    await swap_patch(bundle, PATCH.replace(b".github/workflows/ci.yml", b"auth/foo.py"), "auth/foo.py")


async def swap_patch(bundle: Path, patch: bytes, path: str) -> None:
    mirror, _ = await opened(bundle)
    record = JobRecord.model_validate_json(await mirror.read("refs/evil", "record.json") or b"")
    files = (FileChange(path=path, status="added", added=1, removed=0, mode="100644"),)
    report = record.report.model_copy(update={"files": files})
    await rewrite(bundle, {"patch.diff": patch}, report=report)


async def junk(bundle: Path) -> None:
    await asyncio.to_thread(bundle.write_bytes, b"# v2 git bundle\nnothing\n")


TAMPERED: Mapping[str, tuple[Callable[[Path], Awaitable[None]], FailureKind]] = {
    "changes branch": (another_branch, FailureKind.POLICY),
    "can not be read|cannot be read": (junk, FailureKind.POLICY),
    "has no evidence of that very tree": (no_evidence, FailureKind.POLICY),
    "Not published: `.github/workflows/ci.yml`": (another_patch, FailureKind.POLICY),
    "is not the one that was checked": (a_patch_that_nobody_checked, FailureKind.POLICY),
}


@pytest.mark.parametrize("reason", TAMPERED)
@pytest.mark.thorough
async def test_what_a_machine_that_was_taken_over_brings_is_refused(town: Town, reason: str) -> None:
    tamper, kind = TAMPERED[reason]
    actions = Actions(town)

    async def before(job: str, artifacts: Path) -> None:
        if job == "publish":
            await tamper(artifacts / "pushpals-check-1-1" / "job.bundle")

    actions.before = before
    issue = town.issue()
    town.label(issue)
    [run] = await actions.pump()
    assert run.results["publish"] == "success", run.log()
    [job] = await town.jobs(issue)
    assert job.failure
    assert (job.state, job.failure.kind) == (JobState.FAILED, kind), job.failure
    assert any(part in job.failure.cause for part in reason.split("|")), job.failure.cause
    assert town.pulls() == []
    assert not any(ref.startswith("refs/heads/agent/") for ref in await town.refs())
    assert job.failure.cause[:40] in town.comments_of(issue, BOT)


@pytest.mark.thorough
async def test_evidence_of_the_agents_own_making_is_refused(town: Town) -> None:
    actions = Actions(town)

    async def before(job: str, artifacts: Path) -> None:
        if job == "check":
            good = CheckResult(command="true", exit_code=0)
            evidence = Evidence(tree="c" * 40, base=(good,), head=(good,))
            bundle = artifacts / "pushpals-agent-1-1" / "job.bundle"
            mirror, _ = await opened(bundle)
            record = JobRecord.model_validate_json(await mirror.read("refs/evil", "record.json") or b"")
            report = record.report.model_copy(update={"evidence": evidence})
            await rewrite(bundle, state=JobState.GATED, tree="c" * 40, report=report)

    actions.before = before
    issue = town.issue()
    town.label(issue)
    run = (await actions.pump())[0]
    assert (run.results["check"], run.results["publish"]) == ("failure", "success"), run.log()
    assert "judged its own patch" in run.log()
    [job] = await town.jobs(issue)
    assert FailureKind.INFRASTRUCTURE in job.failures
    assert town.pulls() == []


@pytest.mark.thorough
async def test_what_is_cancelled_meanwhile_is_not_published(town: Town) -> None:
    actions = Actions(town)
    issue = town.issue()
    town.label(issue)

    async def before(job: str, _artifacts: Path) -> None:
        if job == "publish":
            actions.before = nothing
            town.forge.comment(issue, "ada", "/pushpals cancel")
            [cancelled] = [run for run in await actions.pump() if run.event == "issue_comment"]
            assert cancelled.results["observe"] == "success", cancelled.log()

    actions.before = before
    await actions.pump()
    [job] = await town.jobs(issue)
    assert job.state is JobState.CANCELLED
    assert town.pulls() == []
    assert not any(ref.startswith("refs/heads/agent/") for ref in await town.refs())
    first = actions.runs[0]
    assert first.results["publish"] == "success", first.log()
    assert "nothing of the work is published" in first.summary


async def nothing(_job: str, _artifacts: Path) -> None:
    """Let nothing happen."""


async def test_what_comes_from_a_fork_is_left_alone(town: Town) -> None:
    actions = Actions(town)
    payload = {
        "action": "submitted",
        "pull_request": {"number": 1, "head": {"ref": "agent/x/1-1", "repo": {"full_name": "sam/names"}}},
        "repository": {"full_name": "octo/names"},
        "sender": {"id": 1, "login": "sam", "type": "User"},
    }
    run = await actions.run("pull_request_review", payload)
    assert set(run.results.values()) == {"skipped"}
    assert run.steps == []
    assert run.tokens == {}


@pytest.mark.thorough
async def test_work_that_never_comes_back_is_tried_again(new_town: Builder) -> None:
    town = await new_town([FIX])
    actions = Actions(town)
    lost = True

    async def before(job: str, artifacts: Path) -> None:
        nonlocal lost
        if job == "check" and lost:
            lost = False
            (artifacts / "pushpals-agent-1-1" / "job.bundle").unlink()
            (artifacts / "pushpals-agent-1-1").rmdir()

    actions.before = before
    issue = town.issue()
    town.label(issue)
    first, second = await actions.pump()
    assert (first.event, first.results["check"], first.results["publish"]) == ("issues", "failure", "success")
    assert second.event == "repository_dispatch"
    [job] = await town.jobs(issue)
    assert (job.state, job.failures) == (JobState.PUBLISHED, (FailureKind.INFRASTRUCTURE,)), second.log()
    assert [pull.head_ref for pull in town.pulls()] == ["agent/bug-fixer/1-1"]
