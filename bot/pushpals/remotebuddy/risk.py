"""The risk of a plan, by rules, before there is a change. A model may only raise it. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pushpals.model import Risk
from pushpals.policy.risk import MANY_FILES, floor
from pushpals.policy.scope import protected_by
from pushpals.remotebuddy.scopes import named_paths, touched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pushpals.model import Task
    from pushpals.policy.repo_policy import RepoPolicy

_AREAS: Final = (
    (
        Risk.HIGH,
        "migration",
        r"\b(?:database|schema|data) migrations?\b|\b(?:add|drop|rename) (?:a |the )?(?:column|table)\b",
    ),
    (
        Risk.HIGH,
        "access control",
        r"\b(?:grant|revoke|change|loosen|widen) (?:\w+ ){0,3}(?:permissions?|privileges?|access rights)\b",
    ),
    (Risk.MEDIUM, "public interface", r"\bbreaking change\b|\bpublic api\b|\bbackwards?.incompatible\b"),
    (
        Risk.MEDIUM,
        "dependencies",
        r"\b(?:add|bump|upgrade|remove|drop) (?:\S+ ){0,4}dependenc(?:y|ies)\b|\bdrop python \d",
    ),
)
"""What a request is about, by phrases that are hard to misread. A single word (a login that fails) is not."""


def floor_of_plan(
    text: str, tasks: Sequence[Task], policy: RepoPolicy, paths: Sequence[str]
) -> tuple[Risk, tuple[str, ...]]:
    """Return the lowest risk a plan may be given, and why, the gravest reason first.

    What it means to touch is what the request names, and what the tasks' scopes allow where these are
    narrow: a scope that allows much says little.
    """
    meant = dict.fromkeys(named_paths(text, paths))
    for task in tasks:
        area = touched(task.scope, paths) if task.scope != policy.scope.write else ()
        if len(area) <= MANY_FILES:
            meant.update(dict.fromkeys(area))
    # What is protected is never published, whatever the plan: to name it is no risk.
    level, reasons = floor([path for path in meant if protected_by(path, policy) is None], policy)
    found = [(level, reason) for reason in reasons]
    found += [
        (risk, f"the request is about this (rule: {name})")
        for risk, name, words in _AREAS
        if re.search(words, text, re.IGNORECASE)
    ]
    found.sort(key=lambda each: -each[0].rank)
    return (found[0][0] if found else Risk.LOW), tuple(reason for _, reason in found)
