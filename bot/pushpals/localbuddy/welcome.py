"""What a repository is given to begin with: a policy made for it, an issue form, a schema for editors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from pushpals.policy.globs import first_match
from pushpals.policy.repo_policy import POLICY_PATH
from pushpals.policy.schema import SCHEMA_PATH, policy_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushpals.policy.commands import Check

FORM_PATH: Final = ".github/ISSUE_TEMPLATE/pushpals.yml"
FORM: Final = "issue_form.yml"

CAREFUL: Final[Mapping[str, str]] = {
    "LICENSE*": "the licence",
    "migrations/": "what changes databases",
    "*.tf": "infrastructure",
    "deploy/": "how it is deployed",
    "infra/": "infrastructure",
    "k8s/": "how it is deployed",
    "terraform/": "infrastructure",
}
"""Patterns of paths that most repositories want nobody but people to change, and what they hold."""


@dataclass(frozen=True)
class Welcome:
    """The files, by their paths, that a repository does not have yet."""

    files: Mapping[str, str]
    protected: tuple[str, ...]
    """Patterns that the policy protects because there is something behind them."""


def welcome(paths: Sequence[str], checks: Sequence[Check], label: str) -> Welcome:
    """Return what a repository with these `paths` and `checks` is given, less what it has already."""
    known = frozenset(paths)
    protected = tuple(p for p in CAREFUL if any(first_match((p,), path) for path in paths))
    given = {
        POLICY_PATH: policy_text(checks, protected, label),
        FORM_PATH: (files("pushpals.localbuddy") / FORM).read_text(encoding="utf-8"),
        SCHEMA_PATH: json.dumps(policy_schema(), separators=(",", ":")) + "\n",
    }
    if ".github/pushpals.yaml" in known or POLICY_PATH in known:
        del given[POLICY_PATH]
    return Welcome({path: text for path, text in given.items() if path not in known}, protected)


def policy_text(checks: Sequence[Check], protected: Sequence[str], label: str) -> str:
    """Return the text of a policy file: what was seen of the repository, and the rest as comments."""
    schema = SCHEMA_PATH.removeprefix(".github/")
    lines = [
        f"# yaml-language-server: $schema={schema}",
        "# What PushPals may do here; what is left out has a careful default. Read on the default branch.",
        "version: 1",
        "",
        *_check_lines(checks),
        "",
        *_scope_lines(protected),
        "",
        "# What starts work: this label, put on an issue by somebody with write access.",
        *(
            ["# trigger:", f"#   label: {label}"]
            if label == "agent:ready"
            else ["trigger:", f"  label: {label}"]
        ),
        "",
        "# What one job may spend, and what all of a day may. `usd: 0` allows only local models.",
        "# budget:",
        "#   usd: 1.0",
        "#   day_usd: 25.0",
        "",
        "# How large a change may be; larger ones are not published.",
        "# limits:",
        "#   files: 20",
        "#   lines: 800",
        "",
        "# How approved pull requests land: people merge (never), or a merge train, when told to (command).",
        "# integration:",
        "#   train: command",
    ]
    return "\n".join(lines) + "\n"


def _check_lines(checks: Sequence[Check]) -> list[str]:
    head = "# Commands that must pass on every change, run before and after it in a sandbox without network."
    if not checks:
        none = "# None was recognised. Without one nothing ends green: name what tells that all works."
        return [head, none, "# checks:", "#   - make test"]
    listed = [f"  - {json.dumps(check.command)} # {_comment(check.why)}" for check in checks]
    return [head, "checks:", *listed]


def _comment(text: str) -> str:
    return " ".join("".join(c for c in text if c.isprintable()).split())[:100]


def _scope_lines(protected: Sequence[str]) -> list[str]:
    head = "# Paths no change may touch, besides workflows, CODEOWNERS and this file."
    if not protected:
        return [head, "# scope:", "#   protected:", "#     - docs/legal/"]
    return [head, "scope:", "  protected:", *(f"    - {json.dumps(p)} # {CAREFUL[p]}" for p in protected)]
