"""The texts people read: golden ones for each state, and what no record can make them do."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pushpals.audit import prose
from pushpals.audit.prose import words
from pushpals.model import (
    CheckResult,
    Evidence,
    Failure,
    FailureKind,
    FileChange,
    Finding,
    JobRecord,
    JobState,
    Order,
    OrderKind,
    Report,
    Risk,
    Task,
    Usage,
)
from tests.audit.page import page
from tests.loop.snapshots import GREEN, NOON, RED, REPORT, TREE, job, request

SPENT = Usage(
    turns=9, model_calls=9, tokens_in=31_204, tokens_out=1_940, usd=0.031, seconds=249.6, commands=14,
    refused=1, model="qwen2.5-coder-1.5b",
)  # fmt: skip
ELSE = "`/pushpals fix …` there changes it, `/pushpals cancel` rejects it."
RECORD = "Record: `refs/pushpals/jobs/42-1` (verify: `pushpals audit verify 42-1`)."
CANCELLED = Failure(kind=FailureKind.CANCELLED, cause="The issue was closed.", next_step="Reopen it.")
SECRET = Failure(
    kind=FailureKind.SECRET,
    cause="Not published: `a.py`: a token.",
    next_step="Narrow the request.",
    rule="secret",
)


def progress(record: JobRecord, pulls: dict[str, int] | None = None, live: str = "") -> str:
    return prose.progress_comment(request(), [record], pulls or {}, {record.id: live})


# The progress comment


def test_the_comment_of_a_new_request() -> None:
    mark, _, shown = prose.progress_comment(request(), [], {}).partition("\n")
    assert re.fullmatch("<!-- pushpals:progress --> <!-- pushpals:standing [0-9a-f]{16} -->", mark)
    assert shown == (
        "### PushPals · #42 Login fails for names with a dot\n"
        "Planning\n"
        "\n"
        "`/pushpals cancel` stops it; nothing is published after that. `/pushpals help` lists the rest."
    )


@pytest.mark.parametrize(
    ("record", "headline", "line"),
    [
        (job(), "Working", "[ ] 42-1 {goal} · Bug Fixer · waiting for a worker"),
        (job(JobState.CLAIMED), "Working", "[ ] 42-1 {goal} · Bug Fixer · starting"),
        (job(JobState.RUNNING), "Working", "[ ] 42-1 {goal} · Bug Fixer · running"),
        (job(JobState.PROPOSED), "Working", "[ ] 42-1 {goal} · Bug Fixer · being checked"),
        (job(JobState.GATED), "Working", "[ ] 42-1 {goal} · Bug Fixer · being published"),
        (
            job(failures=(FailureKind.MODEL,)),
            "Working",
            "[ ] 42-1 {goal} · Bug Fixer · trying again after a model failure",
        ),
    ],
)
def test_the_comment_while_work_goes_on(record: JobRecord, headline: str, line: str) -> None:
    assert progress(record).partition("\n")[2] == (
        "### PushPals · #42 Login fails for names with a dot\n"
        f"{headline} · low risk\n"
        "\n"
        f"- {line.format(goal='Login fails for names with a dot')}\n"
        "\n"
        "`/pushpals cancel` stops it; nothing is published after that. `/pushpals help` lists the rest."
    )


def test_the_comment_tells_what_goes_on_and_what_was_spent() -> None:
    shown = progress(job(JobState.RUNNING, usage=SPENT), live="turn 6 of 50").splitlines()
    assert shown[2] == "Working · 4m 10s · $0.03 · low risk"
    assert shown[4].endswith("· running, turn 6 of 50")
    assert "turn 6" not in progress(job(JobState.PUBLISHED, usage=SPENT), live="turn 6 of 50")


@pytest.mark.parametrize(
    ("record", "pulls", "lines"),
    [
        (
            job(JobState.PUBLISHED),
            {"42-1": 43},
            [
                "Ready for review · low risk",
                "- [x] 42-1 Login fails for names with a dot · Bug Fixer · #43 ready for review",
                f"**Next.** Read #43 and merge it; {ELSE} {RECORD}",
            ],
        ),
        (
            job(JobState.PUBLISHED),
            {},
            [
                "Ready for review · low risk",
                "- [x] 42-1 Login fails for names with a dot · Bug Fixer · ready for review",
                (f"**Next.** Read branch `agent/bug-fixer/42-1` and merge it; {ELSE} {RECORD}"),
            ],
        ),
        (
            job(JobState.MERGED),
            {"42-1": 43},
            [
                "Merged · low risk",
                "- [x] 42-1 Login fails for names with a dot · Bug Fixer · #43 merged",
                f"Nothing more is asked of you. {RECORD}",
            ],
        ),
        (
            job(JobState.FAILED, failure=SECRET),
            {},
            [
                "Failed (secret) · low risk",
                "- [ ] 42-1 Login fails for names with a dot · Bug Fixer · failed",
                "**Failed (secret)** (rule: secret): Not published: `a.py`: a token.",
                "**Next.** Narrow the request.",
                f"`/pushpals retry` tries the same again, `/pushpals run` reads the issue anew. {RECORD}",
            ],
        ),
        (
            job(JobState.CANCELLED, failure=CANCELLED),
            {},
            [
                "Stopped · low risk",
                "- [ ] 42-1 Login fails for names with a dot · Bug Fixer · stopped",
                "**Stopped**: The issue was closed.",
                "**Next.** Reopen it.",
                RECORD,
            ],
        ),
    ],
)
def test_the_comment_at_the_end(record: JobRecord, pulls: dict[str, int], lines: list[str]) -> None:
    shown = [line for line in progress(record, pulls).splitlines() if line]
    assert shown[2:] == lines


def test_the_comment_lists_every_job_of_the_request() -> None:
    tasks = [
        Task(goal="One"),
        Task(goal="Two"),
        Task(goal="Three", depends_on=(0,)),
        Task(goal="Four", depends_on=(1,)),
    ]
    jobs = [job(JobState.FAILED, failure=SECRET), job(JobState.RUNNING, "42-2", usage=SPENT)]
    shown = prose.progress_comment(request(tasks=tasks), jobs, {}, {"42-2": "turn 3 of 50"})
    assert re.findall(r"^- \[.\] (42-\d.*)", shown, re.MULTILINE) == [
        "42-1 Login fails for names with a dot · Bug Fixer · failed",
        "42-2 Login fails for names with a dot · Bug Fixer · running, turn 3 of 50 · 9 turns, $0.03",
        "42-3 Three · Bug Fixer · not started, since 42-1 did not succeed",
        "42-4 Four · Bug Fixer · waits for 42-2",
    ]
    assert "42-1: **Failed (secret)**" in shown
    assert "0 of 4 tasks done" in shown


def test_the_comment_changes_its_mark_with_the_state_and_not_with_every_turn() -> None:
    def mark(record: JobRecord, live: str = "") -> str | None:
        return prose.standing_of(progress(record, {}, live))

    running = job(JobState.RUNNING)
    later = running.model_copy(update={"usage": SPENT})
    assert mark(running) == mark(later, "turn 3 of 50")
    assert mark(running) != mark(job(JobState.FAILED, failure=SECRET))
    assert prose.standing_of("Good morning") is None


@pytest.mark.parametrize(
    ("usd", "cap", "shown"),
    [(0.031, 1.0, "$0.03 of $1.00"), (0.0, None, "$0.00"), (None, 1.0, "price unknown")],
)
def test_the_comment_says_what_may_be_spent(usd: float | None, cap: float | None, shown: str) -> None:
    asked = request()
    asked = asked.model_copy(update={"plan": asked.plan.model_copy(update={"max_usd": cap})})
    record = job(JobState.RUNNING, usage=SPENT.model_copy(update={"usd": usd}))
    assert f"\nWorking · 4m 10s · {shown} · low risk\n" in prose.progress_comment(asked, [record], {})


def test_the_risk_of_the_change_counts_once_it_is_known() -> None:
    report = REPORT.model_copy(update={"risk": Risk.HIGH})
    assert "\nReady for review · high risk\n" in progress(job(JobState.PUBLISHED, report=report))


def test_what_is_ready_but_not_proven_is_not_praised() -> None:
    evidence = Evidence(tree=TREE, base=(GREEN,), head=(GREEN,), thin="every check passed before.")
    shown = progress(job(JobState.PUBLISHED, report=REPORT.model_copy(update={"evidence": evidence})))
    assert (
        "**Doubts.** The evidence is thin: every check passed before. This is why the check is not green."
        in shown
    )
    assert "Doubts" not in progress(job(JobState.PUBLISHED))


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (FailureKind.NO_CHANGE, "Failed (no change)"),
        (FailureKind.MODEL, "Failed (model)"),
        (FailureKind.BUDGET, "Stopped (budget)"),
        (FailureKind.AMBIGUOUS, "Stopped (ambiguous)"),
        (FailureKind.CANCELLED, "Stopped"),
    ],
)
def test_comment_and_check_call_an_end_by_the_same_name(kind: FailureKind, word: str) -> None:
    record = job(JobState.FAILED, failure=Failure(kind=kind, cause="So it was.", next_step="Do this."))
    assert f"\n{word} · low risk\n" in progress(record)
    assert f"\n**{word}**: So it was.\n\n**Next.** Do this.\n" in progress(record)
    assert f"\n**{word}**: So it was.\n\n**Next.** Do this.\n" in prose.check_summary(record)
    assert prose.check_title(record, "failure") == f"{word}: So it was."


# Check runs


def test_the_summary_of_a_published_job() -> None:
    record = job(JobState.PUBLISHED, usage=SPENT)
    assert prose.check_title(record, "success") == "pytest -q: 2 passed"
    assert prose.check_title(record, "neutral") == "pytest -q: 2 passed · a command was refused"
    assert prose.check_summary(record) == (
        "Bug Fixer on: Login fails for names with a dot\n"
        "\n"
        "| check | base | here |\n"
        "|---|---|---|\n"
        "| `pytest -q` | 1 failed, 1 passed | 2 passed |\n"
        "\n"
        "`tests/test_names.py::test_dot` failed on base and passes here.\n"
        "\n"
        "**Doubts.** A command was refused. This is why the check is not green.\n"
        "\n"
        "**Next.** Review the pull request of `agent/bug-fixer/42-1`: merge it, or close it to reject it.\n"
        "\n"
        "9 turns · 31k tokens in, 2k out · $0.03 · 4m 10s · qwen2.5-coder-1.5b · 14 commands, 1 refused"
        " · attempt 1 · record `refs/pushpals/jobs/42-1` (verify: `pushpals audit verify 42-1`)"
    )


def test_the_summary_of_a_failed_job() -> None:
    record = job(JobState.FAILED, failure=SECRET, report=Report(refused=("`curl` was not run.",)))
    assert prose.check_title(record, "failure") == "Failed (secret): Not published: `a.py`: a token."
    lines = prose.check_summary(record).splitlines()
    assert "**Failed (secret)** (rule: secret): Not published: `a.py`: a token." in lines
    assert lines[-4:-2] == ["**Refused.**", "- `curl` was not run."]


@pytest.mark.parametrize(
    ("record", "conclusion", "title"),
    [
        (job(), None, "Waiting for a worker"),
        (job(JobState.RUNNING), None, "Running"),
        (job(JobState.CANCELLED, failure=CANCELLED), "cancelled", "Stopped: The issue was closed."),
        (
            job(JobState.PUBLISHED, report=Report(evidence=Evidence(tree=TREE, thin="there are no checks"))),
            "neutral",
            "No checks ran: there are no checks",
        ),
    ],
)
def test_the_title_says_the_state_in_a_few_words(
    record: JobRecord, conclusion: str | None, title: str
) -> None:
    assert prose.check_title(record, conclusion) == title


def test_the_policy_check_quotes_the_line_and_says_what_to_write() -> None:
    title, summary = prose.policy_check("unknown key 'acess'", 3, "acess: ````", "access:")
    assert title == "Line 3: unknown key 'acess'"
    assert summary == (
        "`.github/pushpals.yml`, line 3: unknown key 'acess'\n"
        "\n"
        "````yaml\n"
        "3: acess: ''''\n"
        "````\n"
        "\n"
        "Perhaps:\n"
        "\n"
        "````yaml\n"
        "access:\n"
        "````\n"
        "\n"
        "Nothing runs until this is mended on the default branch."
    )
    assert "Perhaps" not in prose.policy_check("m", 1, "q", None)[1]


# Refusals


def test_refusals_name_nobody_so_that_nobody_is_called() -> None:
    assert prose.access_refusal("sam", "e1", "starting PushPals here needs write access.", "agent:ready") == (
        "<!-- pushpals:refused:e1 -->\n"
        "`sam`, starting PushPals here needs write access. A maintainer can add `agent:ready` for you; "
        "a clear description in this issue helps them decide."
    )
    assert prose.policy_refusal("e1", 3, "unknown key") == (
        "<!-- pushpals:policy:e1 -->\n"
        "Nothing was started: `.github/pushpals.yml` is not valid (line 3: unknown key). "
        "Mend it on the default branch; this request starts then."
    )


# The pull request


def test_the_body_of_a_pull_request() -> None:
    assert prose.pull_body(request(), job(JobState.PUBLISHED, usage=SPENT)) == (
        "Fixes #42.\n"
        "\n"
        "**Shipped.** 1 file: `auth/names.py` (+1 −1).\n"
        "\n"
        f"**Evidence.** On the exact tree of this pull request (`{TREE[:12]}`), in a clean sandbox:\n"
        "\n"
        "| check | base | here |\n"
        "|---|---|---|\n"
        "| `pytest -q` | 1 failed, 1 passed | 2 passed |\n"
        "\n"
        "`tests/test_names.py::test_dot` failed on base and passes here.\n"
        "\n"
        "**Doubts.** A command was refused. This is why the check is not green.\n"
        "\n"
        "**Risk.** Low: no rule raised it. Once merged, `/pushpals revert` here takes it back.\n"
        "\n"
        "**Follow-ups.** None.\n"
        "\n"
        "**Next.** Merge this if it does what #42 asks. "
        "If not, say `/pushpals fix …` here with what is missing, or close it to reject it.\n"
        "\n"
        "<details><summary>How it was made</summary>\n"
        "\n"
        "9 turns · 31k tokens in, 2k out · $0.03 · 4m 10s · qwen2.5-coder-1.5b · 14 commands, 1 refused"
        " · record `refs/pushpals/jobs/42-1` (verify: `pushpals audit verify 42-1`)\n"
        "\n"
        "</details>"
    )


def test_the_body_tells_all_that_speaks_against_it() -> None:
    asked = request()
    asked = asked.model_copy(
        update={"request": asked.request.model_copy(update={"cleaned": ("hidden HTML",)})}
    )
    report = REPORT.model_copy(
        update={
            "words": "I added the dot.\nAll is well.",
            "findings": (Finding(rule="leftover", message="A mark is left.", path="a.py", line=3),),
            "refused": ("x was left out",),
            "follow_ups": ("Old accounts",),
            "risk": Risk.MEDIUM,
            "risk_reasons": ("`setup.py` changes (rule: dependencies)",),
            "evidence": REPORT.evidence and REPORT.evidence.model_copy(update={"thin": "tests were edited."}),
        }
    )
    lines = prose.pull_body(asked, job(JobState.PUBLISHED, report=report)).splitlines()
    for line in (
        "The worker's own words, not checked:",
        "> I added the dot.",
        "> All is well.",
        (
            "**Doubts.** The evidence is thin: tests were edited; something was refused. "
            "This is why the check is not green."
        ),
        (
            "**Risk.** Medium: `setup.py` changes (rule: dependencies). "
            "Once merged, `/pushpals revert` here takes it back."
        ),
        "- note, leftover: `a.py` line 3 A mark is left.",
        "- x was left out",
        "1. Old accounts",
        "2. Removed from the request before a model read it: hidden HTML.",
    ):
        assert line in lines


def test_without_evidence_the_body_says_so() -> None:
    body = prose.pull_body(request(), job(JobState.PUBLISHED, report=Report()))
    assert "**Shipped.** Nothing." in body
    assert "**Evidence.** None: no check was run on this tree." in body


def test_many_files_and_reasons_are_counted_not_listed() -> None:
    files = tuple(
        FileChange(path=f"f{n}.py", status="added", added=1, removed=0, mode="100644") for n in range(14)
    )
    binary = FileChange(path="a.png", status="added", added=None, removed=None, mode="100644")
    report = Report(files=(binary, *files), risk_reasons=tuple(f"reason {n}" for n in range(40)))
    body = prose.pull_body(request(), job(JobState.PUBLISHED, report=report))
    assert "15 files: `a.png` (binary), `f0.py` (+1 −0)" in body
    assert "and 5 more." in body
    assert "; and 32 more." in body


def test_the_commit_message_ties_the_work_to_its_record() -> None:
    record = job(JobState.GATED, usage=SPENT)
    assert prose.commit_message(request(), record) == (
        "Login fails for names with a dot\n"
        "\n"
        "Fixes #42\n"
        "\n"
        "PushPals-Job: 42-1\n"
        "PushPals-Model: qwen2.5-coder-1.5b\n"
        "PushPals-Requested-By: ada\n"
    )
    forged = record.model_copy(update={"usage": Usage(model="m\nPushPals-Requested-By: root")})
    assert prose.commit_message(request(), forged).count("\nPushPals-Requested-By:") == 1


def titled(title: str) -> tuple[str, str, str]:
    """The commit's subject, the pull request's title, and the rest of what a squash may take from them."""
    record = job(JobState.PUBLISHED, report=REPORT.model_copy(update={"words": title}))
    record = record.model_copy(update={"task": record.task.model_copy(update={"goal": title})})
    message = prose.commit_message(request(title=title), record)
    subject, _, rest = message.partition("\n")
    return subject, prose.pull_title(request(title=title), record), rest + prose.pull_body(request(), record)


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Parse Vec<T> & friends", "Parse Vec<T> & friends"),
        ("`a | b` fails for x_y * 2", "`a | b` fails for x_y * 2"),
        ("Ask @team about o/r#5, GH-7", "Ask @ team about o/r# 5, GH- 7"),
        ("Fixes https://github.com/o/r/issues/5", "Fixes https:// github.com/o/r/issues/5"),
        ("a[0] skips the first", "a[0] skips the first"),
    ],
)
def test_titles_and_subjects_are_plain_text_that_calls_nobody(title: str, shown: str) -> None:
    subject, pull, _ = titled(title)
    assert (subject, pull) == (shown, shown)


@pytest.mark.parametrize(
    "mark",
    [
        "[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]", "[Skip CI]", "[skip-ci]",
        "[no-ci]", "[skip travis]", "[azurepipelines skip]", "[skip  ci]", "skip-checks: true",
        "skip-checks:true", "***NO_CI***", "[sk\u200bip ci]",
    ],
)  # fmt: skip
def test_no_title_decides_whether_ci_runs(mark: str) -> None:
    """Neither the commit's own message nor what a squash makes of the title and the body."""
    for text in titled(f"Mend the clock {mark}"):
        bare = re.sub(r"\s+", " ", text.replace("\u200b", "")).lower()
        assert re.search(r"skip|no.?ci", bare)
        for known in ("skip ci", "ci skip", "no ci", "skip actions", "actions skip", "skip-ci", "no-ci",
                      "skip travis", "azurepipelines skip"):  # fmt: skip
            assert f"[{known}]" not in bare
        assert not re.search(r"skip-checks:|\*\*\*no_ci", bare)


