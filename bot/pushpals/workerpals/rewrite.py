"""Put a model's corrected function into a file, and change as few lines as its meaning allows.

Small models rewrite a whole function more reliably than they quote parts of it. What they hand back is
taken apart by name; only functions they were shown are replaced, and lines that differ in spacing or
quotes alone stay as they were.
"""

from __future__ import annotations

import ast
import difflib
import re
import textwrap
from collections.abc import Collection, Sequence

from pushpals.workerpals.edits import EditError, indent_of, reindent
from pushpals.workerpals.functions import Unit, split

_FENCE = re.compile(r"```[\w+-]*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.DOTALL)


class Unchanged(EditError):  # noqa: N818 - reads as the state it reports
    """An answer holds the function as it was."""


def code_blocks(answer: str) -> list[str]:
    """Return the fenced code of an answer, longest first; the whole answer when there is no fence."""
    blocks = [block for block in _FENCE.findall(answer) if block.strip()]
    return sorted(blocks, key=len, reverse=True) if blocks else [answer.strip("\n")]


def rewrite(text: str, shown: Sequence[Unit], answer: str) -> str:
    """Return a file's text with the functions of an answer put in place of the `shown` ones of the same name.

    Raises EditError, with a text for the model, when the answer holds none of them, changes nothing, or
    does not parse. New imports and helper functions of a Python answer are taken along.
    """
    target = shown[0]
    problem = EditError(f"The answer holds no code for {target.name}. Reply with the complete function.")
    for block in code_blocks(answer):
        code = textwrap.dedent(block.expandtabs(4) if target.language == "python" else block)
        try:
            new = _python(text, shown, code) if target.language == "python" else _other(text, shown, code)
        except EditError as error:
            problem = error
            continue
        if new != text:
            return new
        problem = Unchanged(
            f"The answer leaves {target.name} as it was. The bug is still there: change the code."
        )
    raise problem


def _python(text: str, shown: Sequence[Unit], code: str) -> str:
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError) as error:
        raise EditError(f"The code does not parse: {error}. Reply with the complete function.") from None
    answered = {unit.name: unit for unit in split(shown[0].path, code)}
    existing = {unit.name for unit in split(shown[0].path, text)}
    lines = text.splitlines()
    helpers = [
        unit.source
        for name, unit in answered.items()
        if not unit.constant
        and "." not in name
        and name not in existing
        and not _is_shown_method(name, shown)
    ]
    replaced = 0
    for unit in sorted(shown, key=lambda unit: -unit.start):
        new = answered.get(unit.name) or answered.get(unit.short)
        if new is None:
            continue
        replaced += 1
        fresh = reindent(new.source.splitlines(), indent_of(new.source), indent_of(unit.source))
        fresh = [*_helper_lines(helpers, unit), *settle(unit, fresh)]
        helpers = helpers if "." in unit.name or unit.constant else []
        lines[unit.start - 1 : unit.end] = fresh
    if not replaced:
        raise EditError(f"The answer holds no code for {shown[0].name}. Reply with the complete function.")
    new_text = "\n".join(lines) + ("\n" if text.endswith("\n") else "")
    new_text = _with_imports(new_text, tree)
    require_parses(shown[0].path, new_text)
    return new_text


def _is_shown_method(name: str, shown: Sequence[Unit]) -> bool:
    return any(unit.short == name for unit in shown)


def _helper_lines(helpers: Sequence[str], unit: Unit) -> list[str]:
    if "." in unit.name or unit.constant:
        return []
    return [line for helper in helpers for line in (*helper.splitlines(), "", "")]


def settle(unit: Unit, fresh: list[str]) -> list[str]:
    """Return Python code that means what `fresh` means with as many of the unit's own lines as possible.

    The docstring, comments and the way of quoting stay unless the code around them changed.
    """
    old = unit.source.splitlines()
    merged: list[str] = []
    matcher = difflib.SequenceMatcher(
        a=[_essence(line) for line in old], b=[_essence(line) for line in fresh], autojunk=False
    )
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal" or (tag == "delete" and all(_is_quiet(line) for line in old[a:b])):
            merged += old[a:b]
        else:
            if d - c == 1:  # What was remarked above the one line still stands.
                merged += [line for line in old[a:b] if line.lstrip().startswith("#")]
            merged += fresh[c:d]
    merged = _with_docstring(unit, merged)
    return merged if _meaning(merged) == _meaning(fresh) is not None else fresh


