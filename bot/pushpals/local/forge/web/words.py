"""Small texts of the pages: times, counts, the words for states, and characters that nobody would see."""

import json
import re
from datetime import datetime, timedelta

from markupsafe import Markup, escape

from pushpals.audit.unseen import kind_of_unseen
from pushpals.local.forge.entities import Reaction

# What joins emoji and script letters in ordinary text is no trick: zero-width (non-)joiner, emoji selectors.
_HARMLESS = "\u200c\u200d\ufe0e\ufe0f"
_PLAIN = re.compile(r"[\t\n -~]*")
_WEEK = timedelta(days=7)


def ago(when: datetime, now: datetime) -> str:
    """``just now``, ``4 minutes ago``, ``yesterday``, then the date."""
    age = now - when
    minutes = age // timedelta(minutes=1)
    if minutes < 1:
        return "just now"
    if age < timedelta(hours=1):
        return f"{plural(minutes, 'minute')} ago"
    if age < timedelta(days=1):
        return f"{plural(age // timedelta(hours=1), 'hour')} ago"
    if age < _WEEK:
        return "yesterday" if age.days == 1 else f"{age.days} days ago"
    return f"on {when.day} {when:%b %Y}"


def utc(when: datetime) -> str:
    """The full time, as ``2026-11-20 06:09:12 UTC``."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def plural(number: int, noun: str) -> str:
    """``1 file``, ``3 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def took(start: datetime, end: datetime) -> str:
    """How long something took: ``41 s``, ``4m 10s``."""
    seconds = max(0, round((end - start).total_seconds()))
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest} s"


def visible(text: str) -> Markup:
    """A text with its unseen characters shown by number: they could reorder code, or hide some of it."""
    if _PLAIN.fullmatch(text):
        return escape(text)
    parts = []
    for char in text:
        hidden = char not in _HARMLESS and kind_of_unseen(char)
        parts.append(
            Markup('<span class="unseen">U+{:04X}</span>').format(ord(char)) if hidden else escape(char)
        )
    return Markup().join(parts)


def reacted(reactions: tuple[Reaction, ...]) -> dict[str, str]:
    """Who reacted, by reaction, in words."""
    who: dict[str, list[str]] = {}
    for reaction in reactions:
        who.setdefault(reaction.content.lower().replace("_", " "), []).append(reaction.user)
    return {content: ", ".join(people) for content, people in who.items()}


def pretty(value: object) -> Markup:
    """Data as indented JSON."""
    return visible(json.dumps(value, indent=2, ensure_ascii=False, default=str))
