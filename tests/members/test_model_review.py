"""What a model's review counts for: remarks on lines of the change, and nothing that could not be read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.llm.api import Completion, Message, Sampling
from pushpals.llm.errors import ModelError
from pushpals.review_agent.model_review import Brief, Opinion, ask_model
from pushpals.review_agent.reading import MOST, read_remarks
from tests.members.test_review import diff

NONCE = "0123456789abcdef"
LINES = {"a.py": frozenset({1, 2, 3})}


def remark(
    line: object = 2, path: str = "a.py", severity: str = "note", message: str = "Off by one."
) -> dict[str, object]:
    return {"path": path, "line": line, "severity": severity, "message": message}


def said(*remarks: object) -> str:
    return json.dumps({"findings": remarks})


@dataclass
class Model:
    """Answers from a list; an exception is raised."""

    answers: list[str | ModelError]
    context_tokens: int = 32_000
    asked: list[list[Message]] = field(default_factory=list)

    async def complete(self, messages: Sequence[Message], *, sampling: Sampling = Sampling()) -> Completion:  # noqa: B008
        assert sampling.max_tokens
        self.asked.append(list(messages))
        answer = self.answers.pop(0)
        if isinstance(answer, ModelError):
            raise answer
        return Completion(answer)


async def ask(
    *answers: str | ModelError, change: bytes = b"", context: int = 32_000
) -> tuple[Opinion, Model]:
    model = Model(list(answers), context)
    brief = Brief(change or diff("a.py", "x = 1", "y = 2"), "Add x and y.", ["y is two"])
    return await ask_model(brief, model, NONCE), model


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "```json\n{}\n```",
        "Here it is:\n\n```\n{}\n```\nThat is all.",
        "I looked at it. {} Done.",
    ],
)
def test_an_answer_is_found_in_the_forms_models_use(form: str) -> None:
    remarks = read_remarks(form.replace("{}", said(remark(), remark(line="3"))), LINES)
    assert remarks
    assert [(f.path, f.line, f.message, f.blocking) for f in remarks.findings] == [
        ("a.py", 2, "Off by one.", False),
        ("a.py", 3, "Off by one.", False),
    ]


def test_a_bare_list_is_an_answer_too() -> None:
    remarks = read_remarks(json.dumps([remark()]), LINES)
    assert remarks
    assert len(remarks.findings) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        remark(line=4),
        remark(path="b.py"),
        remark(line=True),
        remark(line=2.5),
        remark(line=None),
        remark(message=" "),
        {"path": "a.py", "line": 2},
        "a.py:2: wrong",
        None,
    ],
)
def test_a_remark_counts_only_on_a_line_of_the_change(wrong: object) -> None:
    remarks = read_remarks(said(wrong, remark()), LINES)
    assert remarks
    assert (len(remarks.findings), remarks.dropped) == (1, 1)


def test_a_model_blocks_only_with_a_reason() -> None:
    bare = remark(severity="blocking", message="Wrong.")
    argued = remark(line=3, severity="blocking", message="Divides by zero when the list is empty.")
    remarks = read_remarks(said(bare, argued), LINES)
    assert remarks
    assert [(f.line, f.blocking) for f in remarks.findings] == [(3, True), (2, False)]


def test_of_many_remarks_the_gravest_stay() -> None:
    many = [remark(message=f"Note {n}.") for n in range(30)]
    last = remark(severity="blocking", message="This loses the user's data.")
    remarks = read_remarks(said(*many, last), LINES)
    assert remarks
    assert len(remarks.findings) == MOST
    assert remarks.findings[0].blocking
    assert remarks.dropped == 31 - MOST


def test_what_a_model_says_cannot_act_on_github() -> None:
    remarks = read_remarks(said(remark(message="Ask @ada, see <b>#1</b>\n/pushpals approve")), LINES)
    assert remarks
    assert remarks.findings[0].message == "Ask `@ada`, see &lt;b>`#1`&lt;/b> `/pushpals` approve"


@given(st.text(max_size=300))
def test_no_answer_stops_the_reader(answer: str) -> None:
    remarks = read_remarks(answer, LINES)
    assert remarks is None or remarks.findings == ()


async def test_a_model_is_shown_the_numbered_lines_and_what_was_asked_inside_a_fence() -> None:
    opinion, model = await ask(said(remark()))
    assert [finding.line for finding in opinion.findings] == [2]
    assert (opinion.unread, opinion.left_out, opinion.dropped) == (None, (), 0)
    [[_, question]] = model.asked
    assert f"--- begin request {NONCE} ---\nAdd x and y.\n- y is two\n" in question.content
    assert "=== a.py\n   1   kept\n   2 + x = 1\n   3 + y = 2" in question.content


async def test_an_answer_that_cannot_be_read_is_asked_for_once_more() -> None:
    opinion, model = await ask("All fine, ship it.", said(remark()))
    assert len(opinion.findings) == 1
    assert [message.role for message in model.asked[1]] == ["system", "user", "assistant", "user"]


async def test_what_stays_unreadable_is_said_and_is_no_clean_bill() -> None:
    opinion, _ = await ask("All fine.", "Really.")
    assert (opinion.findings, opinion.unread) == ((), "The model's review could not be read.")


async def test_a_model_that_is_away_is_said_too() -> None:
    opinion, _ = await ask(ModelError("unreachable", "Nothing answers.", "Start it."))
    assert opinion.unread == "The model could not be asked: Nothing answers."


async def test_what_nobody_reads_and_what_does_not_fit_is_named() -> None:
    binary = b"diff --git a/p.png b/p.png\nindex 1..2 100644\nGIT binary patch\nliteral 0\nHcmV?d00001\n\n"
    long = diff("big.py", *(f"line = {n}" for n in range(400)))
    change = b"".join([binary, diff("uv.lock", "x"), long, diff("a.py", "x"), diff("n.md", "x")])
    opinion, model = await ask(said(), change=change, context=2_000)
    assert opinion.left_out == (
        "`p.png`: binary",
        "`uv.lock`: generated, or a lock file",
        "`big.py`: too much to show with the rest",
    )
    assert "=== a.py" in model.asked[0][1].content
    assert "=== n.md" in model.asked[0][1].content


async def test_a_change_in_one_file_too_long_is_shown_as_far_as_it_fits() -> None:
    long = diff("big.py", *(f"line = {n}" for n in range(400)))
    opinion, _ = await ask(
        said(remark(path="big.py"), remark(path="big.py", line=399)), change=long, context=2_000
    )
    assert [finding.line for finding in opinion.findings] == [2]
    [phrase] = opinion.left_out
    assert phrase.startswith("`big.py`: all behind the first ")


async def test_nothing_to_show_asks_nobody() -> None:
    opinion, model = await ask(change=diff("uv.lock", "x"))
    assert model.asked == []
    assert opinion.left_out == ("`uv.lock`: generated, or a lock file",)
