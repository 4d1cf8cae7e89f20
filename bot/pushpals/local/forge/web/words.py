"""Small texts of the pages: times, counts, the words for states, and characters that nobody would see."""

import html
import json
import re
from datetime import UTC, datetime, timedelta

from pushpals.audit.unseen import kind_of_unseen
from pushpals.local.forge.entities import Reaction

# Zero-width (non-)joiner and emoji selectors: no trick after one character of an emoji or a script.
_JOINERS = frozenset("\u200c\u200d\ufe0e\ufe0f")
_PLAIN = re.compile(r"[\t\n -~]*")
_CODE = re.compile(r"`([^`\n]+)`")
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
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def plural(number: int, noun: str) -> str:
    """``1 file``, ``3 files``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def took(start: datetime, end: datetime) -> str:
    """How long something took: ``41 s``, ``4m 10s``."""
    seconds = max(0, round((end - start).total_seconds()))
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m {rest:02d}s" if minutes else f"{rest} s"


def visible(text: str) -> str:
    """A text as HTML, its unseen characters shown by number: they could reorder code, or hide some of it."""
    if _PLAIN.fullmatch(text):
        return html.escape(text)
    return "".join(_shown(char, before) for before, char in zip(" " + text, text, strict=False))


def titled(text: str) -> str:
    """A title as HTML: like :func:`visible`, with what stands in backticks as code."""
    return _CODE.sub(r"<code>\1</code>", visible(text))


def _shown(char: str, before: str) -> str:
    joins = char in _JOINERS and not before.isascii() and kind_of_unseen(before) is None
    if joins or kind_of_unseen(char) is None:
        return html.escape(char)
    return f'<span class="unseen">U+{ord(char):04X}</span>'


def reacted(reactions: tuple[Reaction, ...]) -> dict[str, str]:
    """Who reacted, by reaction, in words."""
    who: dict[str, list[str]] = {}
    for reaction in reactions:
        who.setdefault(reaction.content.lower().replace("_", " "), []).append(reaction.user)
    return {content: ", ".join(people) for content, people in who.items()}


def gist(text: str) -> str:
    """The first line that says something: neither blank nor a fence."""
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and not line.startswith("```")), "")


def pretty(value: object) -> str:
    """Data as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
