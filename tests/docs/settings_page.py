"""Writes `docs/settings.md` from the types and docstrings of `pushpals.server.settings`.

To write the page anew: python -m tests.docs.settings_page > docs/settings.md
"""

from __future__ import annotations

import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import UnionType

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from pushpals.policy.reference import docstrings
from pushpals.server.settings import Settings

INTRODUCTION = """\
# Settings

Every setting of a PushPals process is an environment variable, or a line `NAME=value` of the file that
`pushpals setup` wrote (`~/.config/pushpals/env`); the environment goes before it.
`--model-url`, `--model`, `--host`,
`--port` and `--poll` on the command line come before the variables of the same name. Where a secret can be a
variable or a file, the file comes first; prefer it, and let only its owner read it (mode 0600).
What PushPals may do in a repository is not set here, but in the repository's [policy file](policy.md).

| variable | value | default | meaning |
|---|---|---|---|
"""

OTHERS = """
## Other variables

| variable | meaning |
|---|---|
| `PUSHPALS_CONFIG` | Folder of what `setup` keeps; `env` in it has settings. Default: `~/.config/pushpals`. |
| `XDG_CONFIG_HOME` | The default of `PUSHPALS_CONFIG` is `pushpals` in this folder, where it is set. |
| `PUSHPALS_CACHE` | Folder for the embedded model (1.1 GB). Default: `~/.cache/pushpals`. |
| `XDG_STATE_HOME` | The default of `PUSHPALS_STATE` is `pushpals` in this folder, where it is set. |
| `XDG_CACHE_HOME` | The default of `PUSHPALS_CACHE` is `pushpals` in this folder, where it is set. |
| `OPENAI_BASE_URL` | Address of the endpoint when `PUSHPALS_MODEL_URL` is not set. |
| `OPENAI_API_KEY` | The endpoint's key when `PUSHPALS_MODEL_KEY` and its file are not set. |
| `PATH` | The `python3` that comes first on it is shown inside bubblewrap; `bwrap` is looked for on it. |

Which model is taken when none is named is told in [models](models.md). The fetch of the embedded model hands
pip its own `PIP_` variables and those of proxies and certificates. No variable of yours reaches a sandbox.
"""

KINDS = {
    bool: "`true` or `false`",
    str: "text",
    int: "whole number",
    float: "number",
    Path: "path",
    SecretStr: "text, secret",
}


def render() -> str:
    """Return the page."""
    words = docstrings(Settings)
    rows = [
        f"| `{_variable(name)}` | {_kind(field)} | {_default(name, field)} | {_meaning(words[name])} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return INTRODUCTION + "".join(rows) + OTHERS


def _kind(field: FieldInfo) -> str:
    """Return what a setting takes, with its bounds."""
    kinds = [kind for kind in _alternatives(field.annotation) if kind is not type(None)]
    if typing.get_origin(kinds[0]) is typing.Literal:
        return " or ".join(f"`{value}`" for value in typing.get_args(kinds[0]))
    bounds = (
        f"{words} {getattr(rule, name):,g}"
        for rule in field.metadata
        for name, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"))
        if getattr(rule, name, None) is not None
    )
    return ", ".join([KINDS[typing.cast("type", kinds[0])], *bounds])


def _alternatives(annotation: object) -> Iterator[object]:
    if isinstance(annotation, UnionType):
        yield from typing.get_args(annotation)
    else:
        yield annotation


def _default(name: str, field: FieldInfo) -> str:
    if name == "state":  # depends on the machine
        return "`~/.local/state/pushpals`"
    value = field.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "not set" if value in (None, "") else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _meaning(words: str) -> str:
    text = " ".join(words.split())
    # Docstrings call settings by their names in the code; readers of the page know the variables.
    return re.sub(
        r"`(\w+)`", lambda m: f"`{_variable(m[1])}`" if m[1] in Settings.model_fields else m[0], text
    )


def _variable(name: str) -> str:
    return f"PUSHPALS_{name.upper()}"


if __name__ == "__main__":
    sys.stdout.write(render())
