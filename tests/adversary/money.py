"""Attacks on the budget: work without end, counts that lie, and everybody at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from pushpals.llm.prices import Price
from pushpals.loop import shift
from pushpals.model import FailureKind, JobState, WaitReason
from tests.adversary.cases import case
from tests.adversary.stage import RIGHT, Stage, asked, holds, quiet, said
from tests.stories.scripted import Message, Messages, call
from tests.stories.town import Town

ENOUGH = 12
"""After so many turns an attacker's model gives up, so that an attack ends also where nothing stops it."""


def endless(most: int = ENOUGH) -> Callable[[Messages], Message]:
    """Return a model that always finds something more to look at."""
    turns = iter(range(most))

    def reply(_messages: Messages) -> Message:
        turn = next(turns, None)
        return call("done", summary="x") if turn is None else call("read", path=f"nothing/{turn}.py")

    return reply


async def _turns(stage: Stage, policy: str) -> Town:
    """Let a model without end work on an issue under a policy."""
    town = await stage.town([endless()], tools=True, policy=policy)
    async with asked(town):
        pass
    return town


async def _asks_a_person(town: Town, most: int, gained: str) -> None:
    """The model was asked a few times at most; after that people are asked, who may raise the cap."""
    holds(len(town.model.asked) <= most, gained)
    holds("/pushpals budget 2x" in said(town), "nobody is asked for more")


@case("have a model take turns without end", control="cap on turns")
async def _(stage: Stage) -> None:
    town = await _turns(stage, "budget:\n  turns: 3\n")
    await _asks_a_person(town, 3, "turns are taken beyond the cap")


@case("have a model read and write tokens without end", control="cap on tokens")
async def _(stage: Stage) -> None:
    town = await _turns(stage, "budget:\n  tokens: 1000\n")
    await _asks_a_person(town, 9, "tokens are spent beyond the cap")


@case("have a model cost money without end", control="cap on money")
async def _(stage: Stage) -> None:
    stage.patch.setattr("pushpals.llm.openai_compat.price_of", lambda *_: Price(1000.0, 1000.0, 1000.0))
    town = await _turns(stage, "budget:\n  usd: 0.5\n")
    await _asks_a_person(town, 5, "money is spent beyond the cap")


@case("cost money that nobody can count", control="cap on money")
async def _(stage: Stage) -> None:
    stage.patch.setattr("pushpals.llm.openai_compat.price_of", lambda *_: None)
    town = await _turns(stage, "budget:\n  usd: 0.5\n")
    await _asks_a_person(town, 1, "a model of unknown price goes on")


@case("have a model work beyond its time", control="cap on time")
async def _(stage: Stage) -> None:
    town = await _turns(stage, "budget:\n  minutes: 0.001\n")
    await _asks_a_person(town, 0, "a model works on when its time is over")


@case("say that an answer took one token", control="least tokens")
async def _(stage: Stage) -> None:
    town = await stage.town([endless()], tools=True, policy="budget:\n  tokens: 1000\n")
    town.model.usage = {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}
    async with asked(town):
        pass
    await _asks_a_person(town, ENOUGH - 2, "who lies about tokens has no cap")


@case("say nothing of what an answer took", control="estimated tokens")
async def _(stage: Stage) -> None:
    town = await stage.town([endless()], tools=True, policy="budget:\n  tokens: 1000\n")
    town.model.usage = None
    async with asked(town):
        pass
    await _asks_a_person(town, ENOUGH - 2, "who counts no tokens has no cap")


@case("never answer, and never hang up", control="end of an attempt")
async def _(stage: Stage) -> None:
    stage.patch.setattr(shift, "OVERTIME", 0.3)
    town = await stage.town(policy="budget:\n  minutes: 0.005\n")
    town.model.silent = True
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        with suppress(TimeoutError):
            async with asyncio.timeout(10):
                await quiet(town, server)
        [record] = await town.jobs(issue)
    kind = record.failure.kind if record.failure else None
    holds(kind is FailureKind.TIMEOUT, "a worker is held for ever")
    holds(record.failures == (FailureKind.TIMEOUT,), "it is not tried again once")


@case("fail over and over, and be tried again each time", control="few attempts")
async def _(stage: Stage) -> None:
    town = await stage.town()
    town.model.down = True
    async with asked(town) as (_, issue):
        [record] = await town.jobs(issue)
    holds(record.attempt <= 3, "it is tried again without end")


@case("answer what nobody can read, and be asked again each time", control="few unreadable answers")
async def _(stage: Stage) -> None:
    town = await stage.town([{"role": "assistant", "content": ""}])
    async with asked(town) as (_, issue):
        [record] = await town.jobs(issue)
    holds(record.usage.turns <= 3 * 3, "turns are wasted on nothing")


