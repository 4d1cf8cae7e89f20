"""Which subject a delivery points at: an issue, a pull request, or the repository's integration."""

from __future__ import annotations

from typing import Any

import pytest

from pushpals.model import Hint, Person, Press, RepoRef, SubjectRef
from pushpals.server import hints
from tests.server.deliveries import NOON, hint, hint_of

REPO = RepoRef.parse("octo/names")
TRAIN = Hint.of_train(REPO)
ANA = {"id": 5, "login": "ana", "type": "User"}
BOT = {"id": 9, "login": "pushpals[bot]", "type": "Bot"}
OURS, PLAN, OTHER = "agent/bug-fixer/42-1", "pushpals/plan/42", "main_agents"
US, CI = {"id": 31}, {"id": 15368}


def payload(action: str | None, sender: dict[str, Any] = ANA, **more: Any) -> dict[str, Any]:
    given = {"repository": {"full_name": "octo/names"}, "sender": sender, **more}
    return given if action is None else {"action": action, **given}


def pull(branch: object, number: int = 50) -> dict[str, Any]:
    return {"number": number, "head": {"ref": branch}}


def run(branch: str | None, app: dict[str, int] = CI, *heads: str, **more: Any) -> dict[str, Any]:
    pulls = [{"head": {"ref": head}} for head in heads]
    return {"id": 77, "app": app, "check_suite": {"head_branch": branch}, "pull_requests": pulls, **more}


@pytest.mark.parametrize("branch", [OURS, PLAN])
@pytest.mark.parametrize(
    ("event", "action"),
    [
        ("pull_request", "closed"),
        ("pull_request", "reopened"),
        ("pull_request", "synchronize"),
        ("pull_request_review", "submitted"),
        ("pull_request_review", "edited"),
        ("pull_request_review", "dismissed"),
        ("pull_request_review_comment", "created"),
        ("pull_request_review_comment", "edited"),
    ],
)
def test_a_pull_request_of_ours_points_at_its_issue(event: str, action: str, branch: str) -> None:
    assert hint_of(event, payload(action, pull_request=pull(branch))) == hint(42)


@pytest.mark.parametrize(
    "branch", ["main", "agent/42-1", "agent/x/42-1/y", "feature/agent/x/42-1", "pushpals/plan/"]
)
def test_talk_on_any_other_pull_request_points_at_it(branch: str) -> None:
    for event in ("pull_request_review", "pull_request_review_comment"):
        action = "submitted" if event == "pull_request_review" else "created"
        assert hint_of(event, payload(action, pull_request=pull(branch))) == hint(50)
    assert hint_of("pull_request", payload("closed", pull_request=pull(branch))) == TRAIN
    assert hint_of("pull_request", payload("synchronize", pull_request=pull(branch))) is None


@pytest.mark.parametrize("branch", [None, 42, {}])
def test_a_pull_request_without_a_branch_makes_no_hint(branch: object) -> None:
    assert hint_of("pull_request", payload("closed", pull_request=pull(branch))) is None


def test_a_comment_points_at_what_it_is_on() -> None:
    for action in ("created", "edited"):
        assert hint_of("issue_comment", payload(action, issue={"number": 50})) == hint(50)
    assert hint_of("issues", payload("edited", issue={"number": 42})) == hint(42)


@pytest.mark.parametrize(
    ("event", "action"),
    [
        ("issues", "edited"),
        ("issue_comment", "created"),
        ("pull_request", "synchronize"),
        ("pull_request_review", "submitted"),
        ("pull_request_review_comment", "created"),
    ],
)
def test_what_a_bot_writes_is_no_reason_to_look(event: str, action: str) -> None:
    told = payload(action, BOT, issue={"number": 42}, pull_request=pull(OURS))
    assert hint_of(event, told) is None


def test_what_ci_says_of_a_branch_of_ours_points_at_its_issue_and_of_another_at_the_train() -> None:
    for event in ("check_run", "check_suite"):
        for branch, expected in ((OURS, hint(42)), (OTHER, TRAIN), (None, None)):
            told = run(branch) | {"head_branch": branch}
            assert hint_of(event, payload("completed", **{event: told})) == expected
    for branch, expected in ((OURS, hint(42)), (OTHER, TRAIN)):
        told = payload(None, state="failure", branches=[{"name": branch}])
        assert hint_of("status", told) == expected
        assert hint_of("status", told | {"state": "pending"}) is None


def test_a_check_run_whose_suite_names_no_branch_is_found_by_its_pull_request() -> None:
    assert hint_of("check_run", payload("completed", check_run=run(None, CI, OURS))) == hint(42)
    assert hint_of("check_run", payload("completed", check_run=run(OTHER, CI, OURS))) == hint(42)


def test_our_own_check_runs_tell_us_nothing() -> None:
    assert hint_of("check_run", payload("completed", check_run=run(OURS, US))) is None
    assert hint_of("check_suite", payload("completed", check_suite=run(OURS, US))) is None


def test_a_push_to_a_branch_that_is_not_ours_points_at_the_train() -> None:
    refs = {f"refs/heads/{OTHER}": TRAIN, f"refs/heads/{OURS}": None, "refs/tags/v1": None, "": None}
    for ref, expected in refs.items():
        assert hint_of("push", payload(None, ref=ref)) == expected


@pytest.mark.parametrize("external", ["42-1", "plan-42", "42"])
def test_a_button_carries_who_pressed_it(external: str) -> None:
    pressed = payload(
        "requested_action",
        check_run=run(None, US, external_id=external),
        requested_action={"identifier": "approve"},
    )
    ana = Person(id=5, login="ana")
    found = hint_of("check_run", pressed)
    assert found
    name = found.presses[0].id
    press = Press(id=name, person=ana, action="approve", external_id=external, check_run=77, at=NOON)
    assert found == hint(42).model_copy(update={"presses": (press,)})
    again = hints.hint_of(hints.Delivery("check_run", "d-e-f", NOON), dict(reversed(pressed.items())))
    assert again
    assert again.presses[0].id == name, "whoever sends it again, and however it is spelled"
    other = hint_of("check_run", pressed | {"sender": ANA | {"id": 6}})
    assert other
    assert other.presses[0].id != name


@pytest.mark.parametrize(
    "odd",
    [
        {"sender": BOT},
        {"sender": None},
        {"sender": {"id": "5", "login": "ana"}},
        {"requested_action": {"identifier": 4}},
        {"requested_action": {"identifier": "x" * 21}},
        {"check_run": run(None, US, external_id="somebody else's")},
        {"check_run": run(None, US, external_id="42-1") | {"id": None}},
    ],
)
def test_an_odd_press_is_none(odd: dict[str, Any]) -> None:
    pressed = payload(
        "requested_action",
        check_run=run(None, US, external_id="42-1"),
        requested_action={"identifier": "approve"},
    )
    assert hint_of("check_run", pressed) is not None
    assert hint_of("check_run", pressed | odd) is None


def press(name: str) -> Press:
    return Press(
        id=name, person=Person(id=5, login="ana"), action="a", external_id="42-1", check_run=7, at=NOON
    )


def test_hints_that_meet_keep_every_press_once() -> None:
    ref = SubjectRef(repo=REPO, number=42)
    one, two = Hint(ref=ref, presses=(press("1"),)), Hint(ref=ref, installation=7, presses=(press("2"),))
    joined = one.joined(two).joined(two)
    assert ([p.id for p in joined.presses], joined.installation) == (["1", "2"], 7)
