"""Sub-agents look things up at once, only look, and spend from the same budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pushpals.llm import Completion, Message, Sampling, ToolSpec
from pushpals.llm.api import GREEDY
from pushpals.model import Budget
from pushpals.workerpals import Outcome, ToolUsed
from tests.workerpals.conftest import BUGGY, RIGHT, WRONG, Desk, Scripted, call

EDIT = {"path": "shop/prices.py", "old": WRONG.strip(), "new": RIGHT.strip()}
DONE = call("done", summary="It is right now.")


async def explored(desk: Desk, model: Scripted, **more: Any) -> Outcome:
    return await desk.work(model, explorers=2, **more)


def asks(*questions: str) -> Completion:
    return call("explore", questions=list(questions))


class Librarian(Scripted):
    """Answers each loop by what it was asked, whichever comes first."""

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = GREEDY
    ) -> Completion:
        question = messages[1].content
        self.asked.append(list(messages))
        self.tools.append(tools)
        if question.startswith("Where"):
            seen = messages[-1]
            return (
                Completion(f"{question}: {seen.content}")
                if seen.role == "tool"
                else call("search", pattern="def total")
            )
        answer = self.answers.pop(0)
        assert isinstance(answer, Completion)
        return answer


async def test_questions_are_looked_into_at_once_by_loops_that_only_read(desk: Desk) -> None:
    model = Librarian(
        asks("Where is a?", "Where is b?", "Where is c?"), call("edit", **EDIT), DONE, native=True
    )
    outcome = await explored(desk, model)
    assert outcome.failure is None
    told = next(m.content for messages in model.asked for m in messages if m.content.startswith("Q: "))
    assert "Q: Where is a?\nA: Where is a?: ./shop/prices.py:4:def total" in told
    assert "Q: Where is b?\nA: Where is b?:" in told
    assert "1 more were left out: at most 2 at once." in told
    names = {tuple(spec.name for spec in tools) for tools in model.tools}
    assert ("read", "search", "list") in names
    assert outcome.usage.turns == 3 + 2 * 2
    lines = [event.line for event in desk.events if isinstance(event, ToolUsed) and event.name == "explore"]
    assert lines == ["explore: Where is a?", "explore: Where is b?"]


async def test_a_helper_cannot_change_anything(desk: Desk) -> None:
    model = Scripted(
        asks("Fix it for me"), call("edit", **EDIT), Completion("I could not."), DONE, native=True
    )
    outcome = await explored(desk, model)
    assert outcome.failure
    assert desk.changed(BUGGY) == set()
    assert any("There is no tool 'edit'" in m.content for messages in model.asked for m in messages)


async def test_a_helper_that_never_answers_ends(desk: Desk) -> None:
    model = Scripted(
        asks("Where?"), *[call("list")] * 5, Completion(""), call("edit", **EDIT), DONE, native=True
    )
    outcome = await explored(desk, model)
    assert outcome.failure is None
    assert any(m.content.endswith("A: (no answer was found)") for messages in model.asked for m in messages)
    assert outcome.usage.turns == 1 + 6 + 2


async def test_few_turns_left_are_the_worker_s_own(desk: Desk) -> None:
    model = Scripted(asks("Where?"), call("edit", **EDIT), DONE, native=True)
    outcome = await explored(desk, model, budget=Budget(max_turns=6))
    assert outcome.failure is None
    assert any("Too few turns are left" in m.content for messages in model.asked for m in messages)


async def test_questions_that_are_none_are_said_to_be(desk: Desk) -> None:
    model = Scripted(call("explore", questions=[1, ""]), call("edit", **EDIT), DONE, native=True)
    await explored(desk, model)
    assert any("explore needs `questions`" in m.content for messages in model.asked for m in messages)