# What is called mended


def result(
    ended: str = "exited", exit_code: int | None = 1, failed: int | None = None, *failing: str
) -> CheckResult:
    return CheckResult(command="t", exit_code=exit_code, ended=ended, failed=failed, failing=failing)


@pytest.mark.parametrize(
    ("head", "mended"),
    [
        (result("exited", 0), ["a", "b"]),
        (result("exited", 1, 1, "b"), ["a"]),
        (result("exited", 1, 2, "b"), []),
        (result("exited", 1, None), []),
        (result("timeout", None), []),
        (result("timeout", None, 1, "b"), []),
        (result("output", None), []),
    ],
    ids=["green", "one left", "one unnamed", "no names", "timeout", "timeout with names", "too much output"],
)
def test_a_test_is_called_mended_only_when_its_check_says_so(head: CheckResult, mended: list[str]) -> None:
    base = result("exited", 1, 2, "a", "b")
    other = CheckResult(command="lint", exit_code=0)
    report = Report(evidence=Evidence(tree=TREE, base=(base, other), head=(head, other)))
    summary = prose.check_summary(job(JobState.PROPOSED, report=report))
    assert re.findall(r"`(\w)`(?=.* failed on base)", summary) == mended


# Small words


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.4, "59 s"), (59.6, "1m 00s"), (250, "4m 10s"), (3725, "62m 05s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (940, "940"), (1000, "1k"), (31_204, "31k")])
def test_thousands(number: int, text: str) -> None:
    assert words.thousands(number) == text


def test_an_unknown_price_is_not_called_free() -> None:
    assert words.money(None) == "price unknown"
    assert words.money(0.0) == "$0.00"


# Hostile texts, in every place that takes one

NASTY = [
    "`", "``", "```", "~~~", "|", "\\|", "\\", "\n", "\r\n", "\n\n", "- ", "# ", "> ", "1. ", "---", "===",
    "@team", "@octo/all", "#7", "GH-7", "fixes #7", "<!--", "-->", "<!-- pushpals:progress -->",
    "<details>", "</details>", "<script>", "<b onclick=x>", "](javascript:alert(1))", "[x](",
    "](https://evil.test)", "![i](https://e.test/i)", "[x][y]", "[y]: https://evil.test",
    "https://evil.test/", "www.evil.test", "/pushpals approve", "&lt;", "&#64;team", "\u202e", "\u200b",
    "\x1b[31m", "\x00", "**", "_", "| a | b |\n|---|---|\n", " ", "a", "names.py",
]  # fmt: skip
hostile = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=6)), max_size=12).map("".join)


