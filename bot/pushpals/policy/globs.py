"""Path patterns, with the meaning they have in `.gitignore` (gitignore(5)), except that `!` does not negate.

- `*` matches within one path component, `?` one character, `[a-z]` and `[!a-z]` one of a set.
- A pattern without a slash, other than a last one, matches at any depth: `*.py`, `CODEOWNERS`.
- A pattern with a slash is anchored at the root: `src/app.py`, `/setup.py`.
- `**` as a whole component matches any number of components: `**/tests/**`, `src/**/api.py`.
- A pattern that matches a folder matches everything in it: `docs`, `docs/`.

Matching is by bounded work: no regular expression is built from a pattern, so none can be made slow.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache


def glob_problem(pattern: str) -> str | None:
    """Return why `pattern` cannot be used, as a phrase that follows its name, or None when it can."""
    if pattern.startswith("!"):
        return "starts with '!', but there is no negation: list what is meant instead"
    if "\\" in pattern:
        return "has a backslash; write paths with '/'"
    if pattern != pattern.strip() or not pattern.isprintable():
        return "has spaces around it, or invisible characters"
    if not pattern.strip("/"):
        return "names nothing; for every file write '**'"
    if any(part in {".", ".."} for part in pattern.split("/")):
        return "has a '.' or '..' component; paths start at the root of the repository"
    if any(_has_open_set(part) for part in pattern.split("/")):
        return "opens a '[' that is not closed by ']'"
    return None


def matches(pattern: str, path: str, *, ignore_case: bool = False) -> bool:
    """Tell whether `pattern` matches the file `path` (relative, `/` separated) or a folder it is in."""
    if ignore_case:
        pattern, path = pattern.casefold(), path.casefold()
    wanted, only_folders = _components(pattern)
    parts = tuple(path.split("/"))
    # A pattern with a last slash names folders, so the whole path, being a file, does not count.
    longest = len(parts) - 1 if only_folders else len(parts)
    return any(_match_parts(wanted, parts[:depth]) for depth in range(1, longest + 1))


def first_match(patterns: Iterable[str], path: str, *, ignore_case: bool = False) -> str | None:
    """Return the first of `patterns` that matches `path`, or None."""
    return next((glob for glob in patterns if matches(glob, path, ignore_case=ignore_case)), None)


def covers(outer: Iterable[str], inner: str) -> bool:
    """Tell whether some pattern of `outer` certainly matches all that `inner` may match.

    False also where it cannot be told from the patterns alone: `*.py` against `src/**`, say.
    """
    literal = not any(char in inner for char in "*?[") and not inner.endswith("/")
    body = inner.lstrip("/")
    for pattern in outer:
        folder = pattern.removesuffix("**").lstrip("/") if pattern.endswith("/**") else None
        if pattern in {inner, "**", "/**", "**/*"}:
            return True
        if pattern.endswith("/") and "/" in pattern[:-1]:
            folder = pattern.lstrip("/")
        if folder and not any(char in folder for char in "*?["):
            # A slash within or in front anchors a pattern; without one it matches at any depth.
            anchored = "/" in inner.rstrip("/")
            if anchored and body.startswith(folder):
                return True
        if literal and "/" in inner and matches(pattern, body):
            return True
    return False


@lru_cache(maxsize=1024)
def _components(pattern: str) -> tuple[tuple[str, ...], bool]:
    """Split a pattern, giving unanchored ones a leading `**`; tell whether it names only folders."""
    only_folders = pattern.endswith("/")
    body = pattern.rstrip("/")
    anchored = "/" in body
    parts = tuple(part for part in body.split("/") if part)
    if not anchored:
        parts = ("**", *parts)
    if parts and parts[-1] == "**":
        # `a/**` is what is inside `a`, not a file named `a`: the last stars take at least one component.
        parts = (*parts, "*")
    return parts, only_folders


def _match_parts(wanted: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Match components with `**`: the states are positions in `wanted`, advanced component by component."""
    states = _skip_stars({0}, wanted)
    for part in parts:
        after: set[int] = set()
        for state in states:
            if state == len(wanted):
                continue
            if wanted[state] == "**":
                after.add(state)
            elif _match_one(wanted[state], part):
                after.add(state + 1)
        states = _skip_stars(after, wanted)
    return len(wanted) in states


def _skip_stars(states: set[int], wanted: tuple[str, ...]) -> set[int]:
    """Add the positions reachable by letting `**` match nothing."""
    reached = set(states)
    for state in states:
        position = state
        while position < len(wanted) and wanted[position] == "**":
            position += 1
            reached.add(position)
    return reached


def _match_one(glob: str, name: str) -> bool:
    """Match one component. Only the last star is ever reconsidered, so the work is at most len x len."""
    at_glob = at_name = 0
    star: int | None = None
    star_name = 0
    while at_name < len(name):
        if at_glob < len(glob) and glob[at_glob] == "*":
            star, star_name = at_glob, at_name
            at_glob += 1
            continue
        width = _match_char(glob, at_glob, name[at_name])
        if width:
            at_glob += width
            at_name += 1
        elif star is not None:
            star_name += 1
            at_glob, at_name = star + 1, star_name
        else:
            return False
    return not glob[at_glob:].strip("*")


def _match_char(glob: str, at: int, char: str) -> int:
    """Return how many characters of `glob` at `at` match `char`: 0 for no match, more than 1 for a set."""
    if at >= len(glob):
        return 0
    if glob[at] == "?":
        return 1
    if glob[at] == "[":
        end = _set_end(glob, at)
        return 0 if end is None or not _in_set(glob[at + 1 : end], char) else end + 1 - at
    return int(glob[at] == char)


def _set_end(glob: str, at: int) -> int | None:
    """Return where the set opened at `at` closes; a `]` that comes first in it is a member."""
    first = at + 1
    if first < len(glob) and glob[first] in "!^":
        first += 1
    end = glob.find("]", first + 1)
    return None if end < 0 else end


def _has_open_set(part: str) -> bool:
    """Tell whether a component opens a set that it does not close; such a pattern would match nothing."""
    at = part.find("[")
    while at >= 0:
        end = _set_end(part, at)
        if end is None:
            return True
        at = part.find("[", end + 1)
    return False


def _in_set(body: str, char: str) -> bool:
    """Tell whether `char` is in the set `body`, such as `a-z_` or `!0-9`."""
    negated = body[0] in "!^"
    rest = body[1:] if negated else body
    found = False
    while rest:
        if len(rest) > 2 and rest[1] == "-":  # noqa: PLR2004 - the three characters of a range
            found = found or rest[0] <= char <= rest[2]
            rest = rest[3:]
        else:
            found = found or rest[0] == char
            rest = rest[1:]
    return found != negated
