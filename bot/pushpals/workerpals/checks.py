"""Run the repository's checks, and read which tests failed, where they are and what they said."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from pushpals.model import CheckResult
from pushpals.policy.check_output import parse_check_output, without_colours
from pushpals.sandbox.api import CommandResult
from pushpals.workerpals.assignment import Sandbox
from pushpals.workerpals.functions import Unit, is_test
from pushpals.workerpals.localise import Codebase

CHECK_SECONDS = 600.0
OUTPUT_LIMIT = 40_000
"""Characters of a check's output that are kept: its head and its tail."""
EVIDENCE_LINES = 40

_NOT_RUN = (126, 127)
"""A shell's exit codes for a command that is missing or cannot be started."""
_NO_RUNNER = re.compile(r"^\S*python[\d.]*: No module named \S+\s*\Z|^npm (?:ERR!|error) Missing script")


@dataclass(frozen=True)
class FailingTest:
    """One failing test: its name, its source where it was found, and what it printed."""

    name: str
    unit: Unit | None
    output: str
    command: str
    """The check that runs it."""


async def run_check(sandbox: Sandbox, command: str, timeout: float = CHECK_SECONDS) -> CheckResult:
    """Run one check in the sandbox; raises what the sandbox raises when it cannot run anything."""
    return read_result(await sandbox.run(command, timeout=timeout))


def read_result(result: CommandResult) -> CheckResult:
    """Read counts and names of failing tests from a command's output, as far as it tells them."""
    output = without_colours(result.output)
    counts = parse_check_output(output)
    passed = result.exit_code == 0
    return CheckResult(
        command=result.command,
        exit_code=result.exit_code,
        ended=result.ended,
        passed=counts.passed,
        failed=counts.failed,
        failing=() if passed else counts.failing,
        unnamed=0 if passed else counts.unnamed,
        output=clip(output),
        seconds=result.seconds,
    )


def clip(text: str, limit: int = OUTPUT_LIMIT) -> str:
    """Return text with its middle left out when it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half} characters left out …]\n{text[-half:]}"


def cannot_run(result: CheckResult) -> bool:
    """Tell whether a check could not even start, because its command or its runner is not there."""
    missing = bool(_NO_RUNNER.search(result.output.strip()))
    return not result.ok and (result.exit_code in _NOT_RUN or missing)


def failing_units(result: CheckResult, code: Codebase) -> list[FailingTest]:
    """Return the failing tests of a check with their sources; one without a name where it names none.

    There are none where the check passed or could not be run at all.
    """
    if result.ok or cannot_run(result):
        return []
    if not result.failing:
        return [FailingTest("", None, section(result.output, ""), result.command)]
    return [
        FailingTest(name, find_test(name, code), section(result.output, name), result.command)
        for name in result.failing
    ]


def find_test(name: str, code: Codebase) -> Unit | None:
    """Return the source of a test by the name its runner gives it."""
    path, _, inner = name.partition("::")
    parts = (inner.replace("::", ".") if inner else name).partition("[")[0].split(".")
    fitting = [unit for unit in code.tests if unit.short == parts[-1]]
    if inner:
        fitting = [unit for unit in fitting if unit.path == path or unit.path.endswith("/" + path)]
    elif len(parts) > 1:
        wanted = set(parts[:-1])
        fitting.sort(
            key=lambda unit: -len(wanted & {*unit.path.removesuffix(".py").split("/"), *unit.name.split(".")})
        )
    return fitting[0] if fitting else _quoted_test(name, code)


def _quoted_test(name: str, code: Codebase) -> Unit | None:
    """Return a test that is a call with its name as text, as JavaScript's runners have them."""
    title = re.split(r" > | › ", name)[-1]
    opening = re.compile(
        rf"^[ \t]*(?:test|it|specify)(?:\.\w+)?\(\s*(['\"`]){re.escape(title)}\1", re.MULTILINE
    )
    for path, text in code.sources.items():
        match = opening.search(text) if is_test(path) else None
        if match:
            lines = text[match.start() :].splitlines()
            indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
            length = next(
                (n for n, line in enumerate(lines) if n and line.startswith((indent + "}", indent + ")"))), 0
            )
            first = text.count("\n", 0, match.start()) + 1
            return Unit(path, title, first, first + length, "\n".join(lines[: length + 1]))
    return None


def section(output: str, name: str) -> str:
    """Return the part of a run's output that is about one test, else the output's end, cut to a few lines."""
    short = re.split(r"::|\.| > ", name)[-1].partition("[")[0]
    for pattern in (
        rf"^={{30,}}\n(?:FAIL|ERROR): {re.escape(short)} .*?(?=^={{30,}}$|^-{{30,}}\nRan |\Z)",  # unittest
        rf"^_+ [\w.\[\]-]*{re.escape(short)}\b[^\n]*_+$.*?(?=^_{{3,}} |^={{3,}}|\Z)",  # pytest
        rf"^not ok \d+ - {re.escape(name)}.*?^  \.\.\.$",  # TAP
        rf"^[✖✕] {re.escape(name)}[^\n]*\n(?:  [^\n]*\n)+",  # node's spec reporter
        rf"^\s*--- FAIL: {re.escape(name)}\b.*?(?=^\s*---|^FAIL|\Z)",  # go
        rf"^---- {re.escape(name)} stdout ----$.*?(?=^----|^failures:|\Z)",  # cargo
    ):
        found = re.findall(pattern, output, re.MULTILINE | re.DOTALL)
        if found:
            return _evidence(max(found, key=len))
    return _evidence(output)


def _evidence(text: str) -> str:
    lines = [
        line.rstrip()
        for line in text.strip("\n").splitlines()
        if not re.fullmatch(r"\s*[=_\-]{20,}\s*", line)
    ]
    if len(lines) > EVIDENCE_LINES:
        lines = [*lines[:10], "…", *lines[10 - EVIDENCE_LINES :]]
    return "\n".join(line[:300] for line in lines)


def only(command: str, test: FailingTest) -> str | None:
    """Return a command that runs just one test, where the check's runner is known; None otherwise."""
    words = shlex.split(command)
    if "unittest" in words[-1:] and re.fullmatch(r"[\w.]+", test.name):
        return f"{command} {test.name}"
    if "pytest" in command and "::" in test.name:
        plain = [word for word in words if not is_test(word)]
        return shlex.join([*plain, test.name.partition(" ")[0]])
    return None
