"""What the results say, as a figure of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from bench.agent.results import Result
from bench.report import Figure, Row

MORE: Final = 1.6
TOKENS: Final = 3.0
ENOUGH: Final = 20
"""Bugs of the measured half that both ways must have been given before they are compared."""


def figure(results: Sequence[Result], taken: str, *, without_model: bool) -> Figure:
    """Return how many bugs of the measured half each way mended; they are compared on the bugs of both."""
    held = [result for result in results if result.half == "held out"]
    ours = {result.bug: result for result in held if result.way == "agent"}
    floor = {result.bug: result for result in held if result.way == "whole file"}
    both = sorted(ours.keys() & floor.keys())
    mended = [sum(way[bug].right for bug in both) for way in (ours, floor)]
    spent = [sum(way[bug].tokens for bug in both) for way in (ours, floor)]
    why = ""
    if without_model:
        why = "ours was run without the model"
    elif len(both) < ENOUGH:
        why = f"only {len(both)} bugs were given to both"
    known = not why and mended[1] > 0
    name = "PushPals without a model" if without_model else "PushPals"
    bars = tuple(
        (f"{who} ({sum(r.right for r in way.values())} of {len(way)})", _percent(way.values()))
        for who, way in ((name, ours), ("whole file", floor))
    )
    return Figure(
        name="agent",
        title="Small bugs mended",
        how=_how(held, without_model=without_model),
        rows=(
            Row("bugs mended, of the whole-file way's", mended[0] / mended[1] if known else None, "times",
                "at least", MORE, why),
            Row("tokens, of the whole-file way's", spent[0] / spent[1] if known else None, "times",
                "at most", TOKENS, why),
            Row("bugs mended, of mini-swe-agent's", None, "times", "at least", 1.0,
                "not built yet"),
        ),
        bars=bars,
        unit="percent of the bugs given, on unseen tests",
        taken=taken,
    )  # fmt: skip


def _how(held: Sequence[Result], *, without_model: bool) -> str:
    text = (
        "Bugs of the half that is only ever measured, solved by the job's own path and by asking the same "
        "model for whole files (four tries), and judged by tests that neither saw. `make bench-agent`."
    )
    if without_model:
        text += (
            " Here PushPals had **no model at all** (`--without-model`): what it mended, small changes "
            "and the visible tests mended, and where several passed the first was taken. The whole-file way "
            "had the "
            "embedded model."
        )
    text += " Bugs are taken in the order of their names; a run that was cut short shows fewer."
    ways = (("PushPals", "agent"), ("whole file", "whole file"))
    lines = [
        text,
        "",
        "| Kind | Way | Mended | Visible tests pass | Tokens | Seconds | Tries |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kind in (*sorted({result.kind for result in held}), "all"):
        for name, way in ways:
            some = [r for r in held if r.way == way and kind in {r.kind, "all"}]
            if some:
                lines.append(
                    f"| {kind} | {name} | {sum(r.right for r in some)} of {len(some)} "
                    f"| {sum(r.seen for r in some)} | {sum(r.tokens for r in some):,} "
                    f"| {sum(r.seconds for r in some):,.0f} | {sum(r.tries for r in some)} |"
                )
    return "\n".join(lines)


def _percent(results: Iterable[Result]) -> float:
    some = list(results)
    return 100 * sum(r.right for r in some) / len(some) if some else 0.0
