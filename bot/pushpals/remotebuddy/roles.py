"""Which role suits a task: labels first, then words of its goal. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pushpals.policy.roles import DEFAULT_ROLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.policy.roles import Roles

_LABELS: Final = {
    "bug": "bug_fixer",
    "ci": "ci_medic",
    "dependencies": "dependency_steward",
    "performance": "performance_tuner",
    "refactor": "refactorer",
    "refactoring": "refactorer",
    "security": "security_sentinel",
}
# The first row that fits is taken: a hole in a dependency is first of all a hole.
_WORDS: Final = (
    ("security_sentinel", r"cve-\d|vulnerab|sql injection|\bxss\b|\bcsrf\b|path traversal|security hole"),
    (
        "dependency_steward",
        r"\b(?:bump|upgrade|update|pin)\b.*(?:\b(?:dependency|dependencies|packages?|versions?)\b|\d+\.\d+)",
    ),
    ("performance_tuner", r"\b(?:speed up|too slow|performance|latency|memory (?:use|usage|leak)|faster)\b"),
    (
        "refactorer",
        r"^(?:refactor|rename|extract|inline|simplify|tidy|clean up|remove (?:dead|unused|duplicate))\b",
    ),
    ("ci_medic", r"\b(?:ci|build|workflow|pipeline) (?:is red|is broken|fails|failure)\b|\bflaky\b"),
)


def choose_role(goal: str, labels: Sequence[str], roles: Roles) -> str:
    """Return the name of the role for a task; only roles that can change files are chosen."""
    wished = [
        *(
            _LABELS.get(label.casefold(), label.casefold().replace(" ", "_").replace("-", "_"))
            for label in labels
        ),
        *(name for name, words in _WORDS if re.search(words, goal[:1000], re.IGNORECASE)),
    ]
    for name in wished:
        role = roles.get(name)
        if role is not None and role.changes_files:
            return name
    return DEFAULT_ROLE
