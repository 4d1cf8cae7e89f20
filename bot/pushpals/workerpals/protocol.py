"""Tool calls written as text, for models without native ones: fenced JSON, read with patience.

A model is asked for one block, ```` ```tool {"name": …, "arguments": {…}} ``` ````. What comes is taken
as it is meant: another fence or none, several calls, trailing commas, line breaks inside strings,
Python's quotes, arguments beside the name. What cannot be understood is an error with a text that the
model can act on.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pushpals.llm.api import ToolCall, ToolSpec

MOST_CALLS = 8
"""More calls than this in one answer are left undone: the model has not seen what the first ones said."""

_NAME_KEYS = ("name", "tool", "function", "tool_name")
_ARGUMENT_KEYS = ("arguments", "args", "parameters", "params", "input")
_LITERALS = {"true": "True", "false": "False", "null": "None"}


@dataclass(frozen=True)
class Misread:
    """A call that could not be understood, and what to tell the model about it."""

    text: str


def describe(tools: Sequence[ToolSpec]) -> str:
    """Return the tools and the way to call them as a part of a system prompt."""
    lines = [
        "You work with tools. To use one, end your answer with a block like this, and wait for what it says:",
        "```tool",
        '{"name": "read", "arguments": {"path": "src/app.py"}}',
        "```",
        "The tools are:",
    ]
    for tool in tools:
        parameters = ", ".join(
            f"{name}{'' if name in tool.parameters.get('required', ()) else '?'}: {about['description']}"
            for name, about in tool.parameters["properties"].items()
        )
        lines.append(f"- {tool.name}({parameters}): {tool.description}")
    return "\n".join(lines)


def parse_calls(text: str, known: Sequence[str]) -> list[ToolCall | Misread]:
    """Return the calls of an answer in the order they stand. `known` are the tools' names."""
    found: list[ToolCall | Misread] = []
    for raw in _objects(text):
        value = _decode(raw)
        if isinstance(value, Misread):
            if _looks_like_a_call(raw, known):
                found.append(value)
            continue
        for item in value if isinstance(value, list) else [value]:
            call = _call(item, known, f"call_{len(found) + 1}")
            if call is not None:
                found.append(call)
    return found[:MOST_CALLS]


def _call(item: Any, known: Sequence[str], identifier: str) -> ToolCall | Misread | None:  # noqa: ANN401 - JSON
    """Return the call an object means; None for an object that is no call at all."""
    if not isinstance(item, dict):
        return None
    if isinstance(item.get("function"), dict):  # The shape of the OpenAI API.
        item = item["function"]
    key = next((key for key in _NAME_KEYS if isinstance(item.get(key), str)), None)
    if key is None:
        only = [name for name in item if name in known and isinstance(item[name], dict)]
        return ToolCall(identifier, only[0], dict(item[only[0]])) if len(only) == 1 else None
    name: str = item[key].strip()
    if name not in known:
        return Misread(f"There is no tool {name!r}. The tools are: {', '.join(known)}.")
    arguments: object = next((item[key] for key in _ARGUMENT_KEYS if key in item), None)
    if isinstance(arguments, str):
        arguments = _decode(arguments)
    if arguments is None:
        arguments = {k: v for k, v in item.items() if k != key}
    if not isinstance(arguments, dict):
        return Misread(f'The arguments of {name} must be a JSON object, like {{"path": "src/app.py"}}.')
    return ToolCall(identifier, name, {str(k): v for k, v in arguments.items()})


def _looks_like_a_call(raw: str, known: Sequence[str]) -> bool:
    return bool(re.search(rf"[\"'](?:{'|'.join(map(re.escape, (*_NAME_KEYS, *known)))})[\"']\s*:", raw))


def _objects(text: str) -> Iterator[str]:
    """Yield the outermost `{…}` and `[{…}]` of a text; the last one may lack its end."""
    at = 0
    while (start := text.find("{", at)) >= 0:
        opening = re.search(r"\[\s*$", text[:start])
        if opening and opening.start() >= at:
            start = opening.start()
        end = _balanced(text, start)
        yield text[start:end]
        at = end


