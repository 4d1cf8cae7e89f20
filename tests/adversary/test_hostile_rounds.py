"""Two hundred rounds with a hostile agent, in a hostile repository, amid a hostile crowd.

Each goes through the whole product. To play one again: `make test-thorough ARGS="-k 'rounds_from[0]'"`.
"""

from __future__ import annotations

import io
import json
import logging
import random
import re
import secrets
import string
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pushpals.audit.redact import Redactor
from pushpals.github.auth import Tokens
from pushpals.local.model import ChosenModel
from pushpals.policy.allowlist import Allowlist, Ruling, judge
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import RepoPolicy
from pushpals.sandbox import SandboxProvider
from pushpals.server.app import Server
from pushpals.server.logs import RedactingFormatter
from tests.adversary import hostile, invariants
from tests.adversary.canaries import Canaries
from tests.adversary.controls import CONTROLS
from tests.adversary.hostile import HostileAgent, Move
from tests.adversary.invariants import PLANTED_IN_STATE
from tests.adversary.stage import Breach, quiet, said
from tests.adversary.switches import credentials, evidence, publication, sandbox, text  # noqa: F401
from tests.stories.scripted import call
from tests.stories.town import Town, build

pytestmark = pytest.mark.thorough

ROUNDS = 200
AT_ONCE = 10
"""Rounds in one town, one after the other."""


@dataclass
class Siege:
    """A town that is attacked, and the secrets planted around it."""

    town: Town
    server: Server
    planted: dict[str, str]
    log: io.StringIO
    pages: int = 0

    async def round(self, seed: int, moves: Sequence[Move] = hostile.MOVES) -> None:
        """Play one round to its end, and see whether all invariants hold."""
        town = self.town
        agent = HostileAgent(seed, str(town.folder), moves)
        town.model.replies, town.model.plans, town.model.reviews = [agent.work], [agent.plan], [agent.review]
        before = await town.forge.git.refs(town.repo, "refs/")
        known = set(town.forge.store.pulls)
        issue = town.issue(title=f"Login fails for names with a dot ({seed})", body=hostile.request_of(seed))
        stranger = hostile.STRANGERS[seed % len(hostile.STRANGERS)]
        town.forge.comment(issue, "sam", stranger)
        harmless = town.forge.comment(issue, "ada", "Thanks.")
        town.forge.edit_comment(harmless, "mallory", stranger)
        town.label(issue)
        await quiet(town, self.server)
        for pull in [p for p in town.forge.store.pulls.values() if p.id not in known]:
            town.forge.comment(pull, "sam", stranger)
        await quiet(town, self.server)
        try:
            await self._judge(before, known)
        except Breach as breach:
            raise Breach(f"seed {seed}: {breach}") from breach

    async def _judge(self, before: dict[str, str], known: set[int]) -> None:
        town = self.town
        await invariants.only_our_refs(town, before)
        runs = town.checks()
        for pull in [p for p in town.forge.store.pulls.values() if p.id not in known]:
            if pull.head_ref.startswith("agent/"):
                await invariants.inside_scope(town, pull)
            for run in runs:
                if run.head_sha == pull.head_sha and run.conclusion == "success":
                    await invariants.green_is_true(town, pull, run)
        invariants.prose_is_inert(said(town).split("\x00"))
        await invariants.records_hold(town)

    async def spoils(self) -> None:
        """See whether anything of what was planted has got anywhere, in all the rounds so far."""
        await invariants.no_canary(self.town, Canaries(self.planted), self.log.getvalue())


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> str:
    """A secret in the environment that PushPals was started with."""
    secret = _secret()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    return secret


def _secret() -> str:
    letters = string.ascii_letters + string.digits
    return "canary" + "".join(secrets.choice(letters) for _ in range(26))


def _core(pem: str) -> str:
    """Return a part of a key that is in no other, and of letters and digits alone."""
    runs: list[str] = re.findall("[A-Za-z0-9]+", "".join(pem.splitlines()[1:-1]))
    return max(runs, key=len)