def poisoned(text: str) -> tuple[str, str, str, str]:
    """Return a comment, a summary, a body and a title with `text` wherever a record can hold one."""
    check = RED.model_copy(update={"command": text or "x", "failing": (text,)})
    passed = GREEN.model_copy(update={"command": text or "x"})
    report = Report(
        files=(FileChange(path=text, status="added", added=1, removed=0, mode="100644"),),
        evidence=Evidence(tree=TREE, base=(check,), head=(passed,), thin=text),
        findings=(Finding(rule=text, message=text, path=text, line=1),),
        refused=(text,),
        follow_ups=(text,),
    )
    failure = Failure(kind=FailureKind.CHECKS, cause=text, next_step=text, rule=text)
    task = job().task.model_copy(update={"goal": text})
    record = job(JobState.PUBLISHED, report=report, task=task, usage=Usage(model=text))
    failed = record.model_copy(update={"state": JobState.FAILED, "failure": failure})
    asked = request(title=text)
    return (
        prose.progress_comment(asked, [failed], {"42-1": 43}),
        prose.check_summary(failed),
        prose.pull_body(asked, record),
        prose.check_title(record, "neutral"),
    )


STRUCTURE = ("table", "tr", "td", "th", "details", "summary", "h3", "strong", "blockquote", "hr", "pre")
PLAIN = [page(text) for text in poisoned("plain")[:3]]


