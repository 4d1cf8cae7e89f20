"""How the rules of who may do what are switched off."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest

from pushpals.github import RepoClient
from pushpals.github.views import Role
from pushpals.localbuddy import command_lines, commands, utterances
from pushpals.loop import intake, observe
from pushpals.loop.rules import jobs
from pushpals.model import JobState
from pushpals.policy.access import Allowed
from tests.adversary.controls import control, swapped

request = importlib.import_module("pushpals.localbuddy.request")

swapped(
    "roles",
    "only people whose role may start work",
    "pushpals.loop.rules.common:may_start",
    by=lambda *_: Allowed("anybody"),
)
swapped(
    "rights to commands",
    "only people whose role may give commands",
    "pushpals.loop.rules.conversation:may",
    by=lambda *_, **__: Allowed("anybody"),
)
swapped("no bots", "bots never start work", "pushpals.policy.access:_is_bot", by=lambda _: False)
swapped(
    "as labelled",
    "what is worked on is what was labelled",
    "pushpals.loop.rules.causes:changed_since",
    by=lambda *_: (),
)
swapped(
    "rights to buttons",
    "only people whose role may press buttons",
    "pushpals.loop.rules.presses:allowed",
    by=lambda s, policy, person: person,
)
swapped(
    "rights to remarks",
    "only people whose role may give further work",
    "pushpals.loop.rules.rounds:allowed",
    by=lambda s, policy, person: person,
)
swapped(
    "a second person",
    "whoever asked does not approve alone",
    "pushpals.loop.rules.plans:may_approve",
    by=lambda *_: Allowed("anybody"),
)
swapped(
    "bound approval",
    "a yes is to one text and one plan",
    "pushpals.policy.plan_gate:why_void",
    by=lambda *_: None,
)
swapped(
    "own check runs", "another App's check run is not ours", "pushpals.server.hints:_own", by=lambda *_: True
)


@control("role_name", "a role is known by its name, not by what it is like")
def _by_permission(patch: pytest.MonkeyPatch) -> None:
    async def role_of(client: Any, login: str) -> Role:
        path = "/repos/{owner}/{repo}/collaborators/{login}/permission"
        names = {"owner": client.ref.owner, "repo": client.ref.name, "login": login}
        answer = await client._access.get("role", path, names)
        return Role(answer["user"]["id"], answer["permission"])

    patch.setattr(RepoClient, "role_of", role_of)


@control("role at publication", "a role is read again before publication")
def _once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(jobs, "NEEDS_ASKER", frozenset({JobState.QUEUED}))


@control("numeric ids", "a person is an account, not a name")
def _by_name(patch: pytest.MonkeyPatch) -> None:
    async def roles(repo: Any, people: Any) -> dict[int, str]:
        return {person.id: (await repo.client.role_of(person.login))[1] for person in people}

    patch.setattr(observe, "_roles", roles)


@control("both people", "whoever changed a comment answers for it too")
def _author_alone(patch: pytest.MonkeyPatch) -> None:
    people = property(lambda said: (said.author,) if said.author else ())
    patch.setattr(utterances.Utterance, "people", people)


@control("deaf to itself", "PushPals takes no orders from itself")
def _talkative(patch: pytest.MonkeyPatch) -> None:
    def said(utterance: utterances.Utterance, slug: str) -> Any:
        return commands.commands_of(utterance.id, utterance.body, slug)

    patch.setattr(utterances.Utterance, "said", said)


@control("quotes", "what is quoted is not said")
def _quoted(patch: pytest.MonkeyPatch) -> None:
    def spoken(body: str, *names: str) -> Any:
        return command_lines.spoken(re.sub(r"(?m)^[>\s`]+", "", body), *names)

    patch.setattr(commands, "spoken", spoken)


@control("trusted comments", "a request is what people say who may start work")
def _everybody(patch: pytest.MonkeyPatch) -> None:
    def all_of(view: Any, *_: Any) -> Any:
        return tuple(request._candidates(view))

    for module in (intake, importlib.import_module("pushpals.loop.planning")):
        if hasattr(module, "comments_to_show"):
            patch.setattr(module, "comments_to_show", all_of)


@control("role at start", "a role is read again before work starts")
def _unread_at_start(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(jobs, "NEEDS_ASKER", frozenset({JobState.PROPOSED, JobState.GATED}))
