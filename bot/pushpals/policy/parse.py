"""Reading the policy file: every mistake is answered with its line, quoted, and what to write instead."""

from __future__ import annotations

import difflib
import itertools
import json
import typing
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from yaml.nodes import Node, ScalarNode

from pushpals.policy.repo_policy import PolicyProblem, RepoPolicy, Section
from pushpals.policy.yaml_source import Misread, Path, Read, decode, misread_at, read_yaml


def parse_policy(text: str | bytes | None) -> RepoPolicy | PolicyProblem:
    """Read the text of `.github/pushpals.yml`; None or an empty file means the defaults. Raises nothing."""
    source = ""
    try:
        source = decode(text)
        return _policy(read_yaml(source))
    except Misread as problem:
        lines = source.splitlines()
        return PolicyProblem(
            line=problem.line + 1,
            column=problem.column + 1,
            quoted_line=lines[problem.line][:200] if problem.line < len(lines) else "",
            message=problem.message,
            suggestion=problem.suggestion,
        )


def _policy(read: Read) -> RepoPolicy:
    """Build the policy from the file's data; raises Misread."""
    if read.data is None:
        return RepoPolicy()
    if not isinstance(read.data, dict):
        raise misread_at(read.values[()], "the policy is a list of 'key: value' lines", "version: 1")
    try:
        # Strict, and by way of JSON: there lists may become tuples, and nothing else is converted.
        policy = RepoPolicy.model_validate_json(json.dumps(_without_empty(read.data, ())), strict=True)
    except ValidationError as error:
        # The first in the file, so that a person who mends from the top meets each once.
        problems = [_invalid(found, read) for found in error.errors()]
        raise min(problems, key=lambda problem: (problem.line, problem.column)) from error
    # Where a value has a key, its line is the key's: a list may begin on the next.
    places = {**read.values, **read.keys}
    return policy.with_lines(
        {".".join(map(str, at)): node.start_mark.line + 1 for at, node in places.items()}
    )


def _without_empty(data: object, path: Path) -> object:
    """Leave out known keys without a value: they ask for the default, as if the line were not there."""
    if isinstance(data, list):
        return [_without_empty(item, (*path, index)) for index, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    known = _fields_at(path)
    return {
        key: _without_empty(value, (*path, key))
        for key, value in data.items()
        if value is not None or key not in known
    }


def _section_at(path: Path) -> type[BaseModel] | None:
    """Return the type of the section at `path` of the policy, or None where there is none."""
    section: type[BaseModel] = RepoPolicy
    kind: object = RepoPolicy
    for part in path:
        if isinstance(part, int):
            # An entry of a list; its type may carry validators, which `Annotated` holds.
            kind = next(iter(typing.get_args(kind)), None)
            kind = getattr(kind, "__origin__", kind)
        else:
            field = section.model_fields.get(part)
            kind = field.annotation if field else None
        if isinstance(kind, type) and issubclass(kind, Section):
            section = kind
    return section if kind is section else None


def _fields_at(path: Path) -> list[str]:
    """Return the known keys of the section at `path`."""
    section = _section_at(path)
    return list(section.model_fields) if section else []


def _unknown_key(path: Path, read: Read) -> Misread:
    """Name the nearest known key, or the section a key belongs to."""
    key, known, node = str(path[-1]), _fields_at(path[:-1]), read.keys[path]
    near = difflib.get_close_matches(key.casefold().replace("-", "_"), known, n=1)
    if near:
        return misread_at(node, f"unknown key {key!r}; did you mean {near[0]!r}?", f"{near[0]}:")
    for home in _fields_at(()):
        if key in _fields_at((home,)):
            return misread_at(node, f"{key!r} belongs under {home!r}", f"{home}:\n  {key}:")
    return misread_at(node, f"unknown key {key!r}; known here: {', '.join(known)}")


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
    "value_error": "{error}",
}
"""pydantic's error types, in words for people. https://docs.pydantic.dev/latest/errors/validation_errors/"""


def _invalid(error: ErrorDetails, read: Read) -> Misread:
    """Say a wrong value in plain words, at the place it was written."""
    path, kind, context = error["loc"], error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(path, read)
    wanted = _WANTED.get(kind, error["msg"]).format(**context)
    node = _nearest(path, read)
    return misread_at(node, f"{_named(path)} {wanted}", _instead(kind, context, path, node))


def _named(path: Path) -> str:
    """Name a field for people, who count from 1: `'scope.write'`, `'run' of entry 2 of 'checks'`."""
    keys = list(itertools.takewhile(lambda part: isinstance(part, str), path))
    name = repr(".".join(map(str, keys)))
    for part in path[len(keys) :]:
        name = f"entry {part + 1} of {name}" if isinstance(part, int) else f"{part!r} of {name}"
    return name


def _nearest(path: Path, read: Read) -> Node:
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