@given(hostile)
@example("`@team`")
@example("a\\|b`|`c")
@example("x" * 95 + " @abcdefghijklmnopqrstuvwxyz")
@example("x" * 115 + " `@abcdefghijklmnopqrstuvwxyz`")
def test_no_text_leaves_its_place_or_acts(text: str) -> None:
    *texts, title = poisoned(text)
    assert not re.search(r"@[A-Za-z0-9]|#\d|://\S", title)
    for markdown, plain in zip(texts, PLAIN, strict=True):
        shown = page(markdown)
        assert not {"a", "img", "input", "script", "b"} & set(shown.tags)
        ours = shown.prose.replace("#42", "").replace("#43", "")
        assert not re.search(r"@[A-Za-z0-9]", ours)
        assert not re.search(r"#\d", ours)
        for tag in STRUCTURE:
            bold = text.count("*") + text.count("_") if tag == "strong" else 0
            assert bold or shown.tags.count(tag) == plain.tags.count(tag), tag


@given(hostile)
def test_one_mark_only_stands_in_a_comment_of_ours(text: str) -> None:
    comment, *_ = poisoned(text)
    assert comment.startswith(prose.PROGRESS_MARK + " ")
    assert comment.count("<!--") == 2  # what it is, and how it stands
    refused = prose.access_refusal(text, "e1", text, text)
    assert refused.count("\n") == 1
    assert not re.search(r"@[A-Za-z0-9]", page(refused.partition("\n")[2]).prose)


