"""The files that fit a question best, as far as a page has room for them."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_FILES: Final = 4
AROUND: Final = 25
"""Lines shown before and after the line that fits best, where a whole file is too much."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z\u00df-\u024f]{2,}|\d{2,}")
# fmt: off
_COMMON: Final = frozenset((
    "about", "all", "an", "and", "any", "are", "as", "at", "be", "but", "by", "can", "could", "do", "does",
    "for", "from", "has", "have", "how", "if", "in", "into", "is", "it", "its", "me", "my", "no", "not", "of",
    "on", "or", "our", "should", "that", "the", "their", "them", "then", "there", "they", "this", "to", "was",
    "we", "what", "when", "where", "which", "who", "why", "will", "with", "would", "you", "your",
))
# fmt: on


def excerpts(question: str, sources: Mapping[str, str], limit: int) -> dict[str, str]:
    """Return parts of the files that share the rarest words with `question`, the best first.

    Together they have at most `limit` characters. Nothing fits a question that shares no word.
    """
    asked = words(question)
    counts = {path: words(f"{path}\n{text}") for path, text in sources.items()}
    spread = Counter(word for found in counts.values() for word in asked.keys() & found.keys())
    weight = {word: math.log(1 + len(sources) / spread[word]) for word in spread}
    scores = {
        path: sum(weight[word] * (1 + math.log(found[word])) for word in asked.keys() & found.keys())
        for path, found in counts.items()
    }
    best = sorted((path for path in scores if scores[path] > 0), key=lambda path: (-scores[path], path))
    shown: dict[str, str] = {}
    for path in best[:MOST_FILES]:
        room = limit - sum(map(len, shown.values()))
        text = _part(sources[path], weight, min(room, limit // 2))
        if not text:
            break
        shown[path] = text
    return shown


def words(text: str) -> Counter[str]:
    """Return the words of a text, of identifiers too: `normalizeName` has two."""
    return Counter(word for found in _WORD.findall(text) if (word := found.lower()) not in _COMMON)


def _part(text: str, weight: Mapping[str, float], room: int) -> str:
    """Return the text, or the lines around the one that says most of what was asked."""
    if len(text) <= room:
        return text
    lines = text.split("\n")
    says = [sum(weight.get(word, 0) for word in words(line)) for line in lines]
    best = max(range(len(lines)), key=lambda at: says[at])
    around = AROUND
    while around >= 0:
        start, end = max(0, best - around), best + around + 1
        part = "\n".join(lines[start:end])
        if len(part) + 40 <= room:
            return f"(lines {start + 1} to {min(end, len(lines))})\n{part}"
        around -= 5
    return ""