@case("say that all is done, while the checks stay red for ever", control="few complaints")
async def _(stage: Stage) -> None:
    def stubborn() -> Iterator[Message]:
        for n in range(6):
            yield call("write", path=f"auth/note{n}.py", content=f"X = {n}\n")
            yield call("done", summary="Now it is right.")

    replies = stubborn()
    last = call("read", path="README.md")
    town = await stage.town(
        [lambda _messages: next(replies, last)], tools=True, policy="budget:\n  turns: 14\n"
    )
    async with asked(town):
        pass
    told = max(str(messages).count("Now it is right.") for messages in town.model.asked)
    holds(told <= 3, "a fix loop goes on for ever")


@case("keep the repository's own checks red, to be called again and again", control="few own rounds")
async def _(stage: Stage) -> None:
    town = await stage.town([RIGHT, _done(), _note(1), _done(), _note(2), _done(), _note(3), _done()])
    async with asked(town) as (server, issue):
        for _ in range(4):
            [pull] = town.pulls()
            await town.forge.ci(town.repo, pull.head_sha, "lint", "failure", log="It is red.")
            await quiet(town, server)
        [record] = await town.jobs(issue)
    holds(record.round <= 2, "red checks call a worker for ever")


def _done() -> Message:
    return call("done", summary="Done.")


def _note(number: int) -> Message:
    return call("write", path="auth/note.py", content=f"X = {number}\n")


@case("have a tool print for ever into the model's context", control="clipped answers")
async def _(stage: Stage) -> None:
    policy = "commands:\n  allow:\n    - 'yes'\n"
    town = await stage.town([call("run", command="yes", reason="x"), _done()], policy=policy)
    async with asked(town):
        pass
    assert "stopped: " in str(town.model.asked[1])
    holds(max(len(str(messages)) for messages in town.model.asked) < 60_000, "output fills the context")


@case("have a check print for ever into the model's context", control="clipped checks")
async def _(stage: Stage) -> None:
    town = await stage.town([_done()], policy="checks:\n  - 'yes'\n")
    async with asked(town):
        pass
    assert town.model.asked
    holds(max(len(str(messages)) for messages in town.model.asked) < 60_000, "output fills the context")


@case("split a plan without end", control="tasks of a plan")
async def _(stage: Stage) -> None:
    town = await stage.town([RIGHT], tools=True)
    tasks = [{"goal": f"Say {n}.", "scope": [f"docs/{n}.md"], "role": "bug_fixer"} for n in range(12)]
    town.model.plans = [call("plan", tasks=tasks, risk="low")]
    never = asyncio.Event()
    town.model.hold = lambda messages: None if "foreman" in str(messages[0]) else never
    issue = town.issue()
    async with town.server():
        town.label(issue)
        await town.model.was_asked()
        await town.until(lambda: len(town.model.asked))
        record = (await (await town.ledger()).observe(issue.number, "main")).request
    assert record is not None
    holds(len(record.record.plan.tasks) <= 8, "one label makes a dozen jobs")


async def _crowd(town: Town, many: int) -> int:
    """Label many issues at once; return for how many work was begun."""
    issues = [town.issue(f"Thing {n} is broken") for n in range(many)]
    async with town.server() as server:
        for issue in issues:
            town.label(issue)
        await quiet(town, server)
        return sum([bool(await town.jobs(issue)) for issue in issues])


@case("label a crowd of issues at once", control="jobs of a day")
async def _(stage: Stage) -> None:
    town = await stage.town(policy="budget:\n  jobs: 2\n")
    holds(await _crowd(town, 4) <= 2, "a crowd has as much work done as it likes")
    holds("`budget.jobs` allows no more" in said(town), "nobody is told who may raise it")


@case("spend the day's tokens, and begin more", control="cap of a day")
async def _(stage: Stage) -> None:
    town = await stage.town([endless(), endless()], tools=True, policy="budget:\n  day_tokens: 1000\n")
    async with asked(town) as (server, _):
        second = town.issue("Another thing", "It is wrong as well.")
        spent = len(town.model.asked)
        town.label(second)
        await quiet(town, server)
        [record] = await town.jobs(second)
    holds((record.state, record.waiting) == (JobState.WAITING, WaitReason.DAY), "work begins on a spent day")
    holds(len(town.model.asked) == spent, "tokens are spent beyond the day's")
    holds("lets this job begin today" in said(town), "nobody is asked who may raise it")


@case("spend the day's money, and begin more", control="cap of a day")
async def _(stage: Stage) -> None:
    stage.patch.setattr("pushpals.llm.openai_compat.price_of", lambda *_: Price(1000.0, 1000.0, 1000.0))
    policy = "budget:\n  day_usd: 0.5\n  usd: 0.5\n"
    town = await stage.town([endless(), endless()], tools=True, policy=policy)
    async with asked(town) as (server, _):
        second = town.issue("Another thing", "It is wrong as well.")
        spent = len(town.model.asked)
        town.label(second)
        await quiet(town, server)
    holds(len(town.model.asked) == spent, "money is spent beyond the day's")


