"""The reference of the policy file, written from its types: `docs/policy.md` is this text, by a test."""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import typing
from collections.abc import Iterator
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pushpals.policy.repo_policy import (
    LOCKED_PATHS,
    POLICY_PATH,
    RELEASABLE_PATHS,
    CheckSetting,
    RepoPolicy,
    Section,
)

_INTRODUCTION: Final = f"""# The policy file

`{POLICY_PATH}`, on the default branch, says what PushPals may do in a repository. Without the file, or
with an empty one, the defaults below hold. It is read again for every decision, from the default branch only:
a pull request cannot change the rules it is judged by.

A mistake in the file stops everything: nothing runs under rules that nobody can read. A check run then quotes
the line and says what to write instead. Unknown keys, duplicate keys and values of the wrong type are
mistakes; so are YAML's anchors, aliases and tags, which a policy does not need.
"""

_PATTERNS: Final = """## Patterns

Paths are matched as in `.gitignore`, with one difference: there is no negation with `!`.

| pattern | matches |
|---|---|
| `*.py` | Python files in any folder: a pattern without a slash matches at any depth |
| `/setup.py` | only the file at the root: a slash in front or within anchors the pattern there |
| `docs` | everything in any folder called `docs`, and any file called so |
| `docs/` | everything in any folder called `docs` |
| `src/app/` | everything in the folder `src/app` |
| `src/**/api.py` | `api.py` anywhere below `src`: `**` stands for any number of folders |
| `file-[a-c]?.txt` | one of a set of characters, then any one character; neither matches a `/` |

Protected paths are matched without regard to letter case, because some file systems make no difference.
"""

_EXAMPLE: Final = """## Example

```yaml
version: 1
access:
  roles: [maintain]
scope:
  write: [src/**, tests/**, "*.md"]
  protected: [src/billing/**]
limits:
  files: 10
budget:
  usd: 0.50
  minutes: 15
checks:
  - python -m pytest -q
  - run: npm test --silent
    timeout_minutes: 5
```
"""


def render_reference() -> str:
    """Return the reference of the policy file as Markdown."""
    parts = [_INTRODUCTION, *_sections(), _check_section(), _built_in(), _PATTERNS, _EXAMPLE]
    return "\n".join(parts)


def example() -> str:
    """Return the example of the reference, as the text of a policy file."""
    return _EXAMPLE.partition("```yaml\n")[2].partition("```")[0]


def docstrings(section: type[BaseModel]) -> dict[str, str]:
    """Return the docstring below each field of `section`, as its source has it.

    Pydantic could do this too, but for every class at every start of the program.
    """
    [definition] = ast.parse(inspect.getsource(section)).body
    found = {}
    for field, words in itertools.pairwise(getattr(definition, "body", ())):
        match field, words:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = text
    return found


def _sections() -> Iterator[str]:
    """Yield the top-level keys, then one part for each section."""
    top = {name: field for name, field in RepoPolicy.model_fields.items() if _section(field) is None}
    yield "## Top level\n\n" + _table(RepoPolicy, list(top))
    for name, field in RepoPolicy.model_fields.items():
        section = _section(field)
        if section is not None:
            words = _one_line(docstrings(RepoPolicy)[name])
            yield f"## `{name}`\n\n{words}\n\n" + _table(section, list(section.model_fields))


def _check_section() -> str:
    return "## An entry of `checks`\n\nA command line alone, or these keys:\n\n" + _table(
        CheckSetting, list(CheckSetting.model_fields)
    )


def _section(field: FieldInfo) -> type[Section] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _table(section: type[BaseModel], names: list[str]) -> str:
    rows = ["| key | value | default | meaning |", "|---|---|---|---|"]
    words = docstrings(section)
    for name in names:
        field = section.model_fields[name]
        rows.append(f"| `{name}` | {_kind(field)} | {_default(field)} | {_one_line(words[name])} |")
    return "\n".join(rows) + "\n"


_KINDS: Final = ((int, "whole number"), (float, "number"), (str, "text"))


def _kind(field: FieldInfo) -> str:
    """Return what kind of value a field takes, with its bounds."""
    kind = field.annotation
    if typing.get_origin(kind) is typing.Literal:
        return " or ".join(f"`{value}`" for value in typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return "list"
    words = next((word for simple, word in _KINDS if kind is simple), "section")
    bounds = [
        f"{phrase} {getattr(rule, name):,}"
        for rule in field.metadata
        for name, phrase in (("ge", "at least"), ("gt", "more than"), ("le", "at most"))
        if getattr(rule, name, None) is not None
    ]
    return ", ".join([words, *bounds])


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = list(field.default) if isinstance(field.default, tuple) else field.default
    return f"`{json.dumps(value) if not isinstance(value, str) else value}`"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _built_in() -> str:
    locked = "\n".join(f"- `{glob}`" for glob in LOCKED_PATHS)
    releasable = "\n".join(f"- `{glob}`" for glob in RELEASABLE_PATHS)
    return f"""## Built-in protected paths

Always protected, because they decide what runs with credentials and who approves:

{locked}

Protected unless `scope.unprotect` names them:

{releasable}

Whatever the policy says, these are never published: symbolic links, submodules, binary files, paths that
git, Windows or macOS would read as something else (`..`, `.git` in any spelling, control and invisible
characters), a lock file that changes without its manifest, and lines that look like a secret.
"""
