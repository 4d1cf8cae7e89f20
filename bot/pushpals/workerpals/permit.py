"""What a worker may run: the command allowlist, and what people said about single commands."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pushpals.policy.allowlist import Ruling, judge, stacks_of
from pushpals.workerpals.assignment import Wish
from pushpals.workerpals.events import Emit, Note, one_line

if TYPE_CHECKING:
    from pushpals.policy.allowlist import Allowlist
    from pushpals.workerpals.assignment import Assignment
    from pushpals.workerpals.workspace import Workspace

ASKABLE: Final = 1_000
"""Characters of a command that people are asked about: they are shown all of what would run, or not asked."""


class CommandAsked(Exception):  # noqa: N818 - reads as the state it reports
    """The work stops here until a person has said yes or no to a command."""

    def __init__(self, wish: Wish) -> None:
        super().__init__(wish.command)
        self.wish = wish


class Permit:
    """Judges commands before they run."""

    def __init__(self, assignment: Assignment, workspace: Workspace, emit: Emit, *, native: bool) -> None:
        self._assignment = assignment
        self._workspace = workspace
        self._emit = emit
        self._asks = assignment.may_ask and native
        """A model that only writes its calls as text is not trusted to know when a person is worth asking."""
        self._list: Allowlist | None = None

    def check(self, command: str, reason: str = "") -> str | None:
        """Return what to tell the model instead of running `command`; None when it may run.

        Raises CommandAsked when a person is to be asked, and NotAllowed, on record, for a refusal.
        """
        allowed = self._allowlist()
        if allowed is None:
            return None
        text = command.strip()
        if text in self._assignment.denied:
            self._workspace.refuse(f"Running {_quoted(text)} was refused: a person said no to it.")
        verdict = judge(text, allowed, self._workspace.made())
        if verdict.ruling is Ruling.ALLOWED:
            return None
        if verdict.ruling is Ruling.REWRITE:
            self._emit(Note(one_line(f"not run: {text}")))
            return f"Not run: {verdict.why}. Write it as plain commands, or change files with edit and write."
        if not self._asks:
            self._workspace.refuse(f"Running {_quoted(text)} was refused: {verdict.why}.")
        if not reason.strip():
            self._emit(Note(one_line(f"not run, needs a yes: {text}")))
            return (
                f"Not run: {verdict.why}. It needs a person's yes, and all work stops until then. Do it "
                "another way if there is one; if not, call run again with the same command and your reason."
            )
        if len(text) > ASKABLE:
            self._emit(Note(one_line(f"not run, too long to ask for: {text}")))
            return (
                f"Not run: {verdict.why}, and it is too long for a person to say yes to: {len(text):,} "
                f"characters, at most {ASKABLE:,}. Do it with shorter commands, or write a file with write."
            )
        raise CommandAsked(Wish(text, reason.strip(), verdict.why))

    def _allowlist(self) -> Allowlist | None:
        given = self._assignment.allowlist
        if self._list is None and given is not None:
            names = self._workspace.sandbox.files.listdir(".")
            stacks = stacks_of(names, self._assignment.checks)
            exact = given.exact | set(self._assignment.checks)
            self._list = replace(given, stacks=given.stacks | stacks, exact=exact)
        return self._list


def _quoted(command: str) -> str:
    plain = one_line(command, 200).replace("`", "'")
    return f"`{plain}`"