@case("ask for one round after the other on a spent day", control="cap of a day")
async def _(stage: Stage) -> None:
    town = await stage.town([RIGHT, _done(), endless()], policy="budget:\n  day_tokens: 1000\n")
    async with asked(town) as (server, issue):
        for n in range(2):
            [pull] = town.pulls()
            town.forge.comment(pull, "ada", f"/pushpals fix Say {n} as well.")
            await quiet(town, server)
        [record] = await town.jobs(issue)
        assert record.round
        spent = len(town.model.asked)
        town.forge.comment(issue, "ada", f"/pushpals cancel {record.id}")
        await quiet(town, server)
        town.forge.comment(issue, "ada", "/pushpals run")
        await quiet(town, server)
    holds(len(town.model.asked) == spent, "each round has a budget, and there is no end of rounds")


@case("have plans made on a spent day", control="cap of a day")
async def _(stage: Stage) -> None:
    town = await stage.town([endless()], tools=True, policy="budget:\n  day_tokens: 1000\n")
    async with asked(town) as (server, _):
        planned = len(town.model.planned)
        for n in range(3):
            town.label(town.issue(f"Thing {n} is broken"))
        await quiet(town, server)
    holds(len(town.model.planned) == planned, "plans cost what the day has not")


@case("take in one job more than is left of the day", control="rest of a day")
async def _(stage: Stage) -> None:
    town = await _turns(stage, "budget:\n  day_tokens: 1000\n")
    await _asks_a_person(town, 9, "one job spends more than the day may")


async def _questions(town: Town, text: str, issues: int = 4) -> int:
    """Ask a crowd of questions on several issues; return how many answers have cost something."""
    answered: list[Messages] = []

    def answer(messages: Messages) -> str:
        answered.append(messages)
        return "I do not know."

    town.model.replies = [answer]
    async with town.server() as server:
        for n in range(issues):
            issue = town.issue(f"Thing {n} is broken")
            town.forge.comment(issue, "ada", f"{text} {n}?")
        await quiet(town, server)
    return len(answered)


@case("ask a thousand questions", control="questions of a day")
async def _(stage: Stage) -> None:
    town = await stage.town(policy="budget:\n  questions: 2\n")
    holds(await _questions(town, "/pushpals ask Why is it so, number") <= 2, "questions burn tokens")
    holds("`budget.questions`" in said(town), "nobody is told who may raise it")


@case("ask a question in every line of one comment", control="questions of a day")
async def _(stage: Stage) -> None:
    town = await stage.town(policy="budget:\n  questions: 2\n")
    lines = "\n".join(f"/pushpals ask Why is it so, number {n}?" for n in range(4))
    holds(await _questions(town, lines, 1) <= 2, "questions burn tokens")


@case("ask for review after review", control="questions of a day")
async def _(stage: Stage) -> None:
    town = await stage.town([RIGHT, _done()], policy="budget:\n  questions: 1\n")
    async with asked(town) as (server, _):
        [pull] = town.pulls()
        reviewed = len(town.model.reviewed)
        for _ in range(3):
            town.forge.comment(pull, "ada", "/pushpals review")
            await quiet(town, server)
    holds(len(town.model.reviewed) <= reviewed + 1, "reviews burn tokens")


@case("ask questions on a spent day", control="questions of a day")
async def _(stage: Stage) -> None:
    town = await stage.town([endless()], tools=True, policy="budget:\n  day_tokens: 1000\n")
    async with asked(town) as (server, issue):
        spent = len(town.model.asked)
        town.forge.comment(issue, "ada", "/pushpals ask Why is it so?")
        await quiet(town, server)
    holds(len(town.model.asked) == spent, "questions cost what the day has not")


async def _raised(stage: Stage, how: Callable[[Town, Any], None]) -> None:
    """Let a job run out of budget, and somebody without the role try to raise it."""
    town = await stage.town([endless()], tools=True, policy="budget:\n  turns: 2\n")
    async with asked(town) as (server, issue):
        how(town, issue)
        await quiet(town, server)
        [record] = await town.jobs(issue)
    holds(record.budget_factor == 1, "a stranger raises the cap")


@case("raise a cap as a stranger, by a command", control="rights to commands")
async def _(stage: Stage) -> None:
    await _raised(stage, lambda town, issue: void(town.forge.comment(issue, "sam", "/pushpals budget 16x")))


@case("raise a cap as a stranger, by a button", control="rights to buttons")
async def _(stage: Stage) -> None:
    def press(town: Town, _issue: object) -> None:
        run = next(run for run in town.checks() if run.actions)
        town.forge.press_button(run, "sam", "budget-2x")

    await _raised(stage, press)


@case("raise a cap as whoever may only triage", control="rights to commands")
async def _(stage: Stage) -> None:
    def say(town: Town, issue: Any) -> None:
        town.forge.set_role(town.repo, "sam", "triage")
        town.forge.comment(issue, "sam", "/pushpals budget 16x")

    await _raised(stage, say)


def void(_value: object) -> None:
    """Take a value, and give nothing back."""
