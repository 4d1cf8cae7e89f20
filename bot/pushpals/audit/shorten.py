"""Making long text and data short, in a way that says so."""

from __future__ import annotations

from pydantic import JsonValue


def shorten(text: str, limit: int) -> str:
    """Keep the beginning and the end of a long text, where the command and its verdict are."""
    if len(text) <= limit:
        return text
    note = f"\n[{len(text) - limit} or more characters are left out here]\n"
    room = max(0, limit - len(note))
    head = room // 3
    return (text[:head] + note + text[len(text) - (room - head) :])[:limit]


def shorten_data(value: JsonValue, limit: int) -> JsonValue:
    """Return JSON data: of texts at most `limit` characters, of lists and objects as many items."""
    if isinstance(value, str):
        return shorten(value, limit)
    if isinstance(value, list):
        return [shorten_data(item, limit) for item in value[:limit]]
    if isinstance(value, dict):
        return {key: shorten_data(value[key], limit) for key in list(value)[:limit]}
    return value
