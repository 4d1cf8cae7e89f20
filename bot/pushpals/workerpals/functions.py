"""Split source files into functions: by `ast` for Python, by headers and braces for other languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

LANGUAGES = {
    ".py": "python",
    ".js": "javascript",
    ".cjs": "javascript",
    ".mjs": "javascript",
    ".jsx": "javascript",
    ".ts": "typescript",
    ".tsx": "typescript",
    ".go": "go",
    ".rs": "rust",
    ".java": "java",
    ".kt": "kotlin",
    ".cs": "csharp",
    ".php": "php",
    ".rb": "ruby",
    ".c": "c",
    ".h": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".hpp": "cpp",
}
"""The languages whose functions can be told apart, by file name suffix."""

_TEST_FILE = re.compile(
    r"(^|/)(tests?|specs?|__tests__)/|(^|/)(test_[^/]*|conftest\.py$)|[._-](test|spec)s?\.\w+$"
)
# fmt: off
_NOT_A_FUNCTION = frozenset((
    "if", "for", "while", "switch", "catch", "return", "else", "do", "try", "with", "function", "match",
    "loop", "sizeof", "new", "throw", "await",
))
# fmt: on
_MODIFIERS = (
    r"(?:public|private|protected|internal|static|final|abstract|override|async|virtual|inline|const|unsafe)"
)
_BRACED = {
    "javascript": (
        r"^[ \t]*(?:export\s+)?(?:default\s+)?(?:async\s+)?function\s*\*?\s*(?P<name>[\w$]+)\s*\(",
        (
            r"^[ \t]*(?:export\s+)?(?:const|let|var)\s+(?P<name>[\w$]+)\s*(?::[^=\n]+)?=\s*(?:async\s*)?"
            r"(?:function\b|(?:\([^)]*\)|[\w$]+)\s*(?::[^=\n]+)?=>)"
        ),
        (
            r"^[ \t]*(?:exports|module\.exports)\.(?P<name>[\w$]+)\s*=\s*(?:async\s*)?"
            r"(?:function\b|(?:\([^)]*\)|[\w$]+)\s*=>)"
        ),
        (
            rf"^[ \t]+(?:{_MODIFIERS}\s+)*(?:get\s+|set\s+)?\*?(?P<name>[\w$#]+)\s*(?:<[^>\n]*>)?"
            r"\([^;\n]*\)\s*(?::[^{\n]+)?\{"
        ),
    ),
    "go": (r"^func\s+(?:\([^)]*\)\s*)?(?P<name>\w+)\s*(?:\[[^\]]*\])?\(",),
    "rust": (r"^[ \t]*(?:pub(?:\([^)]*\))?\s+)?(?:const\s+|async\s+|unsafe\s+)*fn\s+(?P<name>\w+)\s*[(<]",),
    "kotlin": (rf"^[ \t]*(?:{_MODIFIERS}\s+)*fun\s+(?:<[^>]*>\s*)?(?:[\w.]+\.)?(?P<name>\w+)\s*\(",),
    "php": (rf"^[ \t]*(?:{_MODIFIERS}\s+)*function\s+&?(?P<name>\w+)\s*\(",),
    "c": (
        (
            rf"^[ \t]*(?:{_MODIFIERS}\s+)*(?:[\w:<>,\[\]?*&]+[ \t\n*&]+)+(?:\w+::)*(?P<name>~?\w+)\s*"
            r"\([^;{}]*\)\s*(?:const\s*)?(?:throws\s+[\w.,\s]+)?\{"
        ),
    ),
}
_BRACED["typescript"] = _BRACED["javascript"]
_BRACED["java"] = _BRACED["csharp"] = _BRACED["cpp"] = _BRACED["c"]


@dataclass(frozen=True)
class Unit:
    """A function, a method or a module's constant: the smallest piece that is replaced as a whole."""

    path: str
    name: str
    """Qualified within the file: `slugify`, `Store.visible`."""
    start: int
    """First line, counted from 1, decorators included."""
    end: int
    """Last line, included."""
    source: str
    """The lines as they stand in the file, without the last line end."""
    constant: bool = False
    """Whether this is an assignment at the top of a module."""

    @property
    def short(self) -> str:
        """The name without its class."""
        return self.name.rpartition(".")[2]

    @property
    def language(self) -> str:
        """The language, as named by a code fence."""
        return language_of(self.path)


