"""A repository on a page: its files with their sizes, and what each source file defines."""

from __future__ import annotations

import ast
import asyncio
import re
from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

from pushpals.audit.text import strip_unseen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIMIT: Final = 6_000
"""Characters of a map."""
MOST_READ: Final = 300
"""Source files that are opened for a map."""
LARGEST_READ: Final = 100_000
"""Bytes of a source file that is opened."""
MOST_NAMES: Final = 12
"""Definitions shown of one file."""

_PYTHON: Final = (".py", ".pyi")
_NAMED: Final = re.compile(
    r"^(?:export\s+)?(?:default\s+)?(?:pub(?:\([a-z]+\))?\s+)?(?:public\s+|abstract\s+|final\s+|async\s+)*"
    r"(?:function\s*\*?|class|interface|enum|type|const|let|var|func(?:\s*\([^)]*\))?|fn|struct|trait|def|module)"
    r"\s+(?P<name>[A-Za-z_$][\w$]*)",
    re.MULTILINE,
)
_OTHERS: Final = (
    *(".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".go", ".rs", ".java", ".kt", ".cs", ".rb", ".php"),
)
SOURCES: Final = (*_PYTHON, *_OTHERS)


class Entry(Protocol):
    """One file of a tree (see `pushpals.git.trees.TreeEntry`)."""

    @property
    def path(self) -> str:
        """Its path."""

    @property
    def size(self) -> int | None:
        """Its bytes; None for a submodule."""


class Tree(Protocol):
    """Reads a commit (see `pushpals.git.Mirror`)."""

    async def entries(self, treeish: str) -> Sequence[Entry]:
        """Return all files of a commit."""

    async def read_objects(self, *names: str) -> list[bytes | None]:
        """Return the bytes of each `commit:path`, None where there is none."""


async def read_sources(tree: Tree, commit: str, entries: Sequence[Entry]) -> dict[str, str]:
    """Return the text of the source files of a commit, by path: the shallowest first, as many as are read."""
    found = [e for e in entries if e.path.endswith(SOURCES) and 0 < (e.size or 0) <= LARGEST_READ]
    paths = [e.path for e in sorted(found, key=lambda e: (e.path.count("/"), e.path))][:MOST_READ]
    data = await tree.read_objects(*(f"{commit}:{path}" for path in paths))
    return {
        path: text.decode(errors="replace")
        for path, text in zip(paths, data, strict=True)
        if text is not None
    }


async def repository_map(tree: Tree, commit: str, limit: int = LIMIT) -> str:
    """Return the map of a commit in at most `limit` characters."""
    entries = await tree.entries(commit)
    sources = await read_sources(tree, commit, entries)
    return await asyncio.to_thread(draw_map, {e.path: e.size for e in entries}, sources, limit)


def draw_map(sizes: Mapping[str, int | None], sources: Mapping[str, str], limit: int = LIMIT) -> str:
    """Return one line for each file, with its size and definitions.

    Where that is too much, definitions go first, then the files of the deepest folders, which are counted.
    """
    defined = {path: definitions(path, text) for path, text in sources.items()}
    for names in (defined, {}):
        lines = [_file(path, sizes[path], names.get(path, ())) for path in sorted(sizes)]
        if (text := _page(lines)) and len(text) <= limit:
            return text
    deepest = max((path.count("/") for path in sizes), default=0)
    for depth in range(deepest - 1, -1, -1):
        if len(text := _page(_folded(sizes, depth))) <= limit:
            return text
    return _page(_folded(sizes, 0))[:limit]


def definitions(path: str, text: str) -> tuple[str, ...]:
    """Return the names that a source file defines at its top level, in order."""
    if not path.endswith(_PYTHON):
        return tuple(dict.fromkeys(found["name"] for found in _NAMED.finditer(text)))
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return tuple(dict.fromkeys(node.name for node in body if isinstance(node, kinds)))


def _file(path: str, size: int | None, names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "")
    return f"{path} ({_bytes(size)})" + (f": {shown}" if shown else "")


def _folded(sizes: Mapping[str, int | None], depth: int) -> list[str]:
    """Return the files down to `depth` folders, and how many there are below each folder beyond it."""
    below = Counter("/".join(path.split("/")[: depth + 1]) for path in sizes if path.count("/") > depth)
    files = {path: _file(path, size, ()) for path, size in sizes.items() if path.count("/") <= depth}
    folders = {folder: f"{folder}/ ({n} files)" for folder, n in below.items()}
    return [line for _, line in sorted({**files, **folders}.items())]


def _page(lines: Sequence[str]) -> str:
    return strip_unseen("\n".join(lines)).text


def _bytes(size: int | None) -> str:
    if size is None:
        return "submodule"
    return f"{size} B" if size < 1000 else f"{size / 1000:.0f} kB"  # noqa: PLR2004
