"""Roles as data: what a worker of a role may do, and what it is told. Pure: the files are read elsewhere.

A role is a Markdown file: front matter between two lines `---`, then its instructions. Seven come with
PushPals. A repository adds its own in `.github/pushpals/roles/`, or narrows one of the seven by a file of the
same name. It never gets more than the policy leaves it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from pushpals.model import Bounds, Frozen
from pushpals.policy.globs import covers, glob_problem
from pushpals.policy.repo_policy import RepoPolicy, Section
from pushpals.policy.yaml_source import Misread, read_yaml

ROLES_FOLDER: Final = ".github/pushpals/roles"
BUILT_IN_ROLES: Final = (
    "bug_fixer",
    "ci_medic",
    "conflict_resolver",
    "dependency_steward",
    "performance_tuner",
    "refactorer",
    "security_sentinel",
)
DEFAULT_ROLE: Final = "bug_fixer"
MAX_BYTES: Final = 16_000
MAX_ROLES: Final = 20

Mode = Literal["plan", "implement", "bugfix", "review"]
Tool = Literal["read", "search", "list", "edit", "write", "run"]
LOOKING: Final[tuple[Tool, ...]] = ("read", "search", "list")
MODE_TOOLS: Final[Mapping[Mode, tuple[Tool, ...]]] = {
    "plan": LOOKING,
    "review": LOOKING,
    "bugfix": (*LOOKING, "edit", "write", "run"),
    "implement": (*LOOKING, "edit", "write", "run"),
}
"""What each mode allows at most. Plans and reviews look; they change nothing and run nothing."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_FRONT: Final = re.compile(
    r"\A---[ \t]*\r?\n(?P<yaml>.*?)^---[ \t]*\r?$\n?(?P<text>.*)\Z", re.DOTALL | re.MULTILINE
)


def _matchable(pattern: str) -> str:
    if problem := glob_problem(pattern):
        raise ValueError(problem)
    return pattern


class RoleLimits(Section):
    """What one job of the role may use. A key that is missing leaves the policy's own limit."""

    turns: int | None = Field(default=None, ge=1, le=50)
    """Turns of the agent."""
    files: int | None = Field(default=None, ge=1, le=300)
    """Files changed."""
    lines: int | None = Field(default=None, ge=1, le=100_000)
    """Lines added and removed, together."""


class FrontMatter(Section):
    """The head of a role's file."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^\S[^\r\n]*$")]
    """The role's name for people."""
    modes: tuple[Mode, ...] = Field(default=("implement", "bugfix"), min_length=1)
    """What it is for: `plan` and `review` only look, `bugfix` and `implement` change files."""
    tools: tuple[Tool, ...] = Field(default=(*LOOKING, "edit", "write", "run"), min_length=1)
    """The tools its worker has: of `read`, `search`, `list`, `edit`, `write`, `run`."""
    scope: tuple[
        Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_matchable)], ...
    ] = Field(default=("**",), min_length=1)
    """Paths it may change, as patterns. The policy and the task narrow them further."""
    limits: RoleLimits = RoleLimits()
    """What one job of it may use."""


class Role(Frozen):
    """One role: who it is, and what bounds it."""

    name: str
    title: str
    modes: tuple[Mode, ...]
    bounds: Bounds
    instructions: str

    @property
    def changes_files(self) -> bool:
        """Whether a worker of it can do a task at all: it has a mode and a tool that change files."""
        works = {"bugfix", "implement"} & set(self.modes)
        return bool(works and {"edit", "write"} & set(self.bounds.tools or ()))


