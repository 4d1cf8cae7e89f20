"""Reading the documentation: its pages, what they link to, and what they name in the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HOUSE = ROOT / "bot" / "pushpals"

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<to>[^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_COMMAND = re.compile(r"(?:^ {4,}|`)(?:\S+=\S+ )?(?:\S+/)?pushpals (?P<words>\w[^`\n]*)", re.MULTILINE)
_PLACE = re.compile(r"(?P<file>[\w./]+\.py)(?:::?(?P<name>[\w.]+))?")


def pages() -> list[Path]:
    """Return the pages of the documentation."""
    return [*sorted(DOCS.rglob("*.md")), ROOT / "SECURITY.md"]


def links(page: Path) -> Iterator[str]:
    """Yield where a page's links lead, those that leave the repository aside."""
    for found in _LINK.finditer(_without_blocks(page.read_text())):
        if "://" not in found["to"]:
            yield found["to"]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives a page's headings."""
    headings = re.findall(r"^#+ (.+)$", _without_blocks(page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(page: Path) -> list[str]:
    """Return what a page sets as code within lines."""
    return _CODE.findall(_without_blocks(page.read_text()))


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words after `pushpals` wherever a page calls it."""
    for found in _COMMAND.finditer(page.read_text()):
        yield found["words"].split()


def table(page: Path, first: str) -> list[list[str]]:
    """Return the rows of the table whose first heading is `first`, cell by cell."""
    lines = iter(page.read_text().splitlines())
    for line in lines:
        if line.startswith(f"| {first} |"):
            next(lines)
            rows: list[list[str]] = []
            for row in lines:
                if not row.startswith("|"):
                    return rows
                rows.append([cell.strip() for cell in row.strip("|").split(" | ")])
            return rows
    raise LookupError(f"{page.name} has no table that begins with {first}")


def variables(module: Path) -> Iterator[str]:
    """Yield the environment's variables that a module reads by name."""
    for node in ast.walk(ast.parse(module.read_text())):
        match node:
            case (
                ast.Call(
                    func=ast.Attribute(value=ast.Attribute(attr="environ")),
                    args=[ast.Constant(value=name), *_],
                )
                | ast.Subscript(value=ast.Attribute(attr="environ"), slice=ast.Constant(value=name))
            ):
                yield str(name)


def missing_place(place: str) -> str | None:
    """Return what is wrong with `file.py`, `file.py:name` or `tests/file.py::test`; None when it is there."""
    found = _PLACE.fullmatch(place)
    if found is None:
        return None
    file = ROOT / place.partition(":")[0] if place.startswith("tests/") else HOUSE / found["file"]
    if not file.is_file():
        return f"{place}: there is no such file"
    if found["name"] and not _defines(ast.parse(file.read_text()), found["name"].split(".")):
        return f"{place}: the file has no such name"
    return None


def _defines(tree: ast.AST, names: list[str]) -> bool:
    for node in ast.iter_child_nodes(tree):
        if names[0] in _names_of(node):
            return len(names) == 1 or _defines(node, names[1:])
    return False


def _names_of(node: ast.AST) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


def _without_blocks(text: str) -> str:
    """Leave out blocks of code, by indentation or fence: nothing in them is a heading or a link."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^ {4,}.*$", "", text, flags=re.MULTILINE)
