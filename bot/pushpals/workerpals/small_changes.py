"""Small changes of Python that mend common mistakes: another operator, bound, constant, variable or call.

Most small bugs are one such change away from right code (Just and others, "Are mutants a valid substitute
for real faults in software testing?", 2014). They are enumerated from the syntax tree, the likeliest first;
which of them is right is for the tests to say.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pushpals.workerpals.functions import Unit

_COMPARE: Final = {
    "Lt": ("<=", ">", ">="), "LtE": ("<", ">", ">="), "Gt": (">=", "<", "<="), "GtE": (">", "<", "<="),
    "Eq": ("!=", ">=", "<="), "NotEq": ("==",), "In": ("not in",), "NotIn": ("in",), "Is": ("is not",),
    "IsNot": ("is",),
}  # fmt: skip
_BINARY: Final = {
    "Add": ("-",), "Sub": ("+",), "Mult": ("/", "//", "**"), "Div": ("*", "//"), "FloorDiv": ("/", "%"),
    "Mod": ("//",), "Pow": ("*",), "BitAnd": ("|",), "BitOr": ("&",), "LShift": (">>",), "RShift": ("<<",),
}  # fmt: skip
_PAIRS: Final = (
    ("isalpha", "isalnum"), ("isdigit", "isalnum"), ("isalpha", "isidentifier"), ("ljust", "rjust"),
    ("ljust", "center"), ("rjust", "center"), ("startswith", "endswith"), ("min", "max"),
    ("append", "extend"),
    ("lower", "upper"), ("lstrip", "rstrip"), ("strip", "rstrip"), ("strip", "lstrip"), ("any", "all"),
    ("find", "rfind"), ("index", "rindex"), ("split", "rsplit"), ("partition", "rpartition"),
    ("floor", "ceil"), ("keys", "values"), ("keys", "items"), ("values", "items"), ("union", "intersection"),
    ("isupper", "islower"), ("int", "float"), ("int", "round"), ("sorted", "list"), ("title", "capitalize"),
    ("add", "discard"), ("popleft", "pop"), ("add", "update"), ("removeprefix", "removesuffix"),
)  # fmt: skip
_METHODS: Final = (".strip()", ".lower()", ".upper()", ".copy()")
_COPIES: Final = ("list", "dict", "sorted", "str", "int", "abs", "set")
_ALIGN: Final = re.compile(r"(?<=:)([<>^])(?=\d)|(?<=:)(?=\d)")
MOST: Final = 900
"""Changes of one function that are looked at."""


@dataclass(frozen=True)
class SmallChange:
    """Other text for a span of a file. `rank` is lower for what is the likelier mistake."""

    path: str
    start: int
    """Where the span begins: characters from the start of the file."""
    end: int
    new: str
    line: int
    """The line the span begins in, counted from 1."""
    last: int
    rank: int

    def applied(self, text: str) -> str:
        """Return the file's text with the change in it."""
        return text[: self.start] + self.new + text[self.end :]


def small_changes(unit: Unit, text: str) -> list[SmallChange]:
    """Return the changes of a Python function or constant in the file `text`, the likeliest first."""
    if unit.language != "python":
        return []
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return []
    found = _Finder(unit, text, tree).all()
    unique: dict[str, SmallChange] = {}
    for change in sorted(found, key=lambda change: change.rank):
        if len(unique) >= MOST:
            break
        source = _unit_with(unit, text, change)
        if source is not None:
            unique.setdefault(source, change)
    return list(unique.values())


def _unit_with(unit: Unit, text: str, change: SmallChange) -> str | None:
    """Return the unit's code after the change, written in one way; None when that is nothing new."""
    lines = text.splitlines(keepends=True)
    begin = sum(map(len, lines[: unit.start - 1]))
    finish = begin + sum(map(len, lines[unit.start - 1 : unit.end]))
    before = text[begin:finish]
    after = text[begin : change.start] + change.new + text[change.end : finish]
    try:
        was, now = (ast.dump(ast.parse(textwrap.dedent(code))) for code in (before, after))
    except (SyntaxError, ValueError):
        return None
    return now if now != was else None