@given(hostile, st.integers(10, 120))
def test_a_line_is_one_line_and_short(text: str, limit: int) -> None:
    for shown in (words.one_line(text, limit), words.plain(text, limit), words.flat(text, limit)):
        assert len(shown) <= limit
        assert "\n" not in shown
    span = words.code(text, limit)
    assert len(span) <= limit + 2
    assert span.count("`") == 2


@pytest.mark.parametrize("piece", ["x", "`", "<", "\\", "| ", "@team ", "GH-7", "<!-- ", "\x1b[31m"])
def test_no_text_is_longer_than_github_takes(piece: str) -> None:
    comment, summary, body, title = poisoned(piece * 12_000)
    assert max(len(comment), len(summary), len(body)) <= 65_535
    assert len(title) <= 250


def test_no_number_of_remarks_is_longer_than_github_takes() -> None:
    refused = tuple("x" * 300 for _ in range(400))
    record = job(JobState.PUBLISHED, report=REPORT.model_copy(update={"refused": refused}))
    for text in (prose.check_summary(record), prose.pull_body(request(), record)):
        assert 60_000 < len(text) <= 65_535
        assert text.endswith("(Cut here: the text is longer than fits.)\n")


RENDERERS: list[Callable[[JobRecord], str]] = [
    prose.check_summary,
    lambda record: prose.pull_body(request(), record),
    lambda record: prose.progress_comment(request(), [record], {}),
]