def _balanced(text: str, start: int) -> int:
    """Return the offset behind the bracket that closes the one at `start`, else the end of the text."""
    closers: list[str] = []
    at = start
    while at < len(text):
        char = text[at]
        if char in "\"'" and (char == '"' or _opens_a_string(text, at)):
            at = _end_of_string(text, at)
            continue
        if char in "{[":
            closers.append("}" if char == "{" else "]")
        elif char in "}]":
            if closers and closers[-1] == char:
                closers.pop()
            if not closers:
                return at + 1
        at += 1
    return len(text)


def _opens_a_string(text: str, at: int) -> bool:
    """Tell whether a single quote stands where a key or a value begins, rather than inside prose."""
    before = text[:at].rstrip()[-1:]
    return before in "{[,:"


def _end_of_string(text: str, start: int) -> int:
    """Return the offset behind the closing quote, else the end of the text."""
    closing = re.compile(r"(?:\\.|[^\\" + text[start] + r"])*" + text[start], re.DOTALL).match(
        text, start + 1
    )
    return closing.end() if closing else len(text)


def _decode(raw: str) -> Any:  # noqa: ANN401 - it is JSON
    """Return the value of JSON that a model wrote, or a Misread."""
    try:
        return json.loads(raw, strict=False)
    except json.JSONDecodeError as error:
        problem = f"{error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        return Misread("The JSON is nested too deeply.")
    outside = _outside_strings(raw)
    repaired = "".join(re.sub(r",(\s*[}\]])", r"\1", part) if is_code else part for part, is_code in outside)
    for candidate in (repaired, raw):
        try:
            return json.loads(candidate, strict=False)
        except (json.JSONDecodeError, RecursionError):
            pass
    python = "".join(
        re.sub(r"\b(true|false|null)\b", lambda m: _LITERALS[m[0]], part)
        if is_code
        else part.replace("\n", "\\n")
        for part, is_code in outside
    )
    try:
        return ast.literal_eval(python)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return Misread(
            f"That is not valid JSON ({problem}). Write one object with double quotes, \\n for line breaks "
            'in text and \\" for quotes in text.'
        )


def _outside_strings(raw: str) -> list[tuple[str, bool]]:
    """Split a text into strings and what is between them; the flag tells that it is not a string."""
    parts: list[tuple[str, bool]] = []
    at = begun = 0
    while at < len(raw):
        if raw[at] == '"' or (raw[at] == "'" and _opens_a_string(raw, at)):
            parts.append((raw[begun:at], True))
            begun, at = at, _end_of_string(raw, at)
            parts.append((raw[begun:at], False))
            begun = at
        else:
            at += 1
    parts.append((raw[begun:], True))
    return parts


def tidy(tool: ToolSpec, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments without what models write for "nothing", and with numbers that came as text."""
    properties: Mapping[str, Mapping[str, Any]] = tool.parameters["properties"]
    tidied = {name: value for name, value in arguments.items() if value is not None}
    for name, value in tidied.items():
        wanted = properties.get(name, {}).get("type")
        if wanted == "integer" and isinstance(value, str) and re.fullmatch(r"\s*\d{1,9}\s*", value):
            tidied[name] = int(value)
    return tidied


def missing(tool: ToolSpec, arguments: Mapping[str, object]) -> str | None:
    """Return what is wrong with a call's arguments, in words for the model, or None."""
    properties: Mapping[str, Mapping[str, Any]] = tool.parameters["properties"]
    for name in tool.parameters.get("required", ()):
        if name not in arguments:
            return f"{tool.name} needs `{name}`: {properties[name]['description']}."
    for name, value in arguments.items():
        if name not in properties:
            return f"{tool.name} has no argument `{name}`. It takes: {', '.join(properties)}."
        wanted = properties[name]["type"]
        if wanted == "string" and not isinstance(value, str):
            return f"`{name}` of {tool.name} must be text."
        if wanted == "integer" and (not isinstance(value, int) or isinstance(value, bool)):
            return f"`{name}` of {tool.name} must be a whole number."
    return None
