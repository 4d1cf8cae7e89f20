"""Who may start work, who may act on it, and who is answered: all by the role GitHub names.

GitHub's `permission` reports triage as read and maintain as write, so only `role_name` is asked
(https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pushpals.model import Person
from pushpals.policy.repo_policy import RepoPolicy
from pushpals.policy.verbs import ASKED, TOLD, Verb

STANDARD_ROLES: Final = ("read", "triage", "write", "maintain", "admin")
"""GitHub's own repository roles, lowest first."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The person may start work, by this role."""

    role: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The person may not start work. `reason` is a sentence to that person; `who_may` the roles that may."""

    reason: str
    who_may: tuple[str, ...]
    rule: str = "access.roles"


def may_start(role_name: str | None, policy: RepoPolicy, person: Person) -> Allowed | Refused:
    """Tell whether `person`, whose role here is `role_name` (None when unknown), may start work."""
    return _judge(role_name, policy, person, roles_that_may(policy), "starting PushPals here")


def may(
    verb: Verb, role_name: str | None, policy: RepoPolicy, person: Person, *, own: bool = False
) -> Allowed | Refused:
    """Tell whether `person` may use `verb`, at the least: a plan's approval asks for more than this.

    `own` is True where the issue or pull request is that person's own: its author is told how it stands.
    """
    if verb not in ASKED:
        return _judge(role_name, policy, person, roles_that_may(policy), f"`{verb}`")
    roles = roles_that_ask(policy)
    verdict = _judge(role_name, policy, person, roles, f"asking PushPals for `{verb}`", "access.ask")
    if isinstance(verdict, Refused) and own and verb in TOLD and not _is_bot(person):
        return Allowed(role_name or "none")
    return verdict


def may_with(
    role_name: str | None, listed: tuple[str, ...], person: Person, policy: RepoPolicy, what: str, field: str
) -> Allowed | Refused:
    """Tell whether `person` has one of the `listed` roles or one above; `what` and `field` word a refusal."""
    return _judge(role_name, policy, person, _from_lowest(listed), what, field)


def roles_that_may(policy: RepoPolicy) -> tuple[str, ...]:
    """Return the roles that may start work: standard ones from the lowest listed up, then the custom ones."""
    return _from_lowest(policy.access.roles)


def roles_that_ask(policy: RepoPolicy) -> tuple[str, ...]:
    """Return the roles that are answered: those listed for it, and those that may start work."""
    return _from_lowest((*policy.access.ask, *policy.access.roles))


def _from_lowest(listed: tuple[str, ...]) -> tuple[str, ...]:
    lowest = next((rank for rank, role in enumerate(STANDARD_ROLES) if role in listed), len(STANDARD_ROLES))
    custom = dict.fromkeys(role for role in listed if role not in STANDARD_ROLES)
    return (*STANDARD_ROLES[lowest:], *custom)


def _judge(
    role_name: str | None,
    policy: RepoPolicy,
    person: Person,
    roles: tuple[str, ...],
    what: str,
    field: str = "access.roles",
) -> Allowed | Refused:
    if _is_bot(person):
        return Refused("bots cannot start PushPals.", roles, "bots (built-in)")
    if role_name in roles:
        return Allowed(role_name)
    return Refused(f"{what} needs {_needed(roles)}.", roles, f"{field} ({policy.where(field)})")


def _is_bot(person: Person) -> bool:
    return person.bot or person.login.endswith("[bot]")


def _needed(roles: tuple[str, ...]) -> str:
    """Say what is needed: `write access`, or `write access or the role 'release team'`."""
    lowest = next((f"{role} access" for role in roles if role in STANDARD_ROLES), None)
    custom = [f"the role {role!r}" for role in roles if role not in STANDARD_ROLES]
    ways = [lowest, *custom] if lowest else custom
    return " or ".join(ways) or "a role that this repository's policy gives to nobody"
