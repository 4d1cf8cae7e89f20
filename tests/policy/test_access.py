"""Who may start work."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.model import Person
from pushpals.policy.access import (
    STANDARD_ROLES,
    Allowed,
    Refused,
    may,
    may_start,
    roles_that_ask,
    roles_that_may,
)
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import Access, RepoPolicy
from pushpals.policy.verbs import Verb

ANA = Person(id=1, login="ana")


def allowing(*roles: str) -> RepoPolicy:
    return RepoPolicy(access=Access(roles=roles))


@pytest.mark.parametrize(
    ("listed", "role", "may"),
    [
        (("write", "maintain", "admin"), "write", True),
        (("write", "maintain", "admin"), "admin", True),
        (("write", "maintain", "admin"), "triage", False),
        (("write", "maintain", "admin"), "read", False),
        (("write",), "maintain", True),
        (("maintain",), "write", False),
        (("admin",), "maintain", False),
        (("triage",), "triage", True),
        (("write", "admin"), "maintain", True),
        (("write",), "release team", False),
        (("write", "release team"), "release team", True),
        (("release team",), "admin", False),
        ((), "admin", False),
    ],
)
def test_a_role_may_start_work_when_it_or_a_lower_standard_one_is_listed(
    listed: tuple[str, ...], role: str, may: bool
) -> None:
    assert isinstance(may_start(role, allowing(*listed), ANA), Allowed) is may


@pytest.mark.parametrize("role", [None, "", "none", "Write", "push", "owner"])
def test_what_github_does_not_call_a_role_is_no_role(role: str | None) -> None:
    assert isinstance(may_start(role, RepoPolicy(), ANA), Refused)


@pytest.mark.parametrize("person", [Person(id=2, login="x", bot=True), Person(id=3, login="dependabot[bot]")])
def test_bots_never_start_work(person: Person) -> None:
    refused = may_start("admin", RepoPolicy(), person)
    assert isinstance(refused, Refused)
    assert refused.reason == "bots cannot start PushPals."


def test_a_refusal_says_what_is_needed_who_may_and_where_that_is_set() -> None:
    policy = parse_policy("access:\n  roles: [maintain, release team]\n")
    assert isinstance(policy, RepoPolicy)
    assert may_start("write", policy, ANA) == Refused(
        "starting PushPals here needs maintain access or the role 'release team'.",
        ("maintain", "admin", "release team"),
        "access.roles (policy line 2)",
    )


def test_with_an_empty_list_nobody_may_and_is_told_so() -> None:
    refused = may_start("admin", allowing(), ANA)
    assert isinstance(refused, Refused)
    assert refused.who_may == ()
    assert "gives to nobody" in refused.reason


@given(
    st.lists(st.sampled_from(["triage", "write", "maintain", "admin", "other"])),
    st.sampled_from(STANDARD_ROLES),
)
def test_a_higher_standard_role_may_do_no_less(listed: list[str], role: str) -> None:
    may = roles_that_may(allowing(*listed))
    higher = STANDARD_ROLES[STANDARD_ROLES.index(role) :]
    assert role not in may or set(higher) <= set(may)
    assert "read" not in may


@pytest.mark.parametrize(
    ("verb", "role", "own", "allowed"),
    [
        ("status", "triage", False, True),
        ("status", "read", False, False),
        ("status", "read", True, True),
        ("explain", None, True, True),
        ("help", "none", False, False),
        ("ask", "triage", False, True),
        ("ask", "read", True, False),  # a model's answer costs something
        ("cancel", "triage", False, False),
        ("cancel", "triage", True, False),
        ("cancel", "write", False, True),
        ("approve", "admin", False, True),
        ("fix", "read", True, False),
    ],
)
def test_who_may_say_what(verb: str, role: str | None, own: bool, allowed: bool) -> None:
    verdict = may(Verb(verb), role, RepoPolicy(), ANA, own=own)
    assert isinstance(verdict, Allowed) is allowed


def test_who_may_start_work_may_also_ask() -> None:
    policy = RepoPolicy(access=Access(roles=("write",), ask=()))
    assert roles_that_ask(policy) == ("write", "maintain", "admin")
    assert may(Verb.ASK, "triage", policy, ANA) == Refused(
        "asking PushPals for `ask` needs write access.",
        ("write", "maintain", "admin"),
        "access.ask (default)",
    )


@pytest.mark.parametrize("verb", list(Verb))
def test_bots_are_not_answered(verb: Verb) -> None:
    robot = Person(id=2, login="dependabot[bot]", bot=True)
    assert isinstance(may(verb, "admin", RepoPolicy(), robot, own=True), Refused)


@given(st.sampled_from(list(Verb)), st.sampled_from([*STANDARD_ROLES, "none", "other"]), st.booleans())
def test_who_may_act_may_use_every_verb(verb: Verb, role: str, own: bool) -> None:
    acts = isinstance(may_start(role, RepoPolicy(), ANA), Allowed)
    assert not acts or isinstance(may(verb, role, RepoPolicy(), ANA, own=own), Allowed)