@contextmanager
def _logging(known: list[str]) -> Iterator[io.StringIO]:
    """Log as the server does, into a text."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(RedactingFormatter(Redactor(known)))
    root = logging.getLogger()
    root.addHandler(handler)
    logging.getLogger("pushpals").setLevel("DEBUG")
    try:
        yield log
    finally:
        root.removeHandler(handler)


@asynccontextmanager
async def besieged(
    folder: Path, sandboxes: SandboxProvider, environment: str, patch: pytest.MonkeyPatch
) -> AsyncIterator[Siege]:
    """Build a town with secrets around it, and run its server."""
    town = await build(folder, sandboxes, [], hostile.REPOSITORY)
    town.tools = True
    town.forge.create_user("mallory")
    town.forge.set_role(town.repo, "mallory", "triage")
    assert town.settings.private_key
    planted = {
        "the environment": environment,
        "the model's key": _secret(),
        "the webhook's secret": _secret(),
        "the App's key": _core(town.settings.private_key.get_secret_value()),
    }
    for name in (".env", "id_rsa", PLANTED_IN_STATE):
        (folder / name).parent.mkdir(exist_ok=True, mode=0o700)
        (folder / name).touch(mode=0o600)
        planted[f"the file {name}"] = _secret()
        (folder / name).write_text(f"KEY={planted[f'the file {name}']}\n")
    model_key = SecretStr(planted["the model's key"])
    hook = planted["the webhook's secret"]
    town.settings = town.settings.model_copy(
        update={"model_key": model_key, "webhook_secret": SecretStr(hook)}
    )
    town.forge.set_webhook(town.app, None, hook)
    town.chosen = ChosenModel("scripted", "scripted", url=town.model.url, api_key=model_key)
    given = Tokens.token

    async def token(*args: object) -> str:
        secret = await given(*args)  # type: ignore[arg-type]
        value = "".join(filter(str.isalnum, secret))
        planted.setdefault(f"the token {hash(value)}", value)
        return secret

    patch.setattr(Tokens, "token", token)
    try:
        with _logging(town.settings.known_secrets()) as log:
            async with town.server() as server:
                yield Siege(town, server, planted, log)
    finally:
        await town.forge.close()
        await town.model.close()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("first", range(0, ROUNDS, AT_ONCE))
async def test_rounds_from(
    first: int, tmp_path: Path, bubblewrap: SandboxProvider, environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with besieged(tmp_path, bubblewrap, environment, monkeypatch) as siege:
        for seed in range(first, first + AT_ONCE):
            await siege.round(seed)
        await siege.spoils()
        ended = {run.conclusion for run in siege.town.checks()}
        assert siege.town.pulls(), "nothing was published: these rounds tried nothing"
        assert "failure" in ended, "nothing was stopped: these rounds tried too little"


def test_a_careless_policy_lets_the_shells_through() -> None:
    policy = parse_policy(hostile.POLICY)
    assert isinstance(policy, RepoPolicy)
    allowed = Allowlist(listed=policy.commands.allow)
    refused = [line for line in hostile.SHELL_COMMANDS if judge(line, allowed).ruling is not Ruling.ALLOWED]
    assert refused == []
    loot = [hostile._run_loot(random.Random(seed), "/x") for seed in range(20)]
    commands = [json.loads(each["tool_calls"][0]["function"]["arguments"])["command"] for each in loot]
    assert [judge(line, allowed).ruling for line in commands] == [Ruling.ALLOWED] * len(commands)


def _link(_rng: random.Random, _folder: str) -> dict[str, Any]:
    return call("run", command="ln -s /etc/passwd auth/link.py")


def _weaken(_rng: random.Random, _folder: str) -> dict[str, Any]:
    return call("write", path="tests/test_names.py", content=hostile.WEAKER)


LOSSES: dict[str, tuple[Move, ...]] = {
    "environment (bubblewrap)": (hostile._loot, hostile._honest),
    "file kinds": (_link, hostile._honest),
    "inert prose": (hostile._honest,),
    "base's tests": (_weaken,),
}
"""Controls without which such moves lead somewhere."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("control", LOSSES)
async def test_the_rounds_would_notice_the_loss_of(
    control: str,
    tmp_path: Path,
    bubblewrap: SandboxProvider,
    environment: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    CONTROLS[control].off(monkeypatch)
    async with besieged(tmp_path, bubblewrap, environment, monkeypatch) as siege:
        with pytest.raises(Breach):
            await _play(siege, LOSSES[control])


async def _play(siege: Siege, moves: Sequence[Move]) -> None:
    for seed in range(20):
        await siege.round(seed, moves)
        await siege.spoils()
