"""What the results say, as a figure of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bench.agent.results import Result, Way
from bench.report import Figure, Row

MORE: Final = 1.6
TOKENS: Final = 3.0
ENOUGH: Final = 12
"""Bugs of the measured half that each way must have been given before they are compared."""
NAMES: Final[Mapping[Way, str]] = {
    "agent": "PushPals",
    "whole file": "whole file",
    "mini-swe-agent": "mini-swe-agent, text mode",
}
_HOW: Final = (
    "Bugs of the half that is only ever measured, solved by the job's own path, by asking the same model "
    "for whole files (four tries), and by mini-swe-agent's text mode (its own prompts, at most twelve "
    "steps), and judged by tests that none of them saw. Bugs are taken in the order of their names: a run "
    "that was cut short shows fewer, and not each way as many. Nothing but tries and tokens limits a way, so "
    "what else the machine did shows in the seconds alone. Each result: `agent-results.jsonl`. "
    "`make bench-agent`."
)
_WITHOUT: Final = (
    " Here PushPals had **no model at all** (`--without-model`): what it mended, small changes and the "
    "visible tests mended, and where several passed the first was taken."
)


def figure(results: Sequence[Result], taken: str, *, without_model: bool) -> Figure:
    """Return how many bugs of the measured half each way mended; they are compared on the bugs of both."""
    held = [result for result in results if result.half == "held out"]
    of = {way: {result.bug: result for result in held if result.way == way} for way in NAMES}
    why = "ours was run without the model" if without_model else ""
    bars = []
    for way, name in NAMES.items():
        given = of[way].values()
        alone = " without a model" if way == "agent" and without_model else ""
        bars.append((f"{name}{alone} ({sum(r.right for r in given)} of {len(given)})", _percent(given)))
    more, _, tokens, worse = _beside(of["agent"], of["whole file"], why)
    _, ahead, spent, _ = _beside(of["agent"], of["mini-swe-agent"], why)
    return Figure(
        name="agent",
        title="Small bugs mended",
        how="\n\n".join([_HOW + (_WITHOUT if without_model else ""), table(held)]),
        rows=(
            Row("bugs mended, of the whole-file way's", more[0], "times", "at least", MORE, more[1]),
            Row("tokens, of the whole-file way's", tokens[0], "times", "at most", TOKENS, tokens[1]),
            Row("kinds on which the whole-file way mends more", worse[0], "", "at most", 0.0, worse[1]),
            Row("bugs mended beyond mini-swe-agent's", ahead[0], "", "at least", 0.0, ahead[1]),
            Row("tokens, of mini-swe-agent's", spent[0], "times", "at most", 1.0, spent[1]),
        ),
        bars=tuple(bars),
        unit="percent of the bugs given, on unseen tests",
        taken=taken,
    )


_Found = tuple[float | None, str]


def _beside(
    ours: Mapping[str, Result], theirs: Mapping[str, Result], why: str
) -> tuple[_Found, _Found, _Found, _Found]:
    """Return how we stand beside another way, on the bugs that both were given.

    How often as many are mended, how many more, how often as many tokens it takes, and on how many kinds we
    mend fewer; each with the counts, or with why it is not known.
    """
    both = sorted(ours.keys() & theirs.keys())
    if not why and len(both) < ENOUGH:
        why = f"only {len(both)} bugs were given to both"
    if why:
        return (None, why), (None, why), (None, why), (None, why)
    mended = [sum(way[bug].right for bug in both) for way in (ours, theirs)]
    spent = [sum(way[bug].tokens for bug in both) for way in (ours, theirs)]
    worse = 0
    for kind in {ours[bug].kind for bug in both}:
        some = [bug for bug in both if ours[bug].kind == kind]
        worse += sum(theirs[bug].right for bug in some) > sum(ours[bug].right for bug in some)
    counts = f"{mended[0]} and {mended[1]} of {len(both)}"
    return (
        (mended[0] / mended[1], counts) if mended[1] else (None, f"{counts}: no ratio"),
        (float(mended[0] - mended[1]), counts),
        (spent[0] / spent[1] if spent[1] else None, ""),
        (float(worse), ""),
    )


def table(results: Sequence[Result]) -> str:
    """Return a Markdown table: how many bugs of each kind each way mended, and at what cost."""
    lines = [
        "| Kind | Half | Way | Mended | Visible tests pass | Tokens | Seconds | Tries |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for half in sorted({result.half for result in results}, reverse=True):
        for kind in (*sorted({result.kind for result in results}), "all"):
            for way, name in NAMES.items():
                some = [r for r in results if r.half == half and r.way == way and kind in {r.kind, "all"}]
                if some:
                    lines.append(
                        f"| {kind} | {half} | {name} | {sum(r.right for r in some)} of {len(some)} "
                        f"| {sum(r.seen for r in some)} | {sum(r.tokens for r in some):,} "
                        f"| {sum(r.seconds for r in some):,.0f} | {sum(r.tries for r in some)} |"
                    )
    return "\n".join(lines)


def _percent(results: Iterable[Result]) -> float:
    some = list(results)
    return 100 * sum(r.right for r in some) / len(some) if some else 0.0
