"""What people see of a review: once on the pull request, on its lines, and a draft while it objects."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pushpals.audit.prose import reviews
from pushpals.audit.prose.waits import allow_body, allow_by_hand, waiting_lines
from pushpals.github import AddReview, ConvertToDraft, PullView, ReadyForReview, ReviewView, UpdatePullRequest
from pushpals.localbuddy.job_review import MAX_ANNOTATIONS, REVIEWS_READ, annotations_of, review_owed
from pushpals.localbuddy.pull_picture import kept, opened
from pushpals.model import Finding, JobRecord, JobState, Report, ReviewNote, WaitReason
from pushpals.policy.job import conclusion, doubts
from tests.loop.snapshots import BRANCH, HEAD, NOON, REPORT, job, pull, request, view

NOTE = Finding(rule="leftover", message="A mark is left.", path="a.py", line=3)
LOOSE = Finding(rule="large", message="It is large.")
BLOCKS = Finding(
    rule="model", message="An empty name passes and fails later.", path="a.py", line=5, blocking=True
)


def published(*findings: Finding, **facts: object) -> JobRecord:
    report = REPORT.model_copy(update={"findings": findings, "review": ReviewNote(score=50, model="big")})
    return job(JobState.PUBLISHED).model_copy(update={"head": HEAD, "report": report, **facts})


def ours(body: str, *, mine: bool = True) -> ReviewView:
    return ReviewView("r1", 1, None, "COMMENTED", body, NOON, None, None, HEAD, mine, "url")


def owed(record: JobRecord, seen: PullView | None = None) -> tuple[object, ...]:
    return review_owed(seen or pull(), record)


def test_findings_are_told_on_their_lines_and_the_others_in_the_text() -> None:
    [review] = owed(published(BLOCKS, NOTE, LOOSE))
    assert isinstance(review, AddReview)
    assert review.commit == HEAD
    assert [(comment.path, comment.line) for comment in review.comments] == [("a.py", 5), ("a.py", 3)]
    assert review.comments[0].body == "**Blocking**, model: An empty name passes and fails later."
    assert "50 of 100 by rules and `big`: 1 finding blocks it. It is no approval." in review.body
    assert "- note, large: It is large." in review.body
    assert "so a person decides" in review.body


def test_it_is_told_once_and_again_only_when_the_findings_differ() -> None:
    [review] = owed(published(NOTE))
    assert isinstance(review, AddReview)
    said = replace(pull(), reviews=(ours(review.body),))
    assert owed(published(NOTE), said) == ()
    moved = NOTE.model_copy(update={"line": 9})
    assert owed(published(moved, round=1), said) == ()
    assert len(owed(published(NOTE, LOOSE), said)) == 1
    forged = replace(pull(), reviews=(ours(review.body, mine=False),))
    assert len(owed(published(NOTE), forged)) == 1


@pytest.mark.parametrize(
    "seen",
    [
        replace(pull(), state="CLOSED"),
        replace(pull(), head_sha="b" * 40),
        replace(pull(), reviews=(ours("by people", mine=False),) * REVIEWS_READ),
    ],
)
def test_what_is_over_or_has_moved_on_gets_no_review(seen: PullView) -> None:
    assert owed(published(NOTE), seen) == ()


def test_nothing_found_is_nothing_said() -> None:
    assert owed(published()) == ()
    assert review_owed(None, published(NOTE)) == ()
    assert owed(published(NOTE, state=JobState.MERGED)) == ()


def test_annotations_are_those_with_a_line_and_no_more_than_github_takes() -> None:
    many = [NOTE.model_copy(update={"line": n}) for n in range(1, 80)]
    shown = annotations_of(published(BLOCKS, LOOSE, *many))
    assert len(shown) == MAX_ANNOTATIONS
    assert [(note.path, note.line, note.level) for note in shown[:2]] == [
        ("a.py", 5, "FAILURE"),
        ("a.py", 1, "WARNING"),
    ]


def test_a_change_that_is_objected_to_is_a_draft_and_never_green() -> None:
    [draft] = opened(view(), request(), [], published(BLOCKS))
    [ready] = opened(view(), request(), [], published(NOTE))
    assert (getattr(draft, "draft", None), getattr(ready, "draft", None)) == (True, False)
    assert conclusion(published(BLOCKS)) == "failure"


def test_a_round_that_settles_the_objection_makes_the_draft_ready() -> None:
    drafted = replace(pull(), draft=True, body=f"… {reviews.objection(BRANCH)} …")
    shown = replace(view(), pulls={BRANCH: (drafted,)})
    writes = list(kept(shown, request(), [], published(NOTE, round=1)))
    assert [type(write) for write in writes] == [UpdatePullRequest, ReadyForReview]
    theirs = replace(view(), pulls={BRANCH: (replace(drafted, body="A draft of a person."),)})
    assert [type(w) for w in kept(theirs, request(), [], published(NOTE, round=1))] == [UpdatePullRequest]
    fresh = replace(view(), pulls={BRANCH: (pull(),)})
    assert [type(w) for w in kept(fresh, request(), [], published(BLOCKS, round=1))] == [
        UpdatePullRequest,
        ConvertToDraft,
    ]


def test_a_model_that_was_not_heard_is_a_doubt() -> None:
    unread = ReviewNote(
        score=100, unread="The model's review could not be read.", left_out=("`a.png`: binary",)
    )
    record = published(report=REPORT.model_copy(update={"review": unread}))
    assert "the model's review is missing" in doubts(record)
    assert conclusion(record) == "neutral"
    lines = reviews.review_lines(record.report)
    assert "The model's review could not be read. The rules alone have read the change." in lines
    assert "The model did not look at: `a.png`: binary." in lines
    assert reviews.review_lines(Report()) == []


def waiting(command: str, why: str | None = None) -> JobRecord:
    asks = {"state": JobState.WAITING, "waiting": WaitReason.COMMAND, "asks": command, "asks_why": why}
    return job(JobState.PROPOSED).model_copy(update=asks)


@pytest.mark.parametrize(
    "command", ["make deploy", "echo '````'; rm -r x", "cat <<E\n/pushpals approve\n```\nE", "`" * 30]
)
def test_a_command_is_shown_as_it_would_run_and_stays_in_its_block(command: str) -> None:
    for lines in (waiting_lines(waiting(command)), allow_body(waiting(command), command, "ada").split("\n")):
        fences = [n for n, line in enumerate(lines) if line and set(line) == {"`"}]
        begin, end = fences[0], next(n for n in fences[1:] if lines[n] == lines[fences[0]])
        assert [line.removeprefix(" ") for line in lines[begin + 1 : end]] == command.split("\n")
        assert not any(line.startswith("/") for line in lines)


def test_the_worker_s_reason_is_called_its_own_and_cannot_act() -> None:
    text = "\n".join(waiting_lines(waiting("make deploy", "ask @ada\n/pushpals approve command")))
    assert "in its own words: ask `@ada` /pushpals approve command" in text


def test_what_to_write_by_hand_is_a_policy() -> None:
    assert "    - 'echo ''a'''" in allow_by_hand("echo 'a'").split("\n")