class RoleProblem(Frozen):
    """Why a role's file is not used. `line` counts from 1."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        """Return `path line 3: message`."""
        return f"{self.path} line {self.line}: {self.message}"


class Roles(Frozen):
    """All roles of a repository by name, and what is wrong with the files that are not used."""

    by_name: Mapping[str, Role]
    problems: tuple[RoleProblem, ...] = ()

    def get(self, name: str) -> Role | None:
        """Return a role, or None when there is none of that name."""
        return self.by_name.get(name)


def gather(built_in: Mapping[str, str], added: Mapping[str, str], policy: RepoPolicy) -> Roles:
    """Return the roles from texts by path: those that come with PushPals, then the repository's own.

    A file of the repository that cannot be read, or would widen what it may, is left out and reported; a
    built-in role then stays as it was. Raises ValueError for a broken built-in file.
    """
    roles: dict[str, Role] = {}
    for path, text in built_in.items():
        role = parse_role(path, text)
        if isinstance(role, RoleProblem):
            raise ValueError(str(role))  # noqa: TRY004 - a defect of the package, not of a type
        roles[role.name] = role
    problems: list[RoleProblem] = []
    for path, text in sorted(added.items())[:MAX_ROLES]:
        role = parse_role(path, text)
        if isinstance(role, RoleProblem):
            problems.append(role)
        elif wider := next(_wider(role, roles.get(role.name), policy), None):
            problems.append(RoleProblem(path=path, line=_line_of(text, wider[0]), message=wider[1]))
        else:
            roles[role.name] = role
    if len(added) > MAX_ROLES:
        message = f"there are {len(added)} role files; the first {MAX_ROLES} by name are read"
        problems.append(RoleProblem(path=ROLES_FOLDER, line=1, message=message))
    return Roles(by_name=roles, problems=tuple(problems))


def parse_role(path: str, text: str) -> Role | RoleProblem:
    """Read one role's file; its name is the file's. Raises nothing."""
    name = path.rpartition("/")[2].removesuffix(".md")
    if not _NAME.fullmatch(name):
        return _problem(path, 1, f"{name!r} is no name of a role: use lower-case letters, digits and '_'")
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        return _problem(path, 1, f"the file has more than {MAX_BYTES:,} bytes")
    parts = _FRONT.match(text)
    if parts is None:
        return _problem(path, 1, "the file begins with '---', 'key: value' lines and another '---'")
    try:
        data = read_yaml(parts["yaml"]).data
        front = FrontMatter.model_validate_json(json.dumps(data or {}), strict=True)
    except Misread as error:
        return _problem(path, error.line + 2, error.message)
    except ValidationError as error:
        return _invalid(path, text, error)
    instructions = parts["text"].strip()
    if not instructions:
        return _problem(path, text.count("\n") + 1, "there are no instructions below the second '---'")
    allowed = {tool for mode in front.modes for tool in MODE_TOOLS[mode]}
    limits = front.limits
    return Role(
        name=name,
        title=front.title,
        modes=front.modes,
        bounds=Bounds(
            within=front.scope,
            tools=tuple(tool for tool in front.tools if tool in allowed),
            turns=limits.turns,
            files=limits.files,
            lines=limits.lines,
        ),
        instructions=instructions,
    )


def _wider(role: Role, was: Role | None, policy: RepoPolicy) -> Iterator[tuple[str, str]]:
    """Yield what a role of the repository would widen, as (key, sentence)."""
    for glob in role.bounds.within:
        # `**` is all that the policy allows.
        if glob != "**" and not covers(policy.scope.write, glob):
            yield "scope", f"`{glob}` is not inside the paths the policy lets be changed (scope.write)"
    limits = (
        ("files", policy.limits.files, "limits.files"),
        ("lines", policy.limits.lines, "limits.lines"),
        ("turns", policy.budget.turns, "budget.turns"),
    )
    for key, most, where in limits:
        value = getattr(role.bounds, key)
        if value is not None and value > most:
            yield key, f"`{key}: {value}` is more than the policy's {most} ({where})"
    if was is not None:
        yield from _wider_than_built_in(role.bounds, was.bounds)


def _wider_than_built_in(own: Bounds, built_in: Bounds) -> Iterator[tuple[str, str]]:
    for glob in own.within:
        if not covers(built_in.within, glob):
            yield "scope", f"`{glob}` is outside what the built-in role may change"
    more = set(own.tools or ()) - set(built_in.tools or ())
    if more:
        yield "tools", f"the built-in role has no {', '.join(sorted(more))}; a file may take tools away only"
    for key in ("files", "lines", "turns"):
        most, value = getattr(built_in, key), getattr(own, key)
        if most is not None and (value is None or value > most):
            yield key, f"`{key}` is more than the built-in role's {most}"


def _invalid(path: str, text: str, error: ValidationError) -> RoleProblem:
    first = error.errors()[0]
    key = next((str(part) for part in first["loc"] if isinstance(part, str)), "")
    inner = str(first["loc"][-1]) if first["loc"] else key
    if first["type"] == "extra_forbidden":
        known = [*FrontMatter.model_fields, *RoleLimits.model_fields]
        near = difflib.get_close_matches(inner, known, n=1)
        message = f"unknown key {inner!r}" + (f"; did you mean {near[0]!r}?" if near else "")
        return _problem(path, _line_of(text, inner), message)
    if first["type"] == "missing":
        return _problem(path, 1, f"`{key}` is missing")
    return _problem(path, _line_of(text, key), f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}")


def _line_of(text: str, key: str) -> int:
    """Return the line, from 1, where a key of the front matter stands; 1 when it does not."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"[\s{{,]*{re.escape(key)}\s*:", line) or re.search(
            rf"[{{,]\s*{re.escape(key)}\s*:", line
        ):
            return number
    return 1


def _problem(path: str, line: int, message: str) -> RoleProblem:
    return RoleProblem(path=path, line=line, message=message)
