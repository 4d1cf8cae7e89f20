"""Code that a change adds and nothing can use: only what is certain from the diff alone."""

from __future__ import annotations

import ast
import itertools
import re
from typing import TYPE_CHECKING, Final

from pushpals.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushpals.policy.diff import DiffLine, FileDiff

RULE: Final = "dead-code"
_LEAST: Final = 2
"""Comment lines in a row from which on they may be code: a single one can be a remark about code."""
_COMMENT: Final = {
    ".py": re.compile(r"\s*#(?!!)\s?(.*)"),
    **dict.fromkeys((".js", ".jsx", ".ts", ".tsx", ".mjs"), re.compile(r"\s*//(?!/)\s?(.*)")),
    **dict.fromkeys((".go", ".rs", ".java", ".c", ".cpp", ".cs"), re.compile(r"\s*//(?!/)\s?(.*)")),
}
_BRACES_CODE: Final = re.compile(r".*[;{]\s*|\s*[})]+[;,]?\s*")
_ENDS: Final = re.compile(r"(\s*)(return|raise|break|continue)\b.*")
_PRIVATE: Final = re.compile(r"(?:async )?def (_[a-z]\w*)\(")
_STATEMENTS: Final = (
    ast.Assign,
    ast.AugAssign,
    ast.AnnAssign,
    ast.Return,
    ast.Delete,
    ast.Import,
    ast.ImportFrom,
    ast.If,
    ast.For,
    ast.While,
    ast.With,
    ast.Try,
    ast.Raise,
    ast.Assert,
    ast.FunctionDef,
    ast.ClassDef,
)


def dead_code(part: FileDiff, *, new: bool) -> Iterator[Finding]:
    """Yield code that was commented out, that cannot be reached, or that a new file never uses.

    `new`: the file is added by this change, so that the diff holds all of it.
    """
    for number in _commented_out(part):
        yield _finding(part, number, "Code is commented out here. Git keeps what was removed.")
    if part.path.endswith(".py"):
        for number in _unreachable(part.lines):
            yield _finding(part, number, "This line can not be reached: the one before it leaves.")
        if new:
            for number, name in _unused(part):
                yield _finding(part, number, f"Nothing in this new file uses `{name}`.")


def _finding(part: FileDiff, number: int, message: str) -> Finding:
    return Finding(rule=RULE, message=message, path=part.path, line=number)


def _commented_out(part: FileDiff) -> Iterator[int]:
    """Yield the first line of every run of added comment lines that is code as a whole."""
    suffix = "." + part.path.rpartition(".")[2]
    pattern = _COMMENT.get(suffix)
    if pattern is None:
        return
    numbered = enumerate(part.added)
    # Lines in a row keep the difference between their number and their place.
    for _, group in itertools.groupby(
        ((number - place, number, pattern.fullmatch(text)) for place, (number, text) in numbered),
        key=lambda item: (item[0], item[2] is not None),
    ):
        run = [(number, found[1]) for _, number, found in group if found]
        if len(run) >= _LEAST and _is_code([text for _, text in run], python=suffix == ".py"):
            yield run[0][0]


def _is_code(lines: Sequence[str], *, python: bool) -> bool:
    if not python:
        return all(_BRACES_CODE.fullmatch(line) for line in lines)
    body = _parsed("\n".join(lines))
    return body is not None and len(body) > 0 and all(_does_something(statement) for statement in body)


def _does_something(statement: ast.stmt) -> bool:
    """Tell a statement from a word that happens to parse."""
    called = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call | ast.Await)
    return called or isinstance(statement, _STATEMENTS)


def _unreachable(lines: Sequence[DiffLine]) -> Iterator[int]:
    """Yield added lines of Python that stand right behind a whole `return` and its like, equally deep."""
    here = [line for line in lines if line.mark != "-"]
    for before, after in itertools.pairwise(here):
        leaves = _ENDS.fullmatch(before.text)
        if not leaves or after.number != before.number + 1 or "+" not in {before.mark, after.mark}:
            continue
        depth = len(after.text) - len(after.text.lstrip())
        whole = _parsed(f"async def f():\n while 1:\n  {before.text.strip()}") is not None
        if whole and depth == len(leaves[1]) and _begins_statement(after.text.strip()):
            yield after.number


def _begins_statement(text: str) -> bool:
    """Tell whether a line surely is, or begins, a statement that does something."""
    body = _parsed(f"async def f():\n while 1:\n  {text}") or _parsed(
        f"async def f():\n while 1:\n  {text} pass"
    )
    if body is None or not text or text.startswith("#"):
        return False
    inner = body[0]
    loop = inner.body[0] if isinstance(inner, ast.AsyncFunctionDef) else None
    return isinstance(loop, ast.While) and all(_does_something(statement) for statement in loop.body)


def _unused(part: FileDiff) -> Iterator[tuple[int, str]]:
    """Yield private functions at the left margin of a new file that its text names only once."""
    text = "\n".join(line for _, line in part.added)
    above = ""
    for number, line in part.added:
        found = _PRIVATE.match(line)
        # A decorator may hand the function to somebody who calls it.
        decorated, above = above.startswith("@"), line
        if found and not decorated and len(re.findall(rf"\b{found[1]}\b", text)) == 1:
            yield number, found[1]


def _parsed(text: str) -> list[ast.stmt] | None:
    try:
        return ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
