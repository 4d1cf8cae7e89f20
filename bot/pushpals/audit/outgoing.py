"""Text from a model, before people or GitHub read it: prose and code, and nothing that acts.

GitHub acts on mentions, references, closing keywords, links, images, HTML and (by way of bots) on commands.
It looks for mentions and references in the rendered page, so an entity would not stop it; formatting as code
does, without invisible characters, and what was written stays readable and can be copied. So whatever could
act becomes code, and Markdown's links lose their form. Applying this twice changes nothing more.
"""

from __future__ import annotations

import itertools
import re
from typing import Final

from pushpals.audit.markdown import truncate_markdown
from pushpals.audit.unseen import Cleaned, strip_unseen

MAX_CHARS: Final = 20_000
_MAX_READ: Final = 200_000

_FENCE: Final = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})[ \t]*([^\s`]*).*$")
# A span with a pipe would come apart in a table, so it is not taken for code.
_SPAN: Final = re.compile(r"(?<![`\\])`[^`|\n]+`(?!`)")
_OURS: Final = r"&(?:amp|lt|#92|#96);"
_ENTITY: Final = re.compile(rf"&(?=[#A-Za-z])(?!{_OURS[1:]})")
_ACTING: Final = re.compile(
    rf"(?P<ours>{_OURS})"
    r"|(?P<link>(?:[\w+.-]{1,40}://|www\.|(?:mailto|xmpp):)[^\s`|<]*[^\s`|<).,;:!?'\"*_])"
    r"|(?P<mention>[\w.+-]{0,60}@[A-Za-z0-9](?:[\w./-]*[\w-])?)"
    r"|(?P<reference>[\w./-]{0,120}#\d+|(?<![A-Za-z0-9])(?:gh-\d+)+)",
    re.IGNORECASE,
)
_NAMES: Final = {"link": "links", "mention": "mentions", "reference": "references to issues"}
_COMMAND: Final = re.compile(r"((?:[ \t]*(?:[>*+-]|\d{1,9}[.)]))*[ \t]*)(/[A-Za-z][\w-]*)")
# GitHub renders these, or offers a button to commit them, instead of showing them.
_RENDERED: Final = frozenset({"mermaid", "math", "geojson", "topojson", "stl", "suggestion"})


def clean_model_text(text: str, limit: int = MAX_CHARS) -> Cleaned:
    """Return `text` as Markdown in which nothing acts, at most `limit` characters, and what was changed."""
    seen = strip_unseen(text[:_MAX_READ])
    removed = dict.fromkeys(seen.removed)
    whole = cleaned = _settled(seen.text, removed)
    room = limit
    while len(cleaned) > limit:
        removed[f"everything after about {limit:,} characters"] = None
        # A cut can leave half of a code span, so what is left is made inert again, and may grow by that.
        cleaned = _settled(truncate_markdown(whole, room), removed)
        room -= max(1, len(cleaned) - limit)
    return Cleaned(text=cleaned, removed=tuple(removed))


def _settled(text: str, removed: dict[str, None]) -> str:
    """Make `text` inert, again and again until nothing changes: what becomes code uncovers its neighbours."""
    while (inert := _pass(text, removed)) != text:
        text = inert
    return text


def _pass(text: str, removed: dict[str, None]) -> str:
    lines: list[str] = []
    source = iter(text.split("\n"))
    for line in source:
        fence = _FENCE.match(line)
        if not fence:
            lines.append(_prose(line, removed))
            continue
        code = list(itertools.takewhile(lambda inner: not _closes(inner, fence[1]), source))  # noqa: B023 - used at once
        if lines and lines[-1].strip():
            lines.append("")
        lines += _code_block(fence[2], code)
    return "\n".join(lines)


def _closes(line: str, fence: str) -> bool:
    bare = line.strip(" \t")
    indent = len(line) - len(line.lstrip(" "))
    return indent < len("    ") and len(bare) >= len(fence) and not bare.strip(fence[0])


def _code_block(language: str, code: list[str]) -> list[str]:
    """Return a fenced block that its content cannot close, at the left margin where nothing else can."""
    longest = max((len(run) for line in code for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    known = re.fullmatch(r"[A-Za-z0-9_+#.-]{1,20}", language) and language.lower() not in _RENDERED
    # Some bots look for commands in the raw text, code or not: a space in front stops them.
    shown = [f" {line}" if re.match(r"/[A-Za-z]", line) else line for line in code]
    return [fence + (language if known else ""), *shown, fence]


def _prose(line: str, removed: dict[str, None]) -> str:
    """Return one line outside of code blocks, its code spans kept and everything else made inert."""
    pieces: list[str] = []
    at = 0
    for span in _SPAN.finditer(line):
        pieces += _inert(line[at : span.start()], removed)
        pieces.append(span[0])
        at = span.end()
    pieces += _inert(line[at:], removed)
    # A line may start with a command only in code; the first piece is where a line starts.
    command = _COMMAND.match(pieces[0]) if pieces else None
    if command:
        removed["commands"] = None
        pieces[:1] = [command[1], f"`{command[2]}`", pieces[0][command.end() :]]
    return _joined(pieces)


def _inert(text: str, removed: dict[str, None]) -> list[str]:
    """Return prose without HTML, links and stray ticks; pieces that are code begin and end with a tick."""
    text = _ENTITY.sub("&amp;", text)
    text = re.sub(r"\\(?=[!-/:-@\[-`{-~]|$)", "&#92;", text)
    if "<" in text:
        removed["HTML"] = None
    if "![" in text:
        removed["images"] = None
    text = text.replace("<", "&lt;").replace("`", "&#96;").replace("![", "[")
    # A link needs its parts side by side: `](`, `][`, and `]:` for a definition.
    text = re.sub(r"\](?=[(\[:])", "] ", text)
    pieces: list[str] = []
    at = 0
    for found in _ACTING.finditer(text):
        if found.lastgroup == "ours" or found.lastgroup is None:
            continue
        removed[_NAMES[found.lastgroup]] = None
        pieces += [text[at : found.start()], f"`{found[0]}`"]
        at = found.end()
    return [*pieces, text[at:]]


def _joined(pieces: list[str]) -> str:
    """Join pieces so that a tick that begins one keeps its meaning behind another tick or a backslash."""
    line = ""
    for piece in pieces:
        if piece.startswith("`") and line.endswith("`"):
            line += " "
        elif piece.startswith("`") and line.endswith("\\"):
            line = line[:-1] + "&#92;"
        line += piece
    return line
