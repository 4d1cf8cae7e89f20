"""Commands off the allowlist stop the work for a person's yes, and work goes on from where it stopped."""

from __future__ import annotations

from typing import Any

from pushpals.policy.allowlist import Allowlist
from pushpals.workerpals import Note, Outcome, Refused
from pushpals.workerpals.assignment import Checkpoint
from tests.workerpals.conftest import BUGGY, RIGHT, WRONG, Desk, OpenDesk, Scripted, call

EDIT = {"path": "shop/prices.py", "old": WRONG.strip(), "new": RIGHT.strip()}
DONE = call("done", summary="It is right now.")
DEPLOY = "make deploy"
LISTED: dict[str, Any] = {"allowlist": Allowlist(), "may_ask": True}


async def test_a_command_with_a_reason_stops_the_work_and_leaves_it_as_it_is(desk: Desk) -> None:
    ask = call("run", command=f" {DEPLOY} ", reason="The docs\nmust go out.")
    outcome = await desk.work(Scripted(call("edit", **EDIT), ask, native=True), **LISTED)
    assert outcome.failure is None
    assert outcome.asks
    assert (outcome.asks.command, outcome.asks.reason) == (DEPLOY, "The docs\nmust go out.")
    assert outcome.asks.why == "`make` is not on the list of commands for this repository"
    assert (outcome.refused, outcome.usage.turns) == ((), 2)
    assert desk.changed(BUGGY) == {"shop/prices.py"}


async def test_without_a_reason_the_model_is_told_what_it_would_cost(desk: Desk) -> None:
    model = Scripted(call("run", command=DEPLOY), call("edit", **EDIT), DONE, native=True)
    outcome = await desk.work(model, **LISTED)
    assert (outcome.failure, outcome.asks, outcome.refused) == (None, None, ())
    assert "It needs a person's yes" in model.asked[1][-1].content
    assert [event.text for event in desk.events if isinstance(event, Note)] == [
        "not run, needs a yes: make deploy"
    ]


async def test_nobody_is_asked_about_a_command_that_cannot_be_shown_whole(desk: Desk) -> None:
    """Else a yes to its beginning would run its end."""
    hidden = f"{DEPLOY} {'x' * 2_000} evil"
    ask = call("run", command=hidden, reason="I must.")
    model = Scripted(ask, call("edit", **EDIT), DONE, native=True)
    outcome = await desk.work(model, **LISTED)
    assert outcome.asks is None
    assert "too long for a person to say yes to" in model.asked[1][-1].content


async def test_where_nobody_may_be_asked_it_is_refused_on_record(desk: Desk) -> None:
    model = Scripted(call("run", command=DEPLOY), call("edit", **EDIT), DONE, native=True)
    outcome = await desk.work(model, allowlist=Allowlist())
    assert outcome.asks is None
    assert outcome.refused == (
        "Running `make deploy` was refused: `make` is not on the list of commands for this repository.",
    )
    assert outcome.usage.refused == 1
    assert [event.text for event in desk.events if isinstance(event, Refused)] == list(outcome.refused)


async def test_a_model_that_writes_its_calls_asks_nobody(open_desk: OpenDesk) -> None:
    desk = await open_desk({"notes.txt": "10\n"})
    said = '```tool\n{"name": "run", "arguments": {"command": "make deploy"}}\n```'
    model = Scripted(said)
    outcome = await desk.work(model, request="Deploy.", checks=("grep -q 20 notes.txt",), **LISTED)
    assert (outcome.asks, outcome.usage.refused) == (None, 1)
    assert "was refused" in model.asked[1][-1].content


async def test_a_no_is_told_and_kept(desk: Desk) -> None:
    ask = call("run", command=DEPLOY, reason="Please.")
    model = Scripted(ask, call("edit", **EDIT), DONE, native=True)
    outcome = await desk.work(model, denied=(DEPLOY,), **LISTED)
    assert "do without it: make deploy" in model.asked[0][1].content
    assert outcome.refused == ("Running `make deploy` was refused: a person said no to it.",)
    assert outcome.failure is None


async def test_a_yes_lets_just_that_command_run(desk: Desk) -> None:
    command = "sh -c 'echo deployed'"
    model = Scripted(call("run", command=command), call("edit", **EDIT), DONE, native=True)
    outcome = await desk.work(model, allowlist=Allowlist(exact=frozenset({command})), may_ask=True)
    assert f"A person allowed this command: {command}" in model.asked[0][1].content
    assert "deployed\n[exit code 0]" in model.asked[1][-1].content
    assert (outcome.asks, outcome.refused) == (None, ())


async def test_what_nobody_can_judge_is_to_be_written_plainly(desk: Desk) -> None:
    model = Scripted(
        call("run", command="cat $(ls)", reason="I must."), call("edit", **EDIT), DONE, native=True
    )
    outcome = await desk.work(model, **LISTED)
    assert "Not run: it holds a variable or a substitution" in model.asked[1][-1].content
    assert (outcome.asks, outcome.refused) == (None, ())


async def test_checks_of_the_stack_and_own_scripts_run_unasked(desk: Desk) -> None:
    model = Scripted(
        call("write", path="try.py", content="print('tried')\n"),
        call(
            "run", command="python3 try.py && python3 -m unittest tests.test_prices 2>&1 | tail -3; rm try.py"
        ),
        call("edit", **EDIT),
        DONE,
        native=True,
    )
    outcome = await desk.work(model, **LISTED)
    assert "tried" in model.asked[2][-2].content + model.asked[2][-1].content
    assert (outcome.asks, outcome.refused, outcome.failure) == (None, (), None)
    assert desk.changed(BUGGY) == {"shop/prices.py"}


def fixed() -> bytes:
    return BUGGY["shop/prices.py"].replace(WRONG, RIGHT).encode()


async def resumed(desk: Desk, model: Scripted, **more: Any) -> Outcome:
    files = {
        "shop/prices.py": fixed(),
        "logo.png": b"\x89PNG\xff",
        "run.sh": b"#!/bin/sh\n",
        "shop/__init__.py": None,
    }
    return await desk.work(model, checkpoint=Checkpoint(files, frozenset({"run.sh"})), **more)


async def test_earlier_work_is_put_back_by_content_and_counts(desk: Desk) -> None:
    model = Scripted(DONE, native=True)
    outcome = await resumed(desk, model)
    assert outcome.failure is None
    assert [result.ok for result in (*outcome.base_checks, *outcome.head_checks)] == [False, True]
    assert (desk.folder / "logo.png").read_bytes() == b"\x89PNG\xff"
    assert (desk.folder / "run.sh").stat().st_mode & 0o111
    assert not (desk.folder / "shop/__init__.py").exists()
    told = model.asked[0][1].content
    assert "logo.png, run.sh, shop/__init__.py, shop/prices.py are changed" in told


async def test_a_small_model_leaves_proven_work_alone(desk: Desk) -> None:
    model = Scripted("nothing")
    outcome = await resumed(desk, model)
    assert (outcome.failure, model.asked) == (None, [])
    assert desk.text("shop/prices.py") == fixed().decode()


async def test_earlier_work_that_makes_things_worse_is_not_taken_for_the_best(desk: Desk) -> None:
    worse = {"shop/prices.py": b"def total(prices):\n    return 0\n"}
    model = Scripted(DONE, native=True)
    outcome = await desk.work(model, checkpoint=Checkpoint(worse))
    assert outcome.failure
    assert desk.changed(BUGGY) == set()
