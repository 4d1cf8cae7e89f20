"""What our own writes make of a snapshot: each in its place, and nothing else lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pushpals.github import (
    AddComment,
    AddLabels,
    AddReaction,
    CreatePullRequest,
    Done,
    Mutation,
    RemoveLabels,
    ReplyToThread,
    ResolveThread,
    SubjectView,
    ThreadView,
    UpdateComment,
    WriteFailed,
    Written,
)
from pushpals.loop.fold import fold
from tests.loop.snapshots import BRANCH, comment, pull, snapshot


def seen() -> SubjectView:
    """An issue with a comment, and a pull request with a comment and a thread."""
    said = comment("on the pull request", name="c-pull", mine=False)
    thread = ThreadView(
        "thread-1", False, False, "a.py", 3, (comment("on a line", name="c-line", mine=False),)
    )
    made = replace(pull(), comments=(said,), threads=(thread,))
    on_issue = comment("on the issue", name="c-issue", mine=False)
    repository = replace(snapshot().view.repository, label_ids={"agent:done": "L1", "bug": "L2"})
    view = snapshot().view
    return replace(
        view, comments=(on_issue,), pulls={BRANCH: (made,)}, repository=repository, labels={"bug": "L2"}
    )


def texts(view: SubjectView) -> tuple[list[str], list[str], list[str]]:
    [shown] = view.pulls[BRANCH]
    return (
        [c.body for c in view.comments],
        [c.body for c in shown.comments],
        [c.body for t in shown.threads for c in t.comments],
    )


def test_a_comment_lands_where_it_was_written() -> None:
    view, new = seen(), comment("new", name="c-new")
    on_issue = fold(view, AddComment(view.id, "new"), new)
    assert texts(on_issue) == (["on the issue", "new"], ["on the pull request"], ["on a line"])
    on_pull = fold(view, AddComment("pull-43", "new"), new)
    assert texts(on_pull) == (["on the issue"], ["on the pull request", "new"], ["on a line"])
    on_line = fold(view, ReplyToThread("thread-1", "new"), new)
    assert texts(on_line) == (["on the issue"], ["on the pull request"], ["on a line", "new"])


def test_an_edited_comment_keeps_its_place() -> None:
    view = seen()
    edited = fold(view, UpdateComment("c-pull", "else"), comment("else", name="c-pull"))
    assert texts(edited) == (["on the issue"], ["else"], ["on a line"])


@pytest.mark.parametrize("name", ["issue", "c-issue", "c-pull", "c-line"])
def test_a_reaction_is_known_on_what_it_was_given_to(name: str) -> None:
    view = seen()
    target = view.id if name == "issue" else name
    after = fold(view, AddReaction(target), Done(target))
    [shown] = after.pulls[BRANCH]
    all_said = [*after.comments, *shown.comments, *(c for t in shown.threads for c in t.comments)]
    assert [c.id for c in all_said if "EYES" in c.reacted] == [name] * (name != "issue")
    assert ("EYES" in after.reacted) == (name == "issue" or "EYES" in view.reacted)


def test_a_new_pull_request_comes_first_and_a_known_one_keeps_its_talk() -> None:
    view = seen()
    write = CreatePullRequest("R", "main", BRANCH, "t", "b")
    again = fold(view, write, pull(number=44))
    assert [p.number for p in again.pulls[BRANCH]] == [44, 43]
    [kept] = fold(view, write, replace(pull(), title="Other")).pulls[BRANCH]
    assert (kept.title, len(kept.comments), len(kept.threads)) == ("Other", 1, 1)


def test_labels_come_and_go() -> None:
    view = seen()
    added = fold(view, AddLabels(view.id, ("L1",)), Done(view.id))
    assert set(added.labels) == {"bug", "agent:done"}
    assert set(fold(added, RemoveLabels(view.id, ("L2",)), Done(view.id)).labels) == {"agent:done"}
    assert fold(view, AddLabels("somewhere else", ("L1",)), Done("x")).labels == view.labels


@pytest.mark.parametrize(
    "mutation",
    [
        AddReaction("c-pull"),
        ResolveThread("thread-1"),
        AddComment("pull-43", "x"),
        AddLabels("issue", ("L1",)),
    ],
)
def test_a_write_that_failed_changes_nothing(mutation: Mutation) -> None:
    view = seen()
    failed: Written = WriteFailed("no", kind="refused")
    assert fold(view, mutation, failed) == view
