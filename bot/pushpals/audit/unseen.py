"""Characters that people do not see and machines read: found, removed, named."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from pushpals.model import Frozen


class Cleaned(Frozen):
    """A text made safe, and what was taken out of it, one plain phrase for each kind."""

    text: str
    removed: tuple[str, ...] = ()


# CSI, OSC and the other escape sequences of ECMA-48, in their 7-bit and 8-bit forms; an OSC may lack its end.
_ESCAPES: Final = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]{0,4096}(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]{0,8}[0-~]?"
)

# Blank by their glyph rather than by their category.
_BLANKS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_TAGS: Final = range(0xE0000, 0xE0080)
_SELECTORS: Final = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0), range(0x180B, 0x1810))
_EMOJI_SELECTORS: Final = frozenset("\ufe0e\ufe0f")


def kind_of_unseen(char: str) -> str | None:
    """Return what kind of unseen character `char` is, as a phrase, or None when people can see it.

    Line feeds and tabs count as seen.
    """
    if char in "\n\t" or " " <= char <= "~":
        return None
    point = ord(char)
    category = unicodedata.category(char)
    if char in _BIDI:
        return "characters that reverse the direction of text"
    if point in _TAGS:
        return "invisible tag characters"
    if any(point in block for block in _SELECTORS):
        return "invisible variation selectors"
    if category == "Cc":
        return "control characters"
    if category in {"Cf", "Zl", "Zp"} or char in _BLANKS:
        return "zero-width and other invisible characters"
    if category in {"Co", "Cs"}:
        return "characters without a meaning (private use, surrogates)"
    return None


def strip_unseen(text: str) -> Cleaned:
    """Remove terminal escapes and unseen characters; every line ends in a line feed."""
    removed: dict[str, None] = {}
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    # What remains of a sequence after one removal could form another: go on until none is left.
    while (shorter := _ESCAPES.sub("", text)) != text:
        removed["terminal escape sequences"] = None
        text = shorter
    kept = []
    for char in text:
        kind = kind_of_unseen(char)
        if kind is None:
            kept.append(char)
        elif char not in _EMOJI_SELECTORS:
            # Emoji carry these two in ordinary text: they go, and it is not worth telling.
            removed[kind] = None
    return Cleaned(text="".join(kept), removed=tuple(removed))
