"""Which commands a worker may run without asking a person first.

The sandbox is what keeps a command from doing harm: it has no network and no secrets. This list is for eyes:
what is unusual in a repository (installing packages, `make deploy`, deleting folders) is shown to a person
before it runs. So a command is allowed only when all of it can be read, and every part is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pushpals.policy.programs import EVERYWHERE, INLINE, OF_STACKS, Own, Rule, outside
from pushpals.policy.shell import Simple, Unreadable, read_shell

SETTABLE: Final = frozenset(
    {"CI", "NO_COLOR", "FORCE_COLOR", "NODE_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONWARNINGS"}
    | {"PYTHONUNBUFFERED", "PYTHONHASHSEED", "RUST_BACKTRACE", "LC_ALL", "LANG", "TZ", "COLUMNS"}
)
"""Variables that may be set for a command; others (`PATH`, `LD_PRELOAD`) can make it another one."""


class Ruling(StrEnum):
    """What becomes of a command."""

    ALLOWED = "allowed"
    REWRITE = "rewrite"
    """It cannot be judged as it is written; written plainly, it may well be allowed."""
    ASK = "ask"
    """A person decides."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a command, and why, as a phrase that follows its name."""

    ruling: Ruling
    why: str = ""


@dataclass(frozen=True)
class Allowlist:
    """What may run in one job."""

    stacks: frozenset[str] = frozenset()
    """See `stacks_of`."""
    exact: frozenset[str] = frozenset()
    """The job's checks, and what a person allowed for this job."""
    listed: tuple[str, ...] = ()
    """`commands.allow` of the policy: whole commands, or with ` *` at the end for any further words."""


def stacks_of(names: Iterable[str], checks: Sequence[str]) -> frozenset[str]:
    """Return which of python, node, go, rust and make a repository is built with.

    `names` are those of the files at its root.
    """
    known, words = set(names), {word for check in checks for word in check.split()}
    python = {"pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "tox.ini", "requirements.txt"}
    marks = {
        "python": bool(known & python) or bool(words & {"python", "python3", "pytest"}),
        "node": "package.json" in known,
        "go": "go.mod" in known,
        "rust": "Cargo.toml" in known,
        "make": bool(known & {"Makefile", "makefile", "GNUmakefile"}),
    }
    return frozenset(name for name, there in marks.items() if there)


def judge(command: str, allowed: Allowlist, own: Own = frozenset()) -> Verdict:
    """Say whether `command` may run. `own` are the paths of files that the worker made itself."""
    text = command.strip()
    if text in allowed.exact or text in allowed.listed:
        return Verdict(Ruling.ALLOWED)
    try:
        parts = read_shell(text)
    except Unreadable as problem:
        return Verdict(Ruling.REWRITE, f"it holds {problem}, so nobody can tell what it would run")
    for part in parts:
        if verdict := _problem(part, allowed, own):
            return verdict
    return Verdict(Ruling.ALLOWED)


def _problem(part: Simple, allowed: Allowlist, own: Own) -> Verdict | None:
    """Return why one simple command may not run; None when it may."""
    for setting in part.sets:
        name = setting.partition("=")[0].rstrip("+")
        if name not in SETTABLE:
            return Verdict(Ruling.ASK, f"it sets `{name}`")
    for path in part.writes:
        if outside(path) and path not in {"/dev/null", "/dev/stdout", "/dev/stderr"}:
            return Verdict(Ruling.ASK, f"it writes to `{path}`, outside of the workspace")
    words = part.words
    if not words or any(_fits(entry, words) for entry in (*allowed.exact, *allowed.listed)):
        return None
    if words[0] == "timeout" and len(words) > 2 and words[1].rstrip("smh").isdecimal():  # noqa: PLR2004 - a time, a command
        return _problem(Simple(words[2:]), allowed, own)
    rule = _rule(words[0], allowed.stacks)
    if rule is None:
        return Verdict(Ruling.ASK, f"`{words[0]}` is not on the list of commands for this repository")
    why = rule(words[1:], own)
    if why is None:
        return None
    if why == INLINE:
        return Verdict(Ruling.REWRITE, f"it is {why}")
    return Verdict(Ruling.ASK, why if words[0] in why else f"`{words[0]}`: {why}")


def _fits(entry: str, words: Sequence[str]) -> bool:
    """Tell whether a simple command is what an entry says, word by word."""
    open_ended = entry.endswith(" *")
    wanted = entry.removesuffix(" *").split() if open_ended else entry.split()
    return list(words[: len(wanted)]) == wanted and (open_ended or len(words) == len(wanted))


def _rule(program: str, stacks: frozenset[str]) -> Rule | None:
    name = program
    for folder in ("/usr/bin/", "/bin/", "node_modules/.bin/", "./node_modules/.bin/"):
        name = name.removeprefix(folder)
    tables = (EVERYWHERE, *(OF_STACKS[stack] for stack in sorted(stacks)))
    return next((table[name] for table in tables if name in table), None)