@pytest.mark.parametrize("render", RENDERERS)
def test_the_same_record_always_reads_the_same(render: Callable[[JobRecord], str]) -> None:
    """Clocks and nonces do not show: what stands there is compared with what should."""
    record = job(JobState.PUBLISHED, usage=SPENT)
    later = record.model_copy(update={"nonce": "another", "updated_at": record.updated_at.replace(year=2030)})
    assert render(record) == render(later)


def test_what_never_begins_says_since_when() -> None:
    tasks = [Task(goal="One"), Task(goal="Two", depends_on=(0,)), Task(goal="Three", depends_on=(1,))]
    text = prose.progress_comment(request(tasks=tasks), [job(JobState.FAILED, failure=SECRET)], {})
    assert text.count("not started, since 42-1 did not succeed") == 2
    assert "waits for 42-2" not in text


def test_a_change_without_ground_is_not_said_to_be_merged_next() -> None:
    """What it builds on was closed: its pull request goes to a branch that leads nowhere."""
    below = job(JobState.CANCELLED, failure=CANCELLED)
    above = job(JobState.PUBLISHED, "42-2", onto=below.branch, index=1)
    asked = request(tasks=[Task(goal="One"), Task(goal="Two", depends_on=(0,))])
    text = prose.progress_comment(asked, [below, above], {"42-1": 43, "42-2": 44})
    assert "42-2 builds on 42-1, which did not succeed" in text
    assert "Read #44 and merge it" not in text
    assert "`/pushpals cancel 42-2`" in text
    assert f"It builds on `{below.branch}`" in prose.pull_body(asked, above)


def test_many_orders_share_the_room_that_a_worker_is_shown() -> None:
    order = Order(kind=OrderKind.REVIEW, cause="c", text="x" * 50_000, at=NOON)
    assert len(prose.orders_for_worker([order], "")) < 7_000
    assert len(prose.orders_for_worker([order] * 300, "")) < 45_000
