"""The numbers of a repository as a table for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pushpals.audit.prose.words import count, duration, role_name, thousands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushpals.audit.measures import RoleTally, Spread, TeamMetrics

_WIDTH = 29


def measures(m: TeamMetrics) -> Iterator[str]:
    """Yield the lines."""
    days = max(1, (m.until - m.since).days)
    yield f"{m.repository}, since {m.since:%Y-%m-%d} ({count(days, 'day')})"
    if not m.requests and not m.jobs:
        yield "Nothing was asked for in that time. `--since 90d` looks further back."
        return
    yield _line("Requests", f"{m.requests}, {count(m.jobs, 'job')}")
    yield _line("Time to first pull request", _spread(m.time_to_first_pull))
    yield _line("Wait for a worker", _spread(m.queue_wait))
    yield _line("Pull requests", f"{m.pulls}: {m.merged} merged, {m.closed} closed, {m.open} open")
    yield _line("Merged without edits", _share(m.merged_unedited, m.merged))
    yield _line("Went on for another round", _share(m.reworked, m.pulls))
    for tally in m.roles:
        yield _line(f"Jobs of {role_name(tally.role)}", _role(tally))
    yield _line("Cost", _cost(m))
    if m.usd_per_merge is not None:
        tokens = thousands(round(m.tokens / m.merged))
        yield _line("Cost per merged pull request", f"${m.usd_per_merge:.2f}, {tokens} tokens")
    stuck = ", ".join(m.stuck[:10]) + (" …" if len(m.stuck) > 10 else "")  # noqa: PLR2004
    yield _line("Stuck", f"{stuck}. See `pushpals status`." if m.stuck else "nothing")


def _line(name: str, text: str) -> str:
    return f"{name:<{_WIDTH}} {text}"


def _spread(spread: Spread) -> str:
    if spread.median is None or spread.p90 is None:
        return "not known yet"
    return (
        f"median {duration(spread.median)}, nine of ten within {duration(spread.p90)} ({spread.count} seen)"
    )


def _share(some: int, of: int) -> str:
    return f"{some} of {of} ({round(100 * some / of)} %)" if of else "none yet"


def _role(tally: RoleTally) -> str:
    text = f"{tally.succeeded} of {tally.succeeded + tally.failed} that ended succeeded"
    failures = ", ".join(f"{kind} {number}" for kind, number in sorted(tally.failures.items()))
    return f"{text}; failed: {failures}" if failures else text


def _cost(m: TeamMetrics) -> str:
    unknown = f"; of {m.usd_unknown} the price is not known" if m.usd_unknown else ""
    return f"${m.usd:.2f}, {thousands(m.tokens)} tokens{unknown}"
