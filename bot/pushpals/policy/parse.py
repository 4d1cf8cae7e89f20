"""Reading the policy file: every mistake is answered with its line, quoted, and what to write instead."""

from __future__ import annotations

import difflib
import json
import re
from typing import Final, NamedTuple

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pushpals.policy.repo_policy import PolicyProblem, RepoPolicy, Section

MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 8

Path = tuple[str | int, ...]


class _Refused(Exception):  # noqa: N818 - carries a problem to parse_policy, and no further
    """A problem found while walking the file, at a 0-based position."""

    def __init__(self, line: int, column: int, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.line, self.column, self.message, self.suggestion = line, column, message, suggestion


def parse_policy(text: str | bytes | None) -> RepoPolicy | PolicyProblem:
    """Read the text of `.github/pushpals.yml`; None or an empty file means the defaults. Raises nothing."""
    try:
        source = _decoded(text)
    except _Refused as problem:
        return _problem("", problem)
    try:
        _check_events(source)
        root = yaml.compose(source, Loader=yaml.SafeLoader)
        return RepoPolicy() if root is None else _from_node(root)
    except _Refused as problem:
        return _problem(source, problem)
    except yaml.MarkedYAMLError as error:
        return _problem(source, _syntax(source, error))
    except yaml.reader.ReaderError as error:
        line = source.count("\n", 0, error.position)
        return _problem(
            source, _Refused(line, 0, f"the character U+{error.character:04X} is not allowed here")
        )


def _decoded(text: str | bytes | None) -> str:
    """Return the text, its size and encoding checked, without a byte order mark."""
    raw = (text or "").encode("utf-8", "replace") if not isinstance(text, bytes) else text
    if len(raw) > MAX_BYTES:
        raise _Refused(0, 0, f"the policy is {len(raw):,} bytes; the most that is read is {MAX_BYTES:,}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start)
        raise _Refused(line, 0, "the policy is not valid UTF-8; save it as UTF-8") from error


def _problem(source: str, problem: _Refused) -> PolicyProblem:
    lines = source.splitlines()
    quoted = lines[problem.line] if problem.line < len(lines) else ""
    return PolicyProblem(
        line=problem.line + 1,
        column=problem.column + 1,
        quoted_line=quoted[:200],
        message=problem.message,
        suggestion=problem.suggestion,
    )


def _check_events(source: str) -> None:
    """Refuse, before any node is built, anchors, aliases, deep nesting and further documents."""
    depth = documents = 0
    for event in yaml.parse(source, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _at(event, "anchors (&) and aliases (*) are not read; write the value out")
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _at(event, "the file holds a second document; remove the '---'")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _at(event, f"nested more than {MAX_DEPTH} levels deep")


def _syntax(source: str, error: yaml.MarkedYAMLError) -> _Refused:
    """Say a YAML syntax error in plain words."""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return _Refused(0, 0, "the file is not valid YAML")
    lines = source.splitlines()
    quoted = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in quoted[: mark.column + 1]:
        column = quoted.index("\t")
        return _Refused(mark.line, column, "YAML is not indented with tabs; use spaces", quoted.expandtabs(2))
    problem = str(error.problem or "this is not valid YAML")
    if problem.startswith("mapping values are not allowed") and (
        match := re.match(r"(\s*[\w.]+:\s+)(.+)", quoted)
    ):
        value = match[2].replace('"', '\\"')
        return _Refused(
            mark.line, mark.column, "a value with ': ' in it needs quotes", f'{match[1]}"{value}"'
        )
    context = f" {error.context}" if error.context else ""
    return _Refused(mark.line, mark.column, f"not valid YAML: {problem}{context}")


class _Read(NamedTuple):
    """The file as plain data, with the node of every value and of every key."""

    values: dict[Path, Node]
    keys: dict[Path, Node]


def _from_node(root: Node) -> RepoPolicy:
    """Build the policy from the file's root node; raises _Refused."""
    read = _Read({}, {})
    data = _plain(root, (), read)
    if data is None:
        return RepoPolicy()
    if not isinstance(root, MappingNode):
        raise _at(root, "the policy is a list of 'key: value' lines", "version: 1")
    _check_keys(data, RepoPolicy, (), read)
    try:
        # Strict, and by way of JSON: there lists may become tuples, and nothing else is converted.
        policy = RepoPolicy.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise _invalid(error.errors()[0], read) from error
    return policy.with_lines(
        {".".join(map(str, path)): node.start_mark.line + 1 for path, node in read.values.items() if path}
    )


def _at(where: Node | yaml.Event, message: str, suggestion: str | None = None) -> _Refused:
    mark = where.start_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    return _Refused(line, column, message, suggestion)


def _plain(node: Node, path: Path, read: _Read) -> object:
    """Turn a node into plain data, noting where each value stands."""
    read.values[path] = node
    if isinstance(node, MappingNode):
        return _plain_mapping(node, path, read)
    if isinstance(node, SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
        return [_plain(item, (*path, index), read) for index, item in enumerate(node.value)]
    if isinstance(node, ScalarNode):
        return _plain_scalar(node)
    raise _at(node, f"the tag {node.tag!r} is not read; write a plain value")


def _plain_mapping(node: MappingNode, path: Path, read: _Read) -> dict[str, object]:
    if node.tag != "tag:yaml.org,2002:map":
        raise _at(node, f"the tag {node.tag!r} is not read; write a plain value")
    data: dict[str, object] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, ScalarNode):
            raise _at(key_node, "a key is a single word")
        key = str(key_node.value)
        where = (*path, key)
        if where in read.keys:
            first = read.keys[where].start_mark.line + 1
            raise _at(key_node, f"{key!r} is set twice, first on line {first}; keep one")
        read.keys[where] = key_node
        value = _plain(value_node, where, read)
        # `key:` with nothing after it asks for the default, as if the line were not there.
        if value is not None or key not in _fields_at(path):
            data[key] = value
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
            raise _at(node, f"{text!r} is not a plain decimal number; if it is text, put it in quotes")
        case "timestamp":
            raise _at(node, "this reads as a date; put it in quotes", f'"{text}"')
    raise _at(node, f"the tag {node.tag!r} is not read; write a plain value")


def _section_at(path: Path) -> type[BaseModel] | None:
    """Return the type of the section at `path` of the policy, or None where there is none."""
    section: type[BaseModel] = RepoPolicy
    for part in path:
        field = section.model_fields.get(str(part))
        if field is None or not (
            isinstance(field.annotation, type) and issubclass(field.annotation, Section)
        ):
            return None
        section = field.annotation
    return section


def _fields_at(path: Path) -> list[str]:
    """Return the known keys of the section at `path`."""
    section = _section_at(path)
    return list(section.model_fields) if section else []


def _check_keys(data: object, section: type[BaseModel], path: Path, read: _Read) -> None:
    """Refuse unknown keys, nearest known key suggested; raises _Refused."""
    if not isinstance(data, dict):
        return
    for key, value in data.items():
        if key not in section.model_fields:
            raise _unknown_key(key, list(section.model_fields), (*path, key), read)
        below = _section_at((*path, key))
        if below is not None:
            _check_keys(value, below, (*path, key), read)


def _unknown_key(key: str, known: list[str], path: Path, read: _Read) -> _Refused:
    node = read.keys[path]
    near = difflib.get_close_matches(key.casefold().replace("-", "_"), known, n=1)
    if near:
        return _at(node, f"unknown key {key!r}; did you mean {near[0]!r}?", f"{near[0]}:")
    for home in _fields_at(()):
        if key in _fields_at((home,)) and _section_at((home,)) is not None:
            return _at(node, f"{key!r} belongs under {home!r}", f"{home}:\n  {key}:")
    return _at(node, f"unknown key {key!r}; known here: {', '.join(known)}")


_WANTED: Final = {
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text; put it in quotes",
    "model_type": "must be a section: keys, indented below it",
    "tuple_type": "must be a list",
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "too_long": "has more than {max_length} entries",
    "string_too_short": "must not be empty",
    "string_too_long": "is longer than {max_length} characters",
    "string_pattern_mismatch": "must be one line, without a space in front",
    "missing": "is missing",
    "extra_forbidden": "is not a key that is known here",
    "value_error": "{error}",
}
"""pydantic's error types, in words for people. https://docs.pydantic.dev/latest/errors/validation_errors/"""


def _invalid(error: ErrorDetails, read: _Read) -> _Refused:
    """Say a wrong value in plain words, at the place it was written."""
    path = tuple(part for part in error["loc"] if not str(part).startswith("function-"))
    kind, context = error["type"], error.get("ctx", {})
    wanted = _WANTED.get(kind, error["msg"]).format(**context)
    node = read.keys[path] if kind == "extra_forbidden" and path in read.keys else _nearest(path, read)
    name = ".".join(str(part) for part in path)
    return _at(node, f"{name!r} {wanted}", _instead(kind, context, path, node))


def _nearest(path: Path, read: _Read) -> Node:
    """Return the node at `path`, or of its nearest parent that was written."""
    while path not in read.values:
        path = path[:-1]
    return read.values[path]


def _instead(kind: str, context: dict[str, object], path: Path, node: Node) -> str | None:
    """Return what to write instead, where that is plain from the error."""
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    scalar = node.value if isinstance(node, ScalarNode) else None
    if kind == "tuple_type" and scalar is not None:
        return f'{key}: ["{scalar}"]'
    if kind == "string_type" and scalar is not None:
        return f'- "{scalar}"' if isinstance(path[-1], int) else f'{key}: "{scalar}"'
    bound = context.get("le", context.get("ge"))
    if kind in {"less_than_equal", "greater_than_equal"} and bound is not None:
        return f"{key}: {bound:g}" if isinstance(bound, float) else f"{key}: {bound}"
    if kind == "literal_error":
        return f"{key}: {context.get('expected')}"
    if kind == "int_type" and scalar is not None and scalar.strip().isdecimal():
        return f"{key}: {scalar.strip()}"
    return None
