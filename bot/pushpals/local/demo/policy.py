"""What the demo takes from a repository's own policy, and what it adds to it: never more than the check."""

from __future__ import annotations

import yaml

from pushpals.policy.access import STANDARD_ROLES, roles_that_may
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import POLICY_PATH, PolicyProblem, RepoPolicy
from pushpals.policy.yaml_source import decode, read_yaml
from pushpals.server.settings import SettingsError

USUAL_ROLE = "maintain"


def role_to_start(policy: RepoPolicy | PolicyProblem) -> tuple[str, str | None]:
    """Return a role that may start work, and the standard role it extends if it is a custom one.

    The usual role where it may, or where nobody may: the demo then shows the refusal.
    """
    roles = roles_that_may(policy) if isinstance(policy, RepoPolicy) else ()
    if not roles or USUAL_ROLE in roles:
        return USUAL_ROLE, None
    highest = next((role for role in reversed(STANDARD_ROLES) if role in roles), None)
    return (highest, None) if highest else (roles[0], "write")


def with_check(text: str | None, command: str) -> str:
    """Return the policy `text` with `command` as its only check and everything else still in force.

    Raises SettingsError when the policy cannot be read, or `command` cannot be a check.
    """
    problem = parse_policy(text)
    if isinstance(problem, PolicyProblem):
        raise SettingsError(
            f"--check cannot be added to {POLICY_PATH}, which is not valid ({problem}). Mend the file, "
            "commit it and try again."
        )
    data = read_yaml(decode(text)).data
    merged = {**(data if isinstance(data, dict) else {}), "checks": [command]}
    written = yaml.safe_dump(merged, sort_keys=False, allow_unicode=True, width=10_000)
    problem = parse_policy(written)
    if isinstance(problem, PolicyProblem):
        raise SettingsError(f"--check cannot be {command!r}: {problem.message}. Give one command line.")
    return written
