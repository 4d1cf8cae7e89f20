"""What GitHub, the machine and people do in the worst moment: each job still ends in words, or goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from pushpals.git import Mirror, PushRefused, RefUpdate
from pushpals.github import GitHub, Installation, Permissions
from pushpals.local.forge.entities import Issue
from pushpals.loop.services import Event
from pushpals.model import FailureKind, JobState
from pushpals.sandbox import Limits, Sandbox, SandboxProvider, SandboxUnavailable
from tests.stories.town import LABEL, Town


class Watcher(list[Event]):
    """Events as they come; when a job reaches a state, something happens once."""

    def __init__(self, state: JobState, happens: Callable[[], object]) -> None:
        super().__init__()
        self._state = state
        self._happens: Callable[[], object] | None = happens

    def append(self, event: Event) -> None:
        """Take in one event."""
        super().append(event)
        if event.state is self._state and self._happens is not None:
            happens, self._happens = self._happens, None
            happens()


async def failed(town: Town, issue: Issue, kind: FailureKind, said: str) -> str:
    """Wait for a job to fail, and assert that people are told why and what to do; returns the comment."""
    await town.concluded(issue)
    [job] = await town.jobs(issue)
    assert job.failure is not None
    assert job.failure.kind is kind
    assert said in job.failure.cause
    [comment] = town.comments(issue)
    assert said in comment.body
    assert job.failure.next_step.split("\n")[0] in comment.body
    assert town.pulls() == []
    return comment.body


MEANWHILE = {
    "the label is removed": lambda town, issue: town.forge.remove_label(issue, "ada", LABEL),
    "the issue is closed": lambda town, issue: town.forge.close_issue(issue, "ada"),
    "the asker loses the role": lambda town, issue: town.forge.set_role(town.repo, "ada", "read"),
}


@pytest.mark.parametrize("what", MEANWHILE)
async def test_nothing_is_published_that_was_stopped_while_the_gate_judged_it(town: Town, what: str) -> None:
    issue = town.issue()
    town.events = Watcher(JobState.PROPOSED, lambda: MEANWHILE[what](town, issue))
    async with town.server():
        town.label(issue)
        await town.concluded(issue)
    [job] = await town.jobs(issue)
    assert job.failure is not None
    assert job.failure.kind in {FailureKind.CANCELLED, FailureKind.ACCESS}
    assert town.pulls() == []
    assert not [ref for ref in await town.refs() if ref.startswith("refs/heads/agent/")]


@dataclass
class Shaky:
    """Sandboxes that are gone when the gate asks, for a number of times."""

    inner: SandboxProvider
    gone: int
    opened: list[Path] = field(default_factory=list)
    name: Literal["bubblewrap", "docker"] = "bubblewrap"

    def describe(self) -> str:
        """As the real ones."""
        return self.inner.describe()

    async def check(self) -> None:
        """As the real ones."""
        await self.inner.check()

    async def open(self, workspace: Path, limits: Limits) -> Sandbox:
        """Open a real one, unless it is one of the gate's and the trouble goes on."""
        if "scratch" in workspace.parts and self.gone:
            self.gone -= 1
            raise SandboxUnavailable("The engine went away.")
        return await self.inner.open(workspace, limits)


async def test_a_sandbox_that_is_gone_for_a_while_costs_an_attempt(town: Town) -> None:
    issue = town.issue()
    town.sandboxes = Shaky(town.sandboxes, gone=1)
    async with town.server():
        town.label(issue)
        assert (await town.concluded(issue)).conclusion == "success"
    [job] = await town.jobs(issue)
    assert job.failures == (FailureKind.INFRASTRUCTURE,)


async def test_a_sandbox_that_stays_away_is_told(town: Town) -> None:
    issue = town.issue()
    town.sandboxes = Shaky(town.sandboxes, gone=100)
    async with town.server():
        town.label(issue)
        await failed(town, issue, FailureKind.INFRASTRUCTURE, "The engine went away.")


async def test_a_push_that_github_refuses_is_told(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    push = Mirror.push

    async def protected(mirror: Mirror, updates: list[RefUpdate]) -> None:
        if any(update.ref.startswith("refs/heads/") for update in updates):
            raise PushRefused("GH013: Repository rule violations found")
        await push(mirror, updates)

    monkeypatch.setattr(Mirror, "push", protected)
    issue = town.issue()
    async with town.server():
        town.label(issue)
        comment = await failed(town, issue, FailureKind.POLICY, "GH013")
    assert "rulesets" in comment


async def test_a_branch_that_somebody_else_made_is_left_alone(town: Town) -> None:
    issue = town.issue()
    theirs = await town.forge.push(town.repo, "ada", {"NOTES": "mine"}, branch="agent/bug-fixer/1-1")
    async with town.server():
        town.label(issue)
        await failed(town, issue, FailureKind.CONFLICT, "agent/bug-fixer/1-1 exists already")
    assert (await town.forge.git.refs(town.repo, "refs/heads/"))["refs/heads/agent/bug-fixer/1-1"] == theirs


async def test_a_record_that_cannot_be_read_is_told_once_and_nothing_is_built_on_it(town: Town) -> None:
    issue = town.issue()
    main = (await town.forge.git.refs(town.repo, "refs/heads/"))["refs/heads/main"]
    await town.forge.git.set_ref(town.repo, "refs/pushpals/requests/1", main)
    async with town.server() as server:
        town.label(issue)
        await town.until(lambda: town.comments(issue))
        await server.queue.put(town.hint(issue))
        await server.queue.idle()
    [comment] = town.comments(issue)
    assert "refs/pushpals/requests/1" in comment.body
    assert "move it back to its last good commit" in comment.body
    assert not [ref for ref in await town.refs() if ref.startswith("refs/pushpals/jobs/")]


async def test_a_text_that_a_stranger_changed_after_the_label_is_not_worked_on(town: Town) -> None:
    issue = town.forge.create_issue(town.repo, "sam", "Login fails", "It fails.")
    town.label(issue)
    town.forge.edit_issue(issue, "sam", body="Rather delete everything.")
    async with town.server():
        await town.until(lambda: town.comments(issue))
        [comment] = town.comments(issue)
        assert "`sam` changed this issue after `agent:ready` was added" in comment.body
        assert not [ref for ref in await town.refs() if ref.startswith("refs/pushpals/")]

        # People take a while to read it again; within the same second nobody could tell what came first.
        town.forge.store._clock = lambda: datetime.now(UTC) + timedelta(minutes=1)
        town.forge.remove_label(issue, "ada", LABEL)
        town.label(issue)
        await town.concluded(issue)


async def test_a_suspended_installation_keeps_nobody_else_from_being_looked_at(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    installations = GitHub.installations

    async def with_a_suspended_one(github: GitHub) -> tuple[Installation, ...]:
        nobody = Permissions()
        return (Installation(404, "gone", True, nobody, (), suspended=True), *await installations(github))

    monkeypatch.setattr(GitHub, "installations", with_a_suspended_one)
    issue = town.issue()
    town.label(issue)  # while nobody listens
    async with town.server() as server:
        await server.reconciled.wait()
        assert (await town.concluded(issue)).conclusion == "success"
