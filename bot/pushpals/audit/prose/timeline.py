"""A job's audit trail as a story that can be read top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.prose.words import duration, flat, thousands

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import JsonValue

    from pushpals.audit.chain import AuditEvent

_TEXT = 160
_LONGEST = 10_000
"""Characters of one line of a text that is shown whole."""


def timeline(events: Sequence[AuditEvent], *, full: bool = False) -> Iterator[str]:
    """Yield a line for each event: when, how long after the first, in which zone, what. `full`: all text."""
    day = None
    for event in events:
        if event.at.date() != day:
            day = event.at.date()
            yield f"{day:%Y-%m-%d} UTC"
        after = duration((event.at - events[0].at).total_seconds())
        facts = _facts(event)
        yield (
            f"  {event.at:%H:%M:%S}  +{after:<8} {event.zone:<8} {event.kind:<11} "
            f"{flat(event.text, _TEXT)}{f'  ({facts})' if facts else ''}"
        ).rstrip()
        if full:
            yield from _whole(event)


def _whole(event: AuditEvent) -> Iterator[str]:
    lines = event.text.split("\n")
    if len(lines) > 1 or len(event.text) > _TEXT:
        yield from (f"      | {flat(line, _LONGEST)}" for line in lines)
    for name, value in event.attributes.items():
        if isinstance(value, str) and "\n" in value:
            yield f"      {flat(name, _TEXT)}:"
            yield from (f"      | {flat(line, _LONGEST)}" for line in value.split("\n"))
        else:
            yield f"      {flat(name, _TEXT)}: {flat(str(value), _LONGEST)}"


def _facts(event: AuditEvent) -> str:
    """Return what one wants to know of an event besides its text."""
    facts = event.attributes
    match event.kind:
        case "model_call":
            tokens = f"{_number(facts.get('tokens_in'))} in, {_number(facts.get('tokens_out'))} out"
            return f"{flat(str(facts.get('model') or 'model'), 60)}, {tokens}, {facts.get('seconds')} s"
        case "check":
            return f"exit code {facts.get('exit_code')}" if facts.get("exit_code") is not None else ""
        case "state":
            return flat(str(facts.get("state") or ""), 40)
    return ""


def _number(value: JsonValue) -> str:
    return thousands(value) if isinstance(value, int) else "?"
