"""Bringing PushPals to a repository: one pull request, with what would have become of its last issues."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from pushpals.audit import prose
from pushpals.git import Identity, RefUpdate
from pushpals.github import CreatePullRequest, PullView, WriteFailed
from pushpals.localbuddy.request import request_of
from pushpals.localbuddy.welcome import welcome
from pushpals.loop.planning import reader_of
from pushpals.loop.roles import roles_at
from pushpals.model import Person
from pushpals.policy.commands import detect_checks
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import POLICY_PATH, RepoPolicy
from pushpals.remotebuddy import RepoFacts, make_plan

if TYPE_CHECKING:
    from pushpals.audit.prose import Foretold
    from pushpals.git import Mirror
    from pushpals.github import NewcomerView, OldIssue, RepoClient
    from pushpals.localbuddy.welcome import Welcome
    from pushpals.model import Request, Sha

BRANCH = "pushpals/onboarding"
LAST = 10
_NOBODY = Person(id=0, login="ghost")


class NotOnboarded(Exception):  # noqa: N818 - reads as the state it reports
    """The repository could not be given what it needs; the message says why, and what to do."""


@dataclass(frozen=True)
class Onboarding:
    """What would be done, before anything is."""

    view: NewcomerView
    base: Sha
    branch: str
    """The default branch."""
    label: str
    welcome: Welcome
    foretold: tuple[Foretold, ...]


async def look(client: RepoClient, mirror: Mirror, label: str) -> Onboarding:
    """Look at a repository, and foretell. Raises NotOnboarded for a policy that cannot be read."""
    branch = await mirror.remote_head()
    base = await mirror.fetch_branch(branch)
    there = parse_policy(await mirror.read(base, POLICY_PATH))
    if not isinstance(there, RepoPolicy):
        raise NotOnboarded(
            f"{POLICY_PATH} is there and cannot be read: {there}. Mend it, then run this again."
        )
    if there.where("trigger.label") != "default":
        label = there.trigger.label
    view = await client.newcomer(label, BRANCH, LAST)
    paths = await mirror.tree_paths(base)
    reader = reader_of(mirror, base)
    checks = await asyncio.to_thread(detect_checks, paths, reader)
    given = await asyncio.to_thread(welcome, paths, checks, label)
    written = parse_policy(given.files.get(POLICY_PATH))
    rules = written if POLICY_PATH in given.files and isinstance(written, RepoPolicy) else there
    roles = await roles_at(mirror, base, rules, paths)

    def facts(issue: OldIssue) -> RepoFacts:
        return RepoFacts(paths, reader, roles, issue.labels)

    def foretell() -> tuple[Foretold, ...]:
        return tuple(
            prose.Foretold(issue.number, issue.title, make_plan(_request(issue), rules, facts(issue)))
            for issue in view.issues
        )

    return Onboarding(view, base, branch, label, given, await asyncio.to_thread(foretell))


def _request(issue: OldIssue) -> Request:
    return request_of(issue.number, issue.title, issue.body, _NOBODY, "onboarding", issue.created_at)


async def bring(
    made: Onboarding, client: RepoClient, mirror: Mirror, author: Identity, workflow: str | None
) -> str | None:
    """Make the label and open the pull request; return its address, None when nothing was missing.

    Done twice, it changes nothing the second time. `workflow` is the text of the workflow file to offer.
    Raises NotOnboarded where people have said otherwise, and what git and GitHub raise.
    """
    if not made.view.has_label:
        await client.create_label(made.label, "0e8a16", "PushPals works on this issue")
    if not made.welcome.files:
        return None
    if made.view.pull_state == "CLOSED":
        raise NotOnboarded(
            f"{made.view.pull} was closed without merging, so no other is opened. Reopen it if you like."
        )
    if made.view.pull_state != "OPEN" or made.view.pull is None:
        await _push(made, mirror, author)
        return await _open(made, client, workflow)
    return made.view.pull


async def _push(made: Onboarding, mirror: Mirror, author: Identity) -> None:
    files = {path: text.encode() for path, text in made.welcome.files.items()}
    tree = await mirror.with_files(made.base, files)
    message = f"{prose.ONBOARDING_TITLE}\n\nWhat it may do here is in {POLICY_PATH}.\n"
    commit = await mirror.commit(tree, [made.base], message, author=author, when=datetime.now(UTC))
    ref = f"refs/heads/{BRANCH}"
    there = (await mirror.ls_remote(ref)).get(ref)
    await mirror.push([RefUpdate(ref, there, commit)])


async def _open(made: Onboarding, client: RepoClient, workflow: str | None) -> str:
    link = None
    if workflow is not None:
        name, text = quote(".github/workflows/pushpals.yml", safe=""), quote(workflow, safe="")
        web = client.git_url.removesuffix(".git")
        link = f"{web}/new/{quote(BRANCH)}?filename={name}&value={text}"
    body = prose.onboarding_body(
        list(made.welcome.files),
        made.foretold,
        made.label,
        label_made=not made.view.has_label,
        workflow=link,
    )
    asked = CreatePullRequest(made.view.id, made.branch, BRANCH, prose.ONBOARDING_TITLE, body)
    [written] = await client.write(asked)
    if isinstance(written, WriteFailed):
        if written.kind != "already_exists":
            raise written
        view = await client.newcomer(made.label, BRANCH, 1)
        return view.pull or ""
    return written.url if isinstance(written, PullView) else ""