def language_of(path: str) -> str:
    """Return the language of a file by its suffix, or an empty string."""
    return LANGUAGES.get(PurePosixPath(path).suffix, "")


def is_test(path: str) -> bool:
    """Tell whether a path looks like a test or a helper of tests."""
    return bool(_TEST_FILE.search(path))


def split(path: str, text: str) -> list[Unit]:
    """Return the functions of a file in the order they stand; Python's constants too.

    A Python file that does not parse, and a language nobody knows, have none.
    """
    language = language_of(path)
    lines = text.splitlines()
    if language == "python":
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            return []
        spans = list(_python_spans(tree.body, ""))
    elif language == "ruby":
        spans = list(_ruby_spans(lines))
    elif language in _BRACED:
        spans = list(_braced_spans(language, text))
    else:
        return []
    return [
        Unit(path, name, start, end, "\n".join(lines[start - 1 : end]), constant)
        for name, start, end, constant in spans
    ]


_Span = tuple[str, int, int, bool]


def _python_spans(body: list[ast.stmt], prefix: str) -> Iterator[_Span]:
    for node in body:
        end = node.end_lineno or node.lineno
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            yield prefix + node.name, first, end, False
        elif isinstance(node, ast.ClassDef):
            yield from _python_spans(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.If | ast.Try):
            yield from _python_spans(node.body, prefix)
            yield from _python_spans(node.orelse, prefix)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name):
                yield prefix + target.id, node.lineno, end, True


def _ruby_spans(lines: list[str]) -> Iterator[_Span]:
    for number, line in enumerate(lines, start=1):
        header = re.match(r"([ \t]*)def\s+(?:self\.)?([\w?!=]+)", line)
        if not header:
            continue
        for end in range(number, len(lines)):
            if re.match(rf"{header[1]}end\b", lines[end]):
                yield header[2], number, end + 1, False
                break


def _braced_spans(language: str, text: str) -> Iterator[_Span]:
    found: dict[int, tuple[str, int]] = {}
    tokens = _RUST_TOKENS if language == "rust" else _TOKENS
    for pattern in _BRACED[language]:
        for header in re.finditer(pattern, text, re.MULTILINE):
            name = header["name"]
            if name in _NOT_A_FUNCTION:
                continue
            end = _end_of_body(text, header.start("name"), tokens)
            if end is not None:
                start = header.start() + len(header[0]) - len(header[0].lstrip("\n"))
                found.setdefault(start, (name, end))
    last_end = -1
    for start in sorted(found):
        name, end = found[start]
        if start < last_end:
            continue  # A function inside a function belongs to the outer one.
        last_end = end
        yield name, text.count("\n", 0, start) + 1, text.count("\n", 0, end) + 1, False


_LEXEMES = r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])%s'|`(?:\\.|[^`\\])*`|[{}();]"
_TOKENS = re.compile(_LEXEMES % "*", re.DOTALL)
# A single quote opens a lifetime in Rust, unless it closes again after one character.
_RUST_TOKENS = re.compile(_LEXEMES % "", re.DOTALL)


def _end_of_body(text: str, position: int, tokens: re.Pattern[str]) -> int | None:
    """Return the offset just behind a body in braces, or of a braceless arrow function's end."""
    depth = brackets = 0
    for token in tokens.finditer(text, position):
        mark = token[0]
        if mark in "()":
            brackets += 1 if mark == "(" else -1
        elif mark == "{" and (brackets == 0 or depth):
            depth += 1
        elif mark == "}" and depth:
            depth -= 1
            if depth == 0:
                return token.end()
        elif mark == ";" and depth == 0 and brackets == 0:
            return token.end() if "=>" in text[position : token.start()] else None
    return None
