"""YAML as far as a policy needs it: plain values, each with its place in the file."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 8

Path = tuple[str | int, ...]
"""Where a value stands: the keys and list positions that lead to it."""


class Misread(Exception):  # noqa: N818 - the word for what happened; it never leaves the parser
    """The file cannot be read here (0-based line and column), why, and what to write instead."""

    def __init__(self, line: int, column: int, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.line, self.column, self.message, self.suggestion = line, column, message, suggestion


class Read(NamedTuple):
    """A file as plain data, with the node of every value and of every key."""

    data: object
    values: dict[Path, Node]
    keys: dict[Path, Node]


def read_yaml(source: str) -> Read:
    """Return the data of `source` (None for an empty file) and its places; raises Misread."""
    places = Read(None, {}, {})
    try:
        _check_events(source)
        root = yaml.compose(source, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _syntax(source, error) from error
    except yaml.reader.ReaderError as error:
        line = source.count("\n", 0, error.position)
        raise Misread(line, 0, f"the character U+{error.character:04X} is not allowed here") from error
    return places if root is None else places._replace(data=_plain(root, (), places))


def decode(text: str | bytes | None) -> str:
    """Return the text, its size and encoding checked, without a byte order mark."""
    raw = (text or "").encode("utf-8", "replace") if not isinstance(text, bytes) else text
    if len(raw) > MAX_BYTES:
        raise Misread(0, 0, f"the policy is {len(raw):,} bytes; the most that is read is {MAX_BYTES:,}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start)
        raise Misread(line, 0, "the policy is not valid UTF-8; save it as UTF-8") from error


def misread_at(where: Node | yaml.Event, message: str, suggestion: str | None = None) -> Misread:
    """Return the problem to raise for a node or event, at its place."""
    mark = where.start_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    return Misread(line, column, message, suggestion)


def _check_events(source: str) -> None:
    """Refuse, before any node is built, anchors, aliases, deep nesting and further documents."""
    depth = documents = 0
    for event in yaml.parse(source, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise misread_at(event, "anchors (&) and aliases (*) are not read; write the value out")
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise misread_at(event, "the file holds a second document; remove the '---'")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise misread_at(event, f"nested more than {MAX_DEPTH} levels deep")


def _syntax(source: str, error: yaml.MarkedYAMLError) -> Misread:
    """Say a YAML syntax error in plain words."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Misread(0, 0, "the file is not valid YAML")
    lines = source.splitlines()
    quoted = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in quoted[: mark.column + 1]:
        column = quoted.index("\t")
        return Misread(mark.line, column, "YAML is not indented with tabs; use spaces", quoted.expandtabs(2))
    problem = str(error.problem or "this is not valid YAML")
    if problem.startswith("mapping values are not allowed") and (
        match := re.match(r"(\s*[\w.]+:\s+)(.+)", quoted)
    ):
        value = match[2].replace('"', '\\"')
        return Misread(mark.line, mark.column, "a value with ': ' in it needs quotes", f'{match[1]}"{value}"')
    context = f" {error.context}" if error.context else ""
    return Misread(mark.line, mark.column, f"not valid YAML: {problem}{context}")


def _plain(node: Node, path: Path, read: Read) -> object:
    """Turn a node into plain data, noting where each value stands."""
    read.values[path] = node
    if isinstance(node, MappingNode):
        return _plain_mapping(node, path, read)
    if isinstance(node, SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
        return [_plain(item, (*path, index), read) for index, item in enumerate(node.value)]
    if isinstance(node, ScalarNode):
        return _plain_scalar(node)
    raise misread_at(node, f"the tag {node.tag!r} is not read; write a plain value")


def _plain_mapping(node: MappingNode, path: Path, read: Read) -> dict[str, object]:
    if node.tag != "tag:yaml.org,2002:map":
        raise misread_at(node, f"the tag {node.tag!r} is not read; write a plain value")
    data: dict[str, object] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, ScalarNode):
            raise misread_at(key_node, "a key is a single word")
        key = str(key_node.value)
        where = (*path, key)
        if where in read.keys:
            first = read.keys[where].start_mark.line + 1
            raise misread_at(key_node, f"{key!r} is set twice, first on line {first}; keep one")
        read.keys[where] = key_node
        data[key] = _plain(value_node, where, read)
    return data


def _plain_scalar(node: ScalarNode) -> object:
    """Return a scalar by YAML's own reading of it, refusing the forms people do not mean to write."""
    text = str(node.value)
    match node.tag.removeprefix("tag:yaml.org,2002:"):
        case "str":
            return text
        case "null":
            return None
        case "bool":
            return text.casefold() in {"true", "yes", "on"}
        case "int" if re.fullmatch(r"[+-]?(0|[1-9][0-9_]{0,18})", text):
            return int(text.replace("_", ""))
        case "int" | "float" if re.fullmatch(
            r"[+-]?[0-9][0-9_]*\.[0-9_]*(e[+-]?[0-9]{1,2})?", text, re.IGNORECASE
        ):
            return float(text.replace("_", ""))
        case "float" if text.casefold() in {".inf", "+.inf"}:
            return float("inf")
        case "int" | "float":
            raise misread_at(node, f"{text!r} is not a plain decimal number; if it is text, put it in quotes")
        case "timestamp":
            raise misread_at(node, "this reads as a date; put it in quotes", f'"{text}"')
    raise misread_at(node, f"the tag {node.tag!r} is not read; write a plain value")