class _Finder:
    """Walks over one unit and yields what may be changed."""

    def __init__(self, unit: Unit, text: str, tree: ast.Module) -> None:
        self._unit = unit
        self._text = text
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self._nodes = [node for node in ast.walk(tree) if self._inside(node)]
        self._parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self._names = self._in_scope()
        attributes = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute)]
        self._attributes = sorted(
            {n.attr for n in attributes if isinstance(n.value, ast.Name) and n.value.id == "self"}
        )
        self._called = sorted(
            {self._of(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call) and self._inside(n)}
        )
        methods = sorted(
            {
                f"{self._of(n)}"
                for n in attributes
                if isinstance(n.value, ast.Attribute) and isinstance(self._parents.get(n), ast.Call)
            }
        )
        self._called = list(dict.fromkeys([*self._called, *methods]))

    def all(self) -> Iterator[SmallChange]:
        """Yield every change, in no order."""
        for node in self._nodes:
            for new, rank in self._of_node(node):
                yield self._change(node, new, rank)
            if isinstance(node, ast.stmt):
                yield from self._of_statement(node)
        yield from self._formats()

    def _inside(self, node: ast.AST) -> bool:
        line = getattr(node, "lineno", 0)
        return bool(line and self._unit.start <= line and (node.end_lineno or line) <= self._unit.end)  # type: ignore[attr-defined]

    def _offset(self, line: int, column: int) -> int:
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode(errors="ignore"))

    def _span(self, node: ast.AST) -> tuple[int, int]:
        return (
            self._offset(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            self._offset(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def _of(self, node: ast.AST) -> str:
        start, end = self._span(node)
        return self._text[start:end]

    def _change(self, node: ast.AST, new: str, rank: int) -> SmallChange:
        start, end = self._span(node)
        return SmallChange(self._unit.path, start, end, new, node.lineno, node.end_lineno, rank)  # type: ignore[attr-defined]

    def _in_scope(self) -> list[str]:
        names = {n.id for n in self._nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        names |= {n.arg for n in self._nodes if isinstance(n, ast.arg)}
        return sorted(names - {"self", "cls"})

    def _of_node(self, node: ast.AST) -> Iterator[tuple[str, int]]:  # noqa: C901, PLR0912 - a table
        """Yield other texts for a node, each with its rank."""
        match node:
            case ast.Compare():
                yield from self._compare(node)
            case ast.BinOp():
                yield from self._binary(node)
            case ast.BoolOp():
                yield from self._boolean(node)
            case ast.IfExp():
                test, body, other = self._of(node.test), self._of(node.body), self._of(node.orelse)
                yield f"{other} if {test} else {body}", 2
                yield f"{body} if not ({test}) else {other}", 9
                yield body, 6
                yield other, 6
            case ast.UnaryOp(op=ast.Not()) | ast.UnaryOp(op=ast.USub()):
                yield self._of(node.operand), 2
                if isinstance(node.operand, ast.Constant):
                    yield "0", 2
            case ast.Constant():
                yield from self._constant(node)
            case ast.Name(ctx=ast.Load()):
                yield from self._name(node)
            case ast.Attribute(ctx=ast.Load()):
                yield from self._attribute(node)
            case ast.Call():
                yield from self._call(node)
            case ast.Subscript(ctx=ast.Load()):
                yield self._of(node.value), 6
                if not isinstance(node.slice, ast.Slice):
                    yield self._of(node.slice), 7
        if isinstance(node, ast.expr):
            yield from self._wrapped(node)
        parent = self._parents.get(node)
        if isinstance(parent, ast.If | ast.While | ast.IfExp) and parent.test is node:
            yield (
                f"not {self._of(node)}"
                if isinstance(node, ast.Name | ast.Call)
                else f"not ({self._of(node)})",
                3,
            )

    def _compare(self, node: ast.Compare) -> Iterator[tuple[str, int]]:
        parts = [node.left, *node.comparators]
        for number, op in enumerate(node.ops):
            left, right = parts[number], parts[number + 1]
            begin, finish = self._span(node)
            _, left_end = self._span(left)
            right_start, _ = self._span(right)
            between = self._text[left_end:right_start]
            head, tail = self._text[begin:left_end], self._text[right_start:finish]
            # Parentheses around operands stay where they are.
            written = re.search(r"not\s+in|is\s+not|[<>=!]=|[<>]|\bin\b|\bis\b", between)
            if written:
                for place, other in enumerate(_COMPARE.get(type(op).__name__, ())):
                    changed = between[: written.start()] + other + between[written.end() :]
                    yield head + changed + tail, 1 if place == 0 else 4

    def _binary(self, node: ast.BinOp) -> Iterator[tuple[str, int]]:
        begin, finish = self._span(node)
        _, left_end = self._span(node.left)
        right_start, right_end = self._span(node.right)
        between = self._text[left_end:right_start]
        head, tail = self._text[begin:left_end], self._text[right_start:finish]
        written = re.search(r"\*\*|//|<<|>>|[-+*/%&|^@]", between)
        if written:
            for other in _BINARY.get(type(node.op).__name__, ()):
                yield head + between[: written.start()] + other + between[written.end() :] + tail, 2
        if isinstance(node.op, ast.Sub | ast.Div | ast.FloorDiv | ast.Mod | ast.Add):
            left, right = self._of(node.left), self._of(node.right)
            if "(" not in between and ")" not in between:
                opened, closed = self._text[begin : self._span(node.left)[0]], self._text[right_end:finish]
                yield opened + right + between + left + closed, 3
        constant = isinstance(node.right, ast.Constant)
        yield self._of(node.left), 3 if constant else 5
        yield self._of(node.right), 6
        if isinstance(node.op, ast.Add | ast.Sub):
            yield f"{self._of(node)} + 1", 5
            yield f"{self._of(node)} - 1", 5

    def _boolean(self, node: ast.BoolOp) -> Iterator[tuple[str, int]]:
        other = " or " if isinstance(node.op, ast.And) else " and "
        yield other.join(self._of(value) for value in node.values), 2
        for value in node.values:
            yield self._of(value), 4

    def _constant(self, node: ast.Constant) -> Iterator[tuple[str, int]]:  # noqa: C901 - a table
        value = node.value
        if isinstance(value, bool):
            yield str(not value), 1
        elif isinstance(value, int):
            for other, rank in (
                (value + 1, 1),
                (value - 1, 1),
                (0, 2),
                (1, 2),
                (value * 10, 6),
                (value // 10, 6),
            ):
                yield str(other), rank
            yield "None", 5
        elif value is None:
            yield "0", 4
            yield "1", 5
            yield "''", 5
            yield "[]", 5
        elif isinstance(value, float):
            yield "0.0", 4
            yield "1.0", 4
        elif isinstance(value, str) and not isinstance(self._parents.get(node), ast.JoinedStr | ast.Expr):
            if value:
                yield "''", 4
            if value != " ":
                yield "' '", 5
            if value.strip() != value:
                yield repr(value.strip()), 4
            elif value:
                yield repr(value + " "), 5

    def _name(self, node: ast.Name) -> Iterator[tuple[str, int]]:
        for pair in _PAIRS:
            if node.id in pair:
                yield pair[1 - pair.index(node.id)], 2
        parent = self._parents.get(node)
        if node.id not in self._names or (isinstance(parent, ast.Call) and parent.func is node):
            return
        for other in self._names:
            if other != node.id:
                yield other, 3
        if isinstance(parent, ast.Slice | ast.Compare | ast.Call | ast.Return | ast.Subscript) and not (
            isinstance(parent, ast.Subscript) and parent.value is node
        ):
            yield f"{node.id} + 1", 3
            yield f"{node.id} - 1", 3

    def _attribute(self, node: ast.Attribute) -> Iterator[tuple[str, int]]:
        value = self._of(node.value)
        for pair in _PAIRS:
            if node.attr in pair:
                yield f"{value}.{pair[1 - pair.index(node.attr)]}", 2
        if value == "self" and not isinstance(self._parents.get(node), ast.Call):
            for other in self._attributes:
                if other != node.attr:
                    yield f"self.{other}", 4

    def _call(self, node: ast.Call) -> Iterator[tuple[str, int]]:  # noqa: C901 - a table
        name, arguments = self._of(node.func), [self._of(argument) for argument in node.args]
        keywords = [self._of(keyword) for keyword in node.keywords]

        def called(*given: str) -> str:
            return f"{name}({', '.join([*given, *keywords])})"

        for number in range(len(arguments) - 1):
            swapped = list(arguments)
            swapped[number], swapped[number + 1] = swapped[number + 1], swapped[number]
            yield called(*swapped), 3
        if name == "enumerate" and len(arguments) == 1:
            yield called(*arguments, "1"), 2
        if len(arguments) > 1:
            yield called(*arguments[:-1]), 4
        if name == "range":
            yield called(*arguments[:-1], f"{arguments[-1]} + 1"), 2
            yield called(*arguments[:-1], f"{arguments[-1]} - 1"), 2
            if len(arguments) == 1:
                yield called("1", *arguments), 3
        if len(arguments) == 1:
            yield arguments[0], 5
        if isinstance(node.func, ast.Attribute):
            yield self._of(node.func.value), 5
        if not isinstance(self._parents.get(node), ast.Attribute):
            for bound in ("+ 1", "- 1"):
                yield f"{self._of(node)} {bound}", 6
        for other in self._called:
            if other != name:
                yield f"{other}({', '.join([*arguments, *keywords])})", 7

    def _wrapped(self, node: ast.expr) -> Iterator[tuple[str, int]]:
        """Yield a copy of a value, or one in another shape."""
        parent = self._parents.get(node)
        if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call | ast.BoolOp):
            return
        if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
            return
        if isinstance(parent, ast.Call) and parent.func is node:
            return
        held = isinstance(
            parent, ast.Assign | ast.Return | ast.DictComp | ast.ListComp | ast.Tuple | ast.IfExp
        )
        text = self._of(node)
        for wrap in _COPIES:
            yield f"{wrap}({text})", (4 if wrap in {"list", "dict"} else 6) if held else 6
        if not isinstance(node, ast.BoolOp) and not isinstance(parent, ast.Attribute):
            for method in _METHODS:
                yield text + method, 5 if method != ".copy()" or held else 7
            yield f"{text}[:]", 7 if held else 8
        if isinstance(node, ast.Name | ast.Subscript) and isinstance(
            parent, ast.Return | ast.Tuple | ast.Assign | ast.Call
        ):
            for other in self._values():
                if other != text:
                    yield f"max({other}, {text})", 8
                    yield f"min({other}, {text})", 8

    def _values(self) -> list[str]:
        """Return what else in the function holds a value: subscripts and names."""
        found = [
            self._of(n)
            for n in self._nodes
            if isinstance(n, ast.Subscript) and not isinstance(n.slice, ast.Slice)
        ]
        return list(dict.fromkeys([*found, *self._names]))[:12]

    def _of_statement(self, node: ast.stmt) -> Iterator[SmallChange]:  # noqa: C901 - a table
        """Yield a statement left out, or another assignment before or after it."""
        if isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
        ):
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return
        if not isinstance(node, ast.If | ast.For | ast.While | ast.With | ast.Try):
            yield self._change(node, "pass", 6)
        line_start, start = self._starts[node.lineno - 1], self._span(node)[0]
        indent = self._text[line_start:start]
        if indent.strip():
            return
        for name in self._names:
            for value in self._names:
                if name != value:
                    yield SmallChange(
                        self._unit.path,
                        start,
                        start,
                        f"{name} = {value}\n{indent}",
                        node.lineno,
                        node.lineno,
                        8,
                    )
        for extra in ("break", "continue"):
            yield SmallChange(
                self._unit.path, start, start, f"{extra}\n{indent}", node.lineno, node.lineno, 9
            )
        if isinstance(node, ast.Expr):
            yield self._change(node, f"return {self._of(node)}", 5)
        for name in self._names:
            for copy in ("list", "dict"):
                added = f"{name} = {copy}({name})\n{indent}"
                yield SmallChange(self._unit.path, start, start, added, node.lineno, node.lineno, 8)

    def _formats(self) -> Iterator[SmallChange]:
        """Yield other alignments in format specifications."""
        for number in range(self._unit.start, self._unit.end + 1):
            line = self._lines[number - 1] if number <= len(self._lines) else ""
            for match in _ALIGN.finditer(line):
                if line[: match.start()].count("{") > line[: match.start()].count("}"):
                    for other in "<>^":
                        if other != match[0]:
                            at = self._starts[number - 1]
                            yield SmallChange(
                                self._unit.path,
                                at + match.start(),
                                at + match.end(),
                                other,
                                number,
                                number,
                                2,
                            )
