"""The workspace as the tools see it: text files, changed only in the task's scope, put back when asked."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping
from typing import NoReturn

from pushpals.policy.globs import first_match
from pushpals.workerpals.assignment import Assignment, Checkpoint, Sandbox
from pushpals.workerpals.events import Emit, Refused
from pushpals.workerpals.functions import language_of

FILE_LIMIT = 400_000
"""Bytes of the largest file that is read."""
KNOWN_LIMIT = 5_000
"""In a repository of more files, changes by commands are not noticed here; the gate sees them anyway."""
SOURCES_LIMIT = 1_500
"""How many source files are looked at to find the function."""
ALWAYS_PROTECTED = (".git/**", ".github/workflows/**", ".github/pushpals.yml", ".gitmodules")


class NotAllowed(Exception):  # noqa: N818 - reads as the state it reports
    """A path is outside the task's scope or protected. The message says which rule."""


class Workspace:
    """Reads and writes text in the sandbox's workspace, and remembers how every changed file was before."""

    def __init__(self, assignment: Assignment, sandbox: Sandbox, emit: Emit) -> None:
        self.sandbox = sandbox
        self.refused: list[str] = []
        self._scope = assignment.task.scope
        self._within = assignment.within
        self._protected = (*ALWAYS_PROTECTED, *assignment.protected)
        self._emit = emit
        self._before: dict[str, str | None] = {}
        """Text before the first change, None for a file that was not there."""
        self._known: dict[str, str] = {}
        """Text of all files as last seen; empty where nobody asked to remember it."""

    def read(self, path: str) -> str:
        """Return a file's text; raises OSError or ValueError with a text for people and models."""
        try:
            return self.sandbox.files.read(path, limit=FILE_LIMIT).decode()
        except UnicodeDecodeError:
            raise ValueError(f"{path} is not text in UTF-8") from None

    def write(self, path: str, text: str) -> None:
        """Create or replace a file inside the scope; raises NotAllowed, OSError or ValueError."""
        self.require_writable(path)
        path = normal(path)
        if path not in self._before:
            self._before[path] = self._text_or_none(path)
        self.sandbox.files.write(path, text.encode())

    def require_writable(self, path: str) -> None:
        """Raise NotAllowed, and keep it on record, unless a path may be changed."""
        path = normal(path)
        rule = first_match(self._protected, path, ignore_case=True)
        if rule:
            self.refuse(f"Changing {path} was refused: it is protected ({rule}).")
        if not first_match(self._scope, path):
            self.refuse(f"Changing {path} was refused: the task may only change {', '.join(self._scope)}.")
        for globs in self._within:
            if not first_match(globs, path):
                self.refuse(f"Changing {path} was refused: only {', '.join(globs)} may be changed here.")

    def refuse(self, sentence: str) -> NoReturn:
        """Keep a refusal on record and raise NotAllowed with it."""
        if sentence not in self.refused:
            self.refused.append(sentence)
            self._emit(Refused(sentence))
        raise NotAllowed(sentence)

    async def resume(self, checkpoint: Checkpoint) -> None:
        """Put the files of a checkpoint into the workspace, as changes of the work."""
        for path, data in checkpoint.files.items():
            self._before.setdefault(path, self._text_or_none(path))
            if data is not None:
                self.sandbox.files.write(path, data)
        gone = [path for path, data in checkpoint.files.items() if data is None]
        commands = (("rm -f --", gone), ("chmod +x --", sorted(checkpoint.executable)))
        for command, paths in commands:
            if paths:
                await self.sandbox.run(f"{command} {shlex.join(paths)}", timeout=30)

    def made(self) -> frozenset[str]:
        """Return the paths of the files that were not there before the work."""
        return frozenset(path for path, text in self._before.items() if text is None)

    def may_write(self, path: str) -> bool:
        """Tell whether a path may be changed, without putting anything on record."""
        path = normal(path)
        return not first_match(self._protected, path, ignore_case=True) and all(
            first_match(globs, path) for globs in (self._scope, *self._within)
        )

    def changes(self) -> dict[str, str | None]:
        """Return the present text of every file that differs from how it was, None for one that is gone."""
        now = {path: self._text_or_none(path) for path in self._before}
        return {path: text for path, text in now.items() if text != self._before[path]}

    async def remember(self) -> None:
        """Remember the text of all files, so that what commands change can be noticed."""
        self._known = await asyncio.to_thread(self._texts)

    async def notice(self) -> list[str]:
        """Count what commands have changed as changes of the work, and undo what may not be changed.

        Returns the refusals, one sentence each. Does nothing unless `remember` was called.
        """
        if not self._known:
            return []
        now = await asyncio.to_thread(self._texts)
        refusals = []
        for path in sorted(now.keys() | self._known.keys()):
            before, after = self._known.get(path), now.get(path)
            if before == after or path in self._before:
                continue
            self._before[path] = before
            try:
                self.require_writable(path)
            except NotAllowed as error:
                refusals.append(str(error))
                await self._put_back(path, before)
        return refusals

    def before(self, path: str) -> str | None:
        """Return a file's text before the work, None when it was not there."""
        return self._before[path] if path in self._before else self._text_or_none(path)

    async def restore(self, changes: Mapping[str, str | None]) -> None:
        """Put back every file as it was before the work, `changes` aside, which are written again."""
        for path, before in self._before.items():
            await self._put_back(path, changes.get(path, before))

    async def _put_back(self, path: str, text: str | None) -> None:
        if text == self._text_or_none(path):
            return
        if text is None:
            await self.sandbox.run(f"rm -f -- {shlex.quote(path)}", timeout=30)
        else:
            self.sandbox.files.write(path, text.encode())

    def _texts(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in self.sandbox.files.walk():
            if len(found) >= KNOWN_LIMIT:
                return {}
            text = self._text_or_none(path)
            if text is not None:
                found[path] = text
        return found

    async def sources(self) -> dict[str, str]:
        """Return the text of the source files, tests included, in the languages that can be split."""
        return await asyncio.to_thread(self._sources)

    def _sources(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for path in self.sandbox.files.walk():
            if language_of(path):
                text = self._text_or_none(path)
                if text is not None:
                    found[path] = text
            if len(found) >= SOURCES_LIMIT:
                break
        return found

    def _text_or_none(self, path: str) -> str | None:
        try:
            return self.read(path)
        except (OSError, ValueError):
            return None


def normal(path: str) -> str:
    """Return a path as the rules see it: relative to the workspace, without `./`; raises ValueError."""
    inside = path.removeprefix("/workspace/")
    if inside.startswith("/"):
        raise ValueError(f"{path} is not in the repository; name paths from its top")
    parts = [part for part in inside.split("/") if part not in {"", "."}]
    return "/".join(parts)
