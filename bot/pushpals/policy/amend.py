"""Putting one command on the list of the policy file, and changing nothing else of it."""

from __future__ import annotations

import re
from typing import Final

from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import RepoPolicy, policy_digest

_SECTION: Final = re.compile(r"^commands:[ \t]*(?:#.*)?$")
_LIST: Final = re.compile(r"^(?P<indent>[ \t]+)allow:[ \t]*(?:#.*)?$")
_ENTRY: Final = re.compile(r"^(?P<indent>[ \t]*)-[ \t]")


def with_command(text: str, command: str) -> str | None:
    """Return the text of a policy file with `command` on `commands.allow`; None where it cannot be sure.

    Comments and layout stay as they are. The result is read again: it must say what the file said before, and
    the one entry more.
    """
    before = parse_policy(text)
    if not isinstance(before, RepoPolicy) or not command.isprintable():
        return None
    if command in before.commands.allow:
        return text
    amended = _amended(text, f"- '{command.replace(chr(39), chr(39) * 2)}'")
    after = parse_policy(amended)
    wanted = (*before.commands.allow, command)
    commands = before.commands.model_copy(update={"allow": wanted})
    expected = before.model_copy(update={"commands": commands})
    same = isinstance(after, RepoPolicy) and policy_digest(after) == policy_digest(expected)
    return amended if same else None


def _amended(text: str, entry: str) -> str:
    lines = text.splitlines()
    at = next((n for n, line in enumerate(lines) if _SECTION.match(line)), None)
    if at is None:
        return "\n".join([*lines, *([""] if lines else []), "commands:", "  allow:", f"    {entry}", ""])
    end = next((n for n in range(at + 1, len(lines)) if lines[n][:1] not in {"", " ", "\t", "#"}), len(lines))
    listed = next((n for n in range(at + 1, end) if _LIST.match(lines[n])), None)
    if listed is None:
        indent = _indent(lines, at + 1, end) or "  "
        new = [f"{indent}allow:", f"{indent}  {entry}"]
        return "\n".join([*lines[: at + 1], *new, *lines[at + 1 :], ""])
    last, indent = listed, f"{lines[listed][: -len(lines[listed].lstrip())]}  "
    for n in range(listed + 1, end):
        if found := _ENTRY.match(lines[n]):
            last, indent = n, found["indent"]
        elif lines[n].strip() and not lines[n].lstrip().startswith("#"):
            break
    return "\n".join([*lines[: last + 1], f"{indent}{entry}", *lines[last + 1 :], ""])


def _indent(lines: list[str], start: int, end: int) -> str | None:
    """Return how deep the first key of a section stands."""
    for line in lines[start:end]:
        if line.strip() and not line.lstrip().startswith("#"):
            return line[: len(line) - len(line.lstrip())]
    return None
