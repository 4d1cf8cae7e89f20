"""A JSON schema of the policy file, for editors: made from its types, with the words of their docstrings."""

from __future__ import annotations

from typing import Any, Final

from pushpals.policy.reference import docstrings
from pushpals.policy.repo_policy import CheckSetting, RepoPolicy, Section

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
SCHEMA_PATH: Final = ".github/pushpals/policy.schema.json"
"""Where `pushpals init` puts it in a repository."""


def policy_schema() -> dict[str, Any]:
    """Return the schema. It takes whatever the policy's own reader takes, and tells editors what there is.

    A few rules are the reader's alone, such as which paths may be released.
    """
    made = RepoPolicy.model_json_schema()
    definitions = {name: _section(part, name) for name, part in made.pop("$defs").items()}
    root = _described(made, RepoPolicy)
    return {
        "$schema": DIALECT,
        "title": "The policy of PushPals in a repository",
        **root,
        "$defs": definitions,
    }


def _section(schema: dict[str, Any], name: str) -> dict[str, Any]:
    kinds: dict[str, type[Section]] = {kind.__name__: kind for kind in Section.__subclasses__()}
    described = _described(schema, kinds[name])
    if name != CheckSetting.__name__:
        return described
    run = described["properties"]["run"]
    line = {key: run[key] for key in ("type", "minLength", "maxLength", "pattern") if key in run}
    return {"anyOf": [{**line, "type": "string", "description": "A command line."}, described]}


def _described(schema: dict[str, Any], kind: type[Section]) -> dict[str, Any]:
    words = docstrings(kind)
    kept = {key: value for key, value in schema.items() if key not in {"title", "description"}}
    properties = {}
    for name, field in schema["properties"].items():
        plain = {key: value for key, value in field.items() if key != "title"}
        plain["description"] = " ".join(words[name].split())
        # A key without a value asks for the default; what must be there cannot.
        properties[name] = plain if name in schema.get("required", ()) else _or_nothing(plain)
    return {**kept, "properties": properties}


def _or_nothing(field: dict[str, Any]) -> dict[str, Any]:
    if isinstance(kind := field.get("type"), str):
        values = [field["const"]] if "const" in field else field.get("enum")
        rest = {key: value for key, value in field.items() if key not in {"const", "enum"}}
        return {**rest, **({"enum": [*values, None]} if values else {}), "type": [kind, "null"]}
    outer: dict[str, Any] = {key: field[key] for key in ("description", "default") if key in field}
    inner = {key: value for key, value in field.items() if key not in outer}
    return {**outer, "anyOf": [inner, {"type": "null"}]}