def _essence(line: str) -> str:
    return re.sub(r"\s+", " ", line.replace("'", '"')).strip()


def _is_quiet(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _with_docstring(unit: Unit, lines: list[str]) -> list[str]:
    """Put the docstring back that the model dropped."""
    old, new = _function(unit.source.splitlines()), _function(lines)
    if old is None or new is None or ast.get_docstring(old) is None or ast.get_docstring(new) is not None:
        return lines
    statement = old.body[0]
    kept = textwrap.dedent(unit.source).splitlines()[statement.lineno - 1 : statement.end_lineno]
    indent = indent_of(lines[0])
    at = new.body[0].lineno - 1
    while at > 0 and _is_quiet(lines[at - 1]):
        at -= 1
    return [*lines[:at], *reindent(kept, "", indent), *lines[at:]]


def _function(lines: Sequence[str]) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    try:
        body = ast.parse(textwrap.dedent("\n".join(lines))).body
    except SyntaxError:
        return None
    return body[0] if len(body) == 1 and isinstance(body[0], ast.FunctionDef | ast.AsyncFunctionDef) else None


def _meaning(lines: Sequence[str]) -> str | None:
    """Return what Python makes of some lines, docstrings aside; None when it does not parse."""
    try:
        tree = ast.parse(textwrap.dedent("\n".join(lines)))
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.dump(tree)


def same_meaning(path: str, one: str, other: str) -> bool:
    """Tell whether two texts of a file mean the same, as far as that can be told without running them."""
    if path.endswith(".py"):
        meaning = _meaning(one.splitlines())
        return meaning is not None and meaning == _meaning(other.splitlines())
    return one.split() == other.split()


def _with_imports(text: str, answer: ast.Module) -> str:
    """Add the imports at the top of an answer that the file lacks."""
    have = {
        ast.unparse(node) for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom)
    }
    wanted = [ast.unparse(node) for node in answer.body if isinstance(node, ast.Import | ast.ImportFrom)]
    bound = _bound_names(ast.parse(text))
    new = []
    for node in answer.body:
        if isinstance(node, ast.Import | ast.ImportFrom) and ast.unparse(node) not in have:
            names = {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            if not names & bound and _is_used(text, names):
                new.append(ast.unparse(node))
    if not new or not wanted:
        return text
    at = _import_line(ast.parse(text))
    lines = text.splitlines()
    before = [] if at == 0 or not lines[at - 1].strip() or _imports_at(text, at) else [""]
    after = [] if at < len(lines) and _imports_at(text, at + 1) else [""] if at == 0 else []
    lines[at:at] = [*before, *new, *after]
    return "\n".join(lines) + ("\n" if text.endswith("\n") else "")


def _bound_names(tree: ast.Module) -> set[str]:
    names = {
        alias.asname or alias.name.partition(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    names |= {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return names


def _is_used(text: str, names: Collection[str]) -> bool:
    return any(re.search(rf"\b{re.escape(name)}\b", text) for name in names)


def _import_line(tree: ast.Module) -> int:
    """Return how many lines stand before a new import: those up to the last import, else the docstring."""
    at = 0
    for number, node in enumerate(tree.body):
        is_docstring = number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_docstring or isinstance(node, ast.Import | ast.ImportFrom):
            at = node.end_lineno or at
    return at


def _imports_at(text: str, line: int) -> bool:
    nodes = (node for node in ast.parse(text).body if isinstance(node, ast.Import | ast.ImportFrom))
    return any(node.lineno <= line <= (node.end_lineno or node.lineno) for node in nodes)


def require_parses(path: str, text: str) -> None:
    """Raise EditError when a Python file would not parse."""
    if not path.endswith(".py"):
        return
    try:
        ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise EditError(f"{path} would not parse: {error}. Reply with the complete function.") from None


def _other(text: str, shown: Sequence[Unit], code: str) -> str:
    """Replace functions of other languages by name; the answer must hold one of them with its header."""
    answered = {unit.name: unit for unit in split(shown[0].path, code)}
    lines = text.splitlines()
    replaced = 0
    for unit in sorted(shown, key=lambda unit: -unit.start):
        new = answered.get(unit.name)
        if new:
            replaced += 1
            source = new.source.splitlines()
            lines[unit.start - 1 : unit.end] = reindent(source, indent_of(source[0]), indent_of(unit.source))
    if not replaced:
        raise EditError(f"The answer holds no code for {shown[0].name}. Reply with the complete function.")
    return "\n".join(lines) + ("\n" if text.endswith("\n") else "")
