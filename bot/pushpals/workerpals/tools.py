"""The tools of the free loop: they look at the workspace, change it inside the scope, and run commands."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pushpals.llm.api import ToolCall, ToolSpec
from pushpals.workerpals.assignment import Assignment
from pushpals.workerpals.bench import Bench
from pushpals.workerpals.checks import clip
from pushpals.workerpals.edits import EditError, replace
from pushpals.workerpals.events import ToolUsed, one_line
from pushpals.workerpals.explore import Explorer
from pushpals.workerpals.metered import MeteredModel
from pushpals.workerpals.permit import Permit
from pushpals.workerpals.protocol import missing, tidy
from pushpals.workerpals.rewrite import require_parses
from pushpals.workerpals.workspace import NotAllowed

READ_LINES: Final = 300
ANSWER_LIMIT: Final = 8_000
"""Characters a tool may answer with."""
HITS: Final = 60
LIST_LIMIT: Final = 300
COMMAND_SECONDS: Final = 120.0
_SEARCH_SECONDS: Final = 30.0


def _spec(name: str, description: str, required: Mapping[str, str], **optional: tuple[str, str]) -> ToolSpec:
    """Describe a tool: `required` arguments are text, optional ones are (type, description)."""
    properties = {key: _described("string", about) for key, about in required.items()}
    properties |= {key: _described(kind, about) for key, (kind, about) in optional.items()}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
    return ToolSpec(name, description, schema)


def _described(kind: str, about: str) -> dict[str, Any]:
    described: dict[str, Any] = {"type": kind, "description": about}
    return described | {"items": {"type": "string"}} if kind == "array" else described


SPECS: Final = (
    _spec(
        "read",
        "Show a file, or some lines of it.",
        {"path": "path from the top of the repository"},
        start=("integer", "first line, from 1"),
        end=("integer", "last line"),
    ),
    _spec(
        "search",
        "Find lines in files.",
        {"pattern": "extended regular expression"},
        path=("string", "folder or file to search, everything by default"),
    ),
    _spec("list", "List a folder.", {}, path=("string", "folder, the top by default")),
    _spec(
        "edit",
        "Replace text in a file. The old text must stand there once; quote whole lines.",
        {"path": "file", "old": "the lines as they are", "new": "the lines as they should be"},
    ),
    _spec("write", "Create a file, or replace all of it.", {"path": "file", "content": "the whole text"}),
    _spec("run", "Run a shell command, such as a test. There is no network.", {"command": "the command"}),
    _spec(
        "done",
        "End the work when the task is done.",
        {"summary": "what was changed and why, in two sentences"},
    ),
)
LOOKING: Final = tuple(spec for spec in SPECS if spec.name in {"read", "search", "list"})
_RUN_OR_ASK: Final = _spec(
    "run",
    "Run a shell command, such as a test. There is no network. An unusual one stops the work until a person "
    "has said yes, and only runs with a reason.",
    {"command": "the command"},
    reason=("string", "for an unusual command: why nothing else will do"),
)
_EXPLORE: Final = _spec(
    "explore",
    "Let helpers that can only read look into up to {most} questions about the code at once. Good for "
    "finding several things in a large repository; each takes turns of yours.",
    {},
    questions=("array", "the questions, each complete in itself"),
)


def specs_for(assignment: Assignment, *, native: bool) -> tuple[ToolSpec, ...]:
    """Return the tools that a role leaves its worker; `done` is always among them.

    Exploring and asking a person are for models that take tools as such (`native`). Helpers have no more than
    the tools that look, so whoever has all of those may send them.
    """
    left = assignment.tools
    kept = {spec.name for spec in (*SPECS, _EXPLORE)} if left is None else {*left, "done"}
    if kept >= {spec.name for spec in LOOKING}:
        kept.add("explore")
    asks = native and assignment.may_ask and assignment.allowlist is not None
    specs = [_RUN_OR_ASK if spec.name == "run" and asks else spec for spec in SPECS]
    if native and assignment.explorers:
        description = _EXPLORE.description.format(most=assignment.explorers)
        specs.insert(len(LOOKING), dataclasses.replace(_EXPLORE, description=description))
    return tuple(spec for spec in specs if spec.name in kept)


class Toolbox:
    """Carries out tool calls; what goes wrong is an answer for the model, not an exception."""

    def __init__(
        self,
        bench: Bench,
        model: MeteredModel,
        specs: Sequence[ToolSpec] = SPECS,
        *,
        permit: Permit | None = None,
        explorer: Explorer | None = None,
    ) -> None:
        """`permit` None: every command may run; `explorer` None: there is no `explore` among `specs`."""
        self._bench = bench
        self._permit = permit
        self._explorer = explorer
        self._workspace = bench.workspace
        self._model = model
        self._specs = {spec.name: spec for spec in specs}
        self.changed = 0
        """How many edits were made."""

    async def use(self, call: ToolCall) -> str:
        """Return what a tool says to a call. `done` is for the loop to notice.

        Raises CommandAsked when a person has to say yes to a command first.
        """
        spec = self._specs.get(call.name)
        if spec is None:
            return f"There is no tool {call.name!r}. The tools are: {', '.join(self._specs)}."
        arguments = tidy(spec, call.arguments)
        problem = missing(spec, arguments)
        if problem:
            return problem
        try:
            return await self._answer(call.name, arguments)
        except (NotAllowed, EditError) as error:
            return str(error)
        except (OSError, ValueError) as error:
            return f"{call.name} failed: {error}"

    async def _answer(self, name: str, arguments: Mapping[str, Any]) -> str:
        if name == "run":
            return await self._run(arguments["command"], arguments.get("reason", ""))
        if name == "explore" and self._explorer:
            return await self._explorer.answer(arguments.get("questions"))
        if name == "search":
            return await self._search(arguments["pattern"], arguments.get("path", "."))
        quick: dict[str, Callable[..., str]] = {
            "read": self._read,
            "list": self._list,
            "edit": self._edit,
            "write": self._write,
        }
        return quick[name](**arguments)

    def _read(self, path: str, start: int = 1, end: int | None = None) -> str:
        lines = self._workspace.read(path).splitlines()
        start = max(1, start)
        end = min(len(lines), end if end is not None else len(lines), start + READ_LINES - 1)
        self._tell(
            "read", f"read {path}" + ("" if (start, end) == (1, len(lines)) else f" lines {start} to {end}")
        )
        if not lines:
            return f"{path} is empty."
        if start > len(lines):
            return f"{path} has only {len(lines)} lines."
        more = f" Read from line {end + 1} for more." if end < len(lines) else ""
        return clip(
            f"{path}, lines {start} to {end} of {len(lines)}.{more}\n" + "\n".join(lines[start - 1 : end]),
            ANSWER_LIMIT,
        )

    def _list(self, path: str = ".") -> str:
        names = self._workspace.sandbox.files.listdir(path)
        self._tell("list", f"list {path}")
        shown = "\n".join(names[:LIST_LIMIT]) or "(empty)"
        return shown if len(names) <= LIST_LIMIT else f"{shown}\n… and {len(names) - LIST_LIMIT} more"

    async def _search(self, pattern: str, path: str) -> str:
        """Search inside the sandbox: a pattern that takes for ever takes it from there, and not from us."""
        self._tell("search", f"search {pattern} in {path}")
        skipped = "--exclude-dir=.git --exclude-dir=node_modules"
        command = f"grep -rnIE {skipped} -e {shlex.quote(pattern)} -- {shlex.quote(path)}"
        result = await self._workspace.sandbox.run(command, timeout=_SEARCH_SECONDS)
        hits = [line[:200] for line in result.output.splitlines()]
        if result.exit_code == 1 and not hits:
            return "Nothing found."
        if len(hits) > HITS:
            hits = [*hits[:HITS], f"… and {len(hits) - HITS} more lines. Search for something rarer."]
        return clip("\n".join(hits) or f"The search ended by {result.ended}.", ANSWER_LIMIT)

    def _edit(self, path: str, old: str, new: str) -> str:
        self._workspace.require_writable(path)
        edited = replace(self._workspace.read(path), old, new)
        require_parses(path, edited.text)
        self._bench.write(path, edited.text)
        self.changed += 1
        return f"{path} is changed (the old text was found {edited.how})."

    def _write(self, path: str, content: str) -> str:
        require_parses(path, content)
        self._bench.write(path, content)
        self.changed += 1
        return f"{path} is written."

    async def _run(self, command: str, reason: str) -> str:
        instead = self._permit.check(command, reason) if self._permit else None
        if instead:
            return instead
        seconds = max(5.0, min(COMMAND_SECONDS, self._model.seconds_left))
        result = await self._workspace.sandbox.run(command, timeout=seconds)
        self._model.commands += 1
        ending = f"exit code {result.exit_code}" if result.ended == "exited" else f"stopped: {result.ended}"
        self._tell(
            "run",
            f"$ {command} ({ending}, {result.seconds:.1f} s)",
            f"$ {command}\n{result.output}\n[{ending}]",
        )
        refusals = await self._workspace.notice()
        return "\n".join([clip(result.output.rstrip(), ANSWER_LIMIT), f"[{ending}]", *refusals])

    def _tell(self, name: str, line: str, detail: str = "") -> None:
        self._bench.emit(ToolUsed(name, one_line(line), detail))
