"""A model may propose a plan; it is followed where the rules allow, and never makes things worse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.llm import ModelError
from pushpals.llm.api import GREEDY, Completion, Message, Sampling, ToolCall, ToolSpec
from pushpals.model import Brief, Request, Risk
from pushpals.policy.repo_policy import CheckSetting, RepoPolicy, Scope
from pushpals.remotebuddy import RepoFacts, make_plan
from pushpals.remotebuddy.model_planner import Context, Planned, plan_with
from pushpals.remotebuddy.problems import problems
from tests.loop.snapshots import request
from tests.policy.roles import built_in

PATHS = ("src/a.py", "src/b.py", "src/auth.py", "docs/guide.md", "tests/test_a.py")
POLICY = RepoPolicy(
    checks=(CheckSetting(run="make ci"),), scope=Scope(write=("src/**", "docs/**", "tests/**"))
)
FACTS = RepoFacts(PATHS, lambda _: None, built_in())
NONCE = "n0nce" * 4


class Scripted:
    """A model that gives its answers in order and remembers what it was told."""

    def __init__(self, *answers: object, native: bool = True) -> None:
        self.native_tools = native
        self.answers = list(answers)
        self.told: list[list[Message]] = []

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = GREEDY
    ) -> Completion:
        self.told.append(list(messages))
        answer = self.answers.pop(0)
        if isinstance(answer, ModelError):
            raise answer
        spent = {"tokens_in": 100, "tokens_out": 20, "usd": 0.01, "model": "wise"}
        if isinstance(answer, dict):
            return Completion("", (ToolCall("1", "plan", answer),), **spent)  # type: ignore[arg-type]
        return Completion(str(answer), **spent)  # type: ignore[arg-type]


def asked(body: str = "It fails.", **changes: object) -> Request:
    return request(title="Names break").request.model_copy(update={"body": body, **changes})


def planned(model: Scripted, req: Request | None = None, context: Context | None = None) -> Planned:
    return asyncio.run(plan_with(model, req or asked(), POLICY, FACTS, context or Context(), NONCE))


def task(goal: str = "Do it", scope: Sequence[str] = ("src/a.py",), **more: object) -> dict[str, object]:
    return {"goal": goal, "scope": list(scope), "role": "refactorer", **more}


TWO = {"tasks": [task("Mend a"), task("Write it down", ["docs/guide.md"], depends_on=[1])], "risk": "low"}


def test_a_good_plan_is_followed_and_its_cost_counted() -> None:
    found = planned(Scripted(TWO))
    assert [(t.goal, t.scope, t.depends_on) for t in found.plan.tasks] == [
        ("Mend a", ("src/a.py",), ()),
        ("Write it down", ("docs/guide.md",), (0,)),
    ]
    assert all(t.checks == ("make ci",) and t.role == "refactorer" for t in found.plan.tasks)
    assert found.plan.notes == ("A model proposed this plan; rules have checked it.",)
    assert (found.usage.model_calls, found.usage.tokens_in, found.usage.usd) == (1, 100, 0.01)
    assert found.question is None


def test_json_in_the_text_is_read_as_well() -> None:
    assert len(planned(Scripted(f"Here it is:\n```json\n{json.dumps(TWO)}\n```")).plan.tasks) == 2
    assert len(planned(Scripted(f"My plan: {json.dumps(TWO)} Good?")).plan.tasks) == 2


def test_a_plan_of_one_task_keeps_the_request_s_own_goal_and_criteria() -> None:
    body = "## Expected\n- dots stay"
    found = planned(Scripted({"tasks": [task(acceptance=["`a.b` works"])], "risk": "low"}), asked(body))
    [only] = found.plan.tasks
    assert only.goal == "Names break"
    assert only.acceptance == ("dots stay", "`a.b` works", "`make ci` passes")


BAD = {
    "outside": {"tasks": [task(scope=["secret/**"])], "risk": "low"},
    "ring": {"tasks": [task(depends_on=[2]), task(scope=["src/b.py"], depends_on=[1])], "risk": "low"},
    "role": {"tasks": [task(role="wizard")], "risk": "low"},
    "many": {"tasks": [task()] * 9, "risk": "low"},
    "collision": {"tasks": [task("a"), task("b")], "risk": "low"},
    "empty": {"tasks": [], "risk": "low"},
    "no goal": {"tasks": [task(""), task("b", ["src/b.py"])], "risk": "low"},
}


@pytest.mark.parametrize("bad", [*BAD.values(), "I think so.", '{"tasks": 3}', "{"])
def test_a_bad_plan_gets_one_try_to_be_mended(bad: object) -> None:
    model = Scripted(bad, TWO)
    found = planned(model)
    assert len(found.plan.tasks) == 2
    assert found.usage.model_calls == 2
    assert "cannot be followed" in model.told[1][-1].content


@pytest.mark.parametrize("bad", [*BAD.values(), "I think so."])
def test_a_plan_that_stays_bad_falls_back_to_the_rules_and_says_so(bad: object) -> None:
    found = planned(Scripted(bad, bad))
    rules = make_plan(asked(), POLICY, FACTS)
    assert found.plan.tasks == rules.tasks
    assert found.plan.notes[-1].startswith("Planned by rules alone: ")
    assert found.usage.model_calls == 2


def test_a_model_that_cannot_be_asked_changes_nothing_else() -> None:
    found = planned(Scripted(ModelError("unavailable", "It is down.", "Start it.")))
    assert found.plan.tasks == make_plan(asked(), POLICY, FACTS).tasks
    assert found.plan.notes == ("Planned by rules alone: the model could not be asked (It is down.).",)


def test_a_small_model_is_not_asked() -> None:
    model = Scripted(native=False)
    assert planned(model).plan == make_plan(asked(), POLICY, FACTS)
    assert model.told == []


def test_a_list_that_a_person_wrote_is_not_planned_again() -> None:
    model = Scripted()
    assert len(planned(model, asked("## Tasks\n- a\n- b")).plan.tasks) == 2
    assert model.told == []


@pytest.mark.parametrize(
    ("said", "scope", "risk"),
    [
        ("low", "src/a.py", Risk.LOW),
        ("high", "src/a.py", Risk.HIGH),
        ("low", "src/auth.py", Risk.HIGH),  # the floor of the rules
        ("whatever", "src/a.py", Risk.LOW),
    ],
)
def test_a_model_may_only_raise_the_risk(said: str, scope: str, risk: Risk) -> None:
    proposal = {"tasks": [task(scope=[scope])], "risk": said, "why": "Many depend on it."}
    plan = planned(Scripted(proposal)).plan
    assert plan.risk is risk
    assert (plan.risk_reasons[:1] == ("Many depend on it",)) == (said == "high")


def test_who_asks_may_raise_the_risk_too() -> None:
    req = asked(brief=Brief(risk=Risk.MEDIUM))
    plan = make_plan(req, POLICY, FACTS)
    assert (plan.risk, plan.risk_reasons) == (Risk.MEDIUM, ("the request says so",))


def test_an_ambiguous_request_gets_one_question() -> None:
    ask = {"tasks": [], "risk": "low", "question": "Should @ada keep dots, or drop them?"}
    found = planned(Scripted(ask))
    assert found.question is not None
    assert found.question.endswith("keep dots, or drop them?")
    assert "`@ada`" in found.question  # nobody is called by a model
    assert found.plan.tasks == make_plan(asked(), POLICY, FACTS).tasks


def test_after_the_answer_nothing_more_is_asked() -> None:
    ask = {"tasks": [task()], "risk": "low", "question": "And now?"}
    found = planned(Scripted(ask), context=Context(may_ask=False))
    assert found.question is None
    assert len(found.plan.tasks) == 1


def test_what_others_wrote_is_fenced_and_bounded() -> None:
    model = Scripted(TWO)
    planned(model, asked("x" * 30_000 + NONCE), Context(repo_map="y" * 30_000, guide="z" * 30_000))
    said = model.told[0][1].content
    assert len(said) < 23_000
    assert said.count(NONCE) == 6


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.sampled_from(["src/**", "**", "low", "!", "../x", ""]),
    lambda inner: (
        st.lists(inner, max_size=9)
        | st.dictionaries(
            st.sampled_from(
                ["tasks", "goal", "scope", "role", "depends_on", "acceptance", "risk", "question"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@given(st.dictionaries(st.sampled_from(["tasks", "risk", "why", "question"]), JSON, max_size=4), JSON)
def test_whatever_a_model_says_the_plan_may_be_carried_out(first: dict[str, object], tasks: object) -> None:
    found = planned(Scripted(first, {"tasks": tasks, "risk": "low"}))
    assert problems(found.plan, POLICY, PATHS, built_in()) == ()
