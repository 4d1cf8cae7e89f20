"""Turns what an agent tells into audit events, into lines for whoever watches, and into sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.chain import AuditEvent, Kind, Zone
from pushpals.loop.services import Event, EventKind
from pushpals.model import Usage
from pushpals.workerpals import CheckRan, ModelCalled, Note, Refused, ToolUsed, TurnStarted

if TYPE_CHECKING:
    from pydantic import JsonValue

    from pushpals.loop.services import Services
    from pushpals.model import JobRecord, SubjectRef
    from pushpals.workerpals import AgentEvent

SHOWN_COMMAND = 46
"""Characters of a command in a line about how it ended."""
TEXT_LIMIT = 20_000
"""Characters of one output or answer that the audit keeps: its head and its tail."""
_KINDS: dict[str, Kind] = {"run": "command", "edit": "edit", "write": "edit"}


class Logbook:
    """Listens to one attempt at one job. Everything is redacted before it is kept or shown."""

    def __init__(self, ref: SubjectRef, job: JobRecord, services: Services) -> None:
        """Start an empty book for `job`."""
        self._ref = ref
        self._job = job
        self._services = services
        self._events: list[AuditEvent] = []
        self._began = services.clock.monotonic()
        self._usage = Usage()
        self.live = ""
        """What goes on right now, in one short line."""

    def note(self, event: AgentEvent) -> None:
        """Take in one event of the agent."""
        match event:
            case TurnStarted():
                self.live = f"turn {event.turn} of {event.of}"
                self._usage = self._usage.model_copy(update={"turns": self._usage.turns + 1})
                self._watch("turn", f"turn {event.turn} {event.doing}")
            case ModelCalled():
                self._count(event)
                facts: dict[str, JsonValue] = {
                    "model": event.model,
                    "tokens_in": event.tokens_in,
                    "tokens_out": event.tokens_out,
                }
                facts |= {
                    "tokens_cached": event.tokens_cached,
                    "usd": event.usd,
                    "seconds": round(event.seconds, 3),
                }
                self._keep("model_call", "model", event.answer, facts)
            case ToolUsed():
                self._keep(
                    _KINDS.get(event.name, "note"),
                    "sandbox",
                    event.line,
                    {"tool": event.name, "detail": event.detail},
                )
                self._watch("tool", event.line)
            case CheckRan():
                when = "before" if event.base else "after"
                line = f"{_short(event.result.command)}: {event.result.summary} ({when} the change)"
                self._keep("check", "sandbox", line, event.result.model_dump(mode="json"))
                self._watch("check", line)
            case Refused():
                self._keep("refused", "model", event.text)
                self._watch("refused", event.text)
            case Note():
                self._keep("note", "model", event.text)
                self._watch("note", event.text)

    def take(self) -> list[AuditEvent]:
        """Return the audit events since the last call."""
        taken, self._events = self._events, []
        return taken

    def usage(self) -> Usage:
        """Return what has been spent so far in this attempt, as far as events tell."""
        return self._usage.model_copy(update={"seconds": self._services.clock.monotonic() - self._began})

    def _count(self, event: ModelCalled) -> None:
        spent = Usage(
            model_calls=1,
            tokens_in=event.tokens_in,
            tokens_out=event.tokens_out,
            usd=event.usd,
            model=event.model,
        )
        self._usage = add_usage(self._usage, spent)

    def _keep(
        self, kind: Kind, zone: Zone, text: str, attributes: dict[str, JsonValue] | None = None
    ) -> None:
        event = AuditEvent(
            at=self._services.clock.now(),
            kind=kind,
            zone=zone,
            actor=self._job.task.role,
            text=text,
            attributes=attributes or {},
        )
        self._events.append(self._services.redactor.event(event, TEXT_LIMIT))

    def _watch(self, kind: EventKind, text: str) -> None:
        line = " ".join(self._services.redactor(text).split())
        self._services.watch(Event(self._ref, kind, line, self._job.id))


def _short(command: str) -> str:
    """Return a command with its middle left out when it would push its result off the line."""
    if len(command) <= SHOWN_COMMAND:
        return command
    return f"{command[: SHOWN_COMMAND // 2 - 1]}…{command[-(SHOWN_COMMAND // 2) :]}"


def add_usage(one: Usage, other: Usage) -> Usage:
    """Return the sum; the newer model's name stays, and an unknown price stays unknown."""
    usd = None if one.usd is None or other.usd is None else one.usd + other.usd
    return Usage(
        turns=one.turns + other.turns,
        model_calls=one.model_calls + other.model_calls,
        tokens_in=one.tokens_in + other.tokens_in,
        tokens_out=one.tokens_out + other.tokens_out,
        usd=usd,
        seconds=one.seconds + other.seconds,
        commands=one.commands + other.commands,
        refused=one.refused + other.refused,
        model=other.model or one.model,
    )
