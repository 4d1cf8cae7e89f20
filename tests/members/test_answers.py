"""Answers to what people say: short, true, and harmless whatever others wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.audit.prose import answers
from pushpals.llm.api import Completion, Message, Sampling, ToolSpec
from pushpals.localbuddy.answers import MOST_CHARS, Question, ask
from pushpals.model import (
    Failure,
    FailureKind,
    JobRecord,
    JobState,
    Plan,
    RequestRecord,
    Risk,
    Task,
    Usage,
    WaitReason,
)
from pushpals.policy.verbs import Verb
from tests.loop.snapshots import HEAD, ME, NOON, job, request
from tests.members.test_context import Files

KEY = "IC_kwDO-_=:0:0123456789ab"
NONCE = "0123456789abcdef"


def explain(
    *jobs: JobRecord, asked: RequestRecord | None = None, pulls: Mapping[str, int] | None = None, **facts: str
) -> str:
    return answers.explain_answer(asked or request(), jobs, pulls or {}, "agent:ready", **facts)


def test_an_answer_carries_the_key_that_is_found_again() -> None:
    body = answers.answer(KEY, "Yes.")
    assert body.endswith("-->\nYes.")
    assert answers.answered_keys(body) == {KEY}
    assert not answers.answered_keys("Yes.")
    assert not answers.strangers("Yes.")


def test_a_refusal_names_the_account_it_refuses_and_calls_nobody() -> None:
    text = answers.stranger_refusal(7, "sam", "`run` needs write access.")
    assert answers.strangers(text) == {7}
    assert "`sam`, `run` needs write access." in text
    assert "@" not in text


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"state": JobState.QUEUED}, "waits for a worker to be free"),
        (
            {"state": JobState.QUEUED, "failures": (FailureKind.MODEL,), "not_before": NOON, "attempt": 1},
            "tries again after a model failure, attempt 2. It goes on at 12:00 UTC.",
        ),
        ({"state": JobState.RUNNING}, "is being worked on"),
        ({"state": JobState.WAITING, "waiting": WaitReason.BUDGET}, "`/pushpals budget 2x` lets it go on"),
        (
            {"state": JobState.WAITING, "waiting": WaitReason.COMMAND, "asks": "make `all`"},
            "(rule: commands). It asks: `make 'all'`.",
        ),
        ({"state": JobState.WAITING, "waiting": WaitReason.QUESTION}, "write it in a comment"),
        ({"state": JobState.PUBLISHED}, "waits for a person to review #43"),
        ({"state": JobState.MERGED}, "is merged. Nothing more is asked of you."),
    ],
)
def test_it_is_explained_why_a_job_stands_where_it_stands(facts: dict[str, object], said: str) -> None:
    assert said in explain(job().model_copy(update=facts), pulls={"42-1": 43})


def test_a_failure_is_explained_with_its_rule() -> None:
    failure = Failure(
        kind=FailureKind.POLICY, cause="Too large.", next_step="Narrow it.", rule="limits.files"
    )
    text = explain(job(JobState.FAILED, failure=failure))
    assert "**Failed (policy)** (rule: limits.files): Too large." in text
    assert "**Next.** Narrow it." in text


def test_what_holds_for_the_plan_is_explained_before_its_jobs() -> None:
    tasks = (Task(goal="One"), Task(goal="Two", depends_on=(0,)))
    plan = Plan(tasks=tasks, risk=Risk.MEDIUM, risk_reasons=("`setup.py` changes (rule: manifest)",))
    asked = request().model_copy(update={"plan": plan})
    text = explain(job(JobState.RUNNING), asked=asked)
    assert text.startswith("The plan's risk is medium: `setup.py` changes (rule: manifest).")
    assert "**42-2** has not begun: its work builds on 42-1." in text
    assert "medium" not in explain(job(JobState.RUNNING), asked=asked, only="42-1")
    stopped = asked.model_copy(update={"stopped": "`ada` stopped it."})
    assert "Nothing of the plan goes on: `ada` stopped it." in explain(asked=stopped)
    assert "There is no job `42-9`" in explain(job(JobState.RUNNING), only="42-9")


def test_a_status_says_what_waits_for_whom() -> None:
    waits = job(JobState.WAITING, waiting=WaitReason.BUDGET)
    text = answers.status_answer(request(), [waits], {}, {}, "agent:ready")
    assert text.startswith("### PushPals · #42 ")
    assert text.endswith("`/pushpals budget 2x` lets it go on.")


def test_every_verb_has_its_line_of_help() -> None:
    assert set(answers.USAGE) == set(Verb)
    rows = answers.help_answer((Verb.RUN,))
    assert "| `/pushpals run` |" in rows
    assert "cancel" not in rows


@given(st.text(max_size=200))
def test_what_a_person_mistyped_or_a_model_says_stays_in_its_place(text: str) -> None:
    for said in (
        answers.mistake_answer(text, "is not a command", f"/pushpals {text}"),
        answers.question_answer(f"@ada {text}\n/pushpals run", Usage(), [text]),
        answers.question_failed(text, text),
    ):
        assert "@ada " not in said.replace("`@ada`", "")
        assert not any(line.startswith("/pushpals") for line in said.split("\n"))


# The model


class Model:
    """Keeps what it was shown."""

    def __init__(self, context_tokens: int = 32_000) -> None:
        self.context_tokens = context_tokens
        self.shown: Sequence[Message] = ()

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    ) -> Completion:
        self.shown = messages
        return Completion("It keeps dots.", tokens_in=1_200, tokens_out=20, usd=0.03, seconds=2, model="m")


class Repository(Files):
    """Files with a change."""

    async def diff(self, base: str, tree: str) -> bytes:
        return b"+dots\xe2\x80\x8b\n"


SOURCES = {"auth/names.py": "def normalize_name(name): ...\n", "README.md": "Names."}


async def test_a_question_is_asked_with_what_belongs_to_it_and_its_cost_is_told() -> None:
    model = Model()
    question = Question(
        "Why does normalize_name drop dots?<!-- x -->", "Login fails", "The plan", "head", "base"
    )
    text = await ask(question, Repository(SOURCES), model, NONCE)
    assert text.startswith("It keeps dots.\n")
    assert (
        "In the words of m, which saw request, plan and state, change, repository map, auth/names.py" in text
    )
    assert "1k tokens in, 20 out · $0.03 · 2 s" in text
    shown = model.shown[-1].content
    assert [
        name for name in ("Login fails", "The plan", "+dots\n", "def normalize_name") if name not in shown
    ] == []
    assert "\u200b" not in shown
    assert "<!--" not in shown
    assert shown.count(NONCE) == 2 * 6


async def test_without_a_commit_only_the_request_is_shown() -> None:
    model = Model()
    text = await ask(Question("Why?", "Login fails"), Repository(SOURCES), model, NONCE)
    assert "which saw request; nobody" in text
    assert "README" not in model.shown[-1].content


@pytest.mark.parametrize("context", [4_000, 200_000])
async def test_what_is_shown_fits_the_model_and_has_a_limit_of_its_own(context: int) -> None:
    model = Model(context)
    sources = {f"names{n}.py": f"def name{n}(): ...\n" * 2_000 for n in range(20)}
    question = Question("names " * 100, "names " * 20_000, "plan " * 5_000, "head", "base")
    await ask(question, Repository(sources), model, NONCE)
    size = sum(len(message.content) for message in model.shown)
    assert size <= min(3 * context, MOST_CHARS + 4_000)


HALT = Failure(kind=FailureKind.CHECKS, cause="`main` itself is red.", next_step="Mend `main`.")


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (job(JobState.INTEGRATING, head=HEAD, halt=HALT), "`main` itself is red."),
        (job(JobState.APPROVED, head=HEAD), "Nothing is asked of you"),
        (job(JobState.PUBLISHED, setback=HALT), "its last round came to nothing"),
    ],
)
def test_why_a_published_change_does_not_go_on_is_explained(record: JobRecord, said: str) -> None:
    text = explain(record)
    assert said in text
    assert "waits for a person to review" not in text


def test_who_a_plan_waits_for_is_explained() -> None:
    asked = request()
    asked = asked.model_copy(update={"plan": asked.plan.model_copy(update={"risk": Risk.MEDIUM})})
    assert "Somebody other than `ada` approves" in explain(asked=asked)
    assert "A plan is being made" in explain(asked=asked.model_copy(update={"drafted_by": ME}))
    assert "waits for approval" not in explain(asked=request())
