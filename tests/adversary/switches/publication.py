"""How the rules of what may be published are switched off, one at a time."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from pushpals.audit import markdown
from pushpals.git import RefUpdate
from pushpals.git.remote import Remote
from pushpals.loop import landing
from pushpals.loop.snapshot import Snapshot
from pushpals.policy import scope
from pushpals.policy.globs import first_match
from tests.adversary.controls import control, swapped

gate = importlib.import_module("pushpals.source_control.gate")

swapped(
    "protected paths",
    "what decides what runs is protected",
    "pushpals.policy.scope:protected_by",
    by=lambda *_: None,
)
swapped(
    "path names",
    "a path is ordinary on every file system",
    "pushpals.policy.scope:path_problem",
    by=lambda _: None,
)
swapped(
    "file kinds",
    "only ordinary text files are published",
    "pushpals.policy.scope:_kind_findings",
    by=lambda *_: (),
)
swapped(
    "size",
    "a change is as large as the policy lets it be",
    "pushpals.policy.scope:_size_findings",
    by=lambda *_: (),
)
swapped(
    "lock files",
    "a lock file changes with its manifest",
    "pushpals.policy.scope:_lock_findings",
    by=lambda *_: (),
)
swapped(
    "role bounds",
    "a role's worker keeps to its role",
    "pushpals.policy.scope:_role_findings",
    by=lambda *_: (),
)
swapped("secrets", "no credential is published", "pushpals.policy.gate:find_secrets", by=lambda _: ())
swapped(
    "secrets in words",
    "no credential is published in the worker's words",
    "pushpals.source_control.gate:find_secrets_in_text",
    by=lambda *_: (),
)
swapped(
    "skip marks",
    "no text of a request tells CI to skip",
    "pushpals.audit.prose.words:unskipped",
    by=lambda text: text,
)


@control("letter case", "a protected path is protected in any spelling")
def _case(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(scope, "first_match", lambda globs, path, **_: first_match(globs, path))


@control("write scope", "a change stays where the policy lets it write")
def _anywhere(patch: pytest.MonkeyPatch) -> None:
    _without(patch, "scope.write")


@control("task scope", "a change stays where its task is")
def _any_task(patch: pytest.MonkeyPatch) -> None:
    _without(patch, "task.scope")


def _without(patch: pytest.MonkeyPatch, rule: str) -> None:
    check = gate.check_patch

    def lenient(*facts: Any) -> tuple[Any, ...]:
        return tuple(finding for finding in check(*facts) if finding.rule != rule)

    patch.setattr(gate, "check_patch", lenient)


@control("lease", "a ref moves only from where it was seen")
def _forced(patch: pytest.MonkeyPatch) -> None:
    async def push(remote: Remote, updates: Sequence[RefUpdate]) -> None:
        refspecs = [f"+{update.new or ''}:{update.ref}" for update in updates]
        done = await remote._run("push", "--porcelain", remote._url, *refspecs)
        assert done.code == 0, done.err

    patch.setattr(Remote, "push", push)


@control("cancel", "what was cancelled publishes nothing")
def _uncancelled(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("pushpals.loop.rules.jobs.ending_steps", lambda *_: [])


@control("whole Markdown", "a text that is too long is cut so that it stays well-formed and fits")
def _cut_anywhere(patch: pytest.MonkeyPatch) -> None:
    for place in (
        "pushpals.audit.markdown.truncate_markdown",
        "pushpals.audit.outgoing.truncate_markdown",
        "pushpals.audit.prose.pull_request.truncate_markdown",
    ):
        patch.setattr(place, lambda text, limit=markdown.GITHUB_LIMIT: text[:limit])


@control("exact tree", "what is pushed is the tree that was checked")
def _other_tree(patch: pytest.MonkeyPatch) -> None:
    publish = landing.publish_job

    async def stale(entry: Any, s: Snapshot, hands: Any) -> Snapshot:
        base = await hands.repo.mirror.commit_tree(entry.record.base)
        return await publish(replace(entry, record=entry.record.model_copy(update={"tree": base})), s, hands)

    patch.setattr(landing, "publish_job", stale)


swapped(
    "one author",
    "what is written in a request is one line of a commit's message",
    "pushpals.audit.prose.pull_request:plain",
    by=lambda text, limit: text,
)
