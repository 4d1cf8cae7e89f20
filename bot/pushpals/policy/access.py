"""Who may start work, by the role GitHub names.

GitHub's `permission` reports triage as read and maintain as write, so only `role_name` is asked
(https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pushpals.model import Person
from pushpals.policy.repo_policy import RepoPolicy

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
    roles = roles_that_may(policy)
    if person.bot or person.login.endswith("[bot]"):
        return Refused("bots cannot start PushPals.", roles, "bots (built-in)")
    if role_name in roles:
        return Allowed(role_name)
    rule = f"access.roles ({policy.where('access.roles')})"
    return Refused(f"starting PushPals here needs {_needed(roles)}.", roles, rule)


def roles_that_may(policy: RepoPolicy) -> tuple[str, ...]:
    """Return the roles that may start work: standard ones from the lowest listed up, then the custom ones."""
    listed = policy.access.roles
    lowest = next((rank for rank, role in enumerate(STANDARD_ROLES) if role in listed), len(STANDARD_ROLES))
    return (*STANDARD_ROLES[lowest:], *(role for role in listed if role not in STANDARD_ROLES))


def _needed(roles: tuple[str, ...]) -> str:
    """Say what is needed: `write access`, or `write access or the role 'release team'`."""
    lowest = next((f"{role} access" for role in roles if role in STANDARD_ROLES), None)
    custom = [f"the role {role!r}" for role in roles if role not in STANDARD_ROLES]
    ways = [lowest, *custom] if lowest else custom
    return " or ".join(ways) or "a role that this repository's policy gives to nobody"
