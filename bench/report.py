"""What a benchmark found, kept as JSON by figure, and the page that is made of all of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Literal

Better = Literal["at most", "at least"]


@dataclass(frozen=True)
class Row:
    """One measurement beside its aim: a value that should be `at most` or `at least` something."""

    what: str
    value: float | None
    """None when it could not be measured; `note` then says why, and the aim counts as missed."""
    unit: str
    better: Better
    aim: float
    note: str = ""

    @property
    def met(self) -> bool:
        """True when the value is measured and on the right side of its aim."""
        if self.value is None:
            return False
        return self.value <= self.aim if self.better == "at most" else self.value >= self.aim


@dataclass(frozen=True)
class Figure:
    """Everything one benchmark found."""

    name: str
    title: str
    how: str
    """How it was measured, in a few sentences."""
    rows: tuple[Row, ...]
    bars: tuple[tuple[str, float], ...]
    """What the plot shows: names and values of one unit."""
    unit: str
    taken: str
    """When, and on which machine."""


def save(figure: Figure, folder: Path) -> None:
    """Write the figure's JSON and its plot into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{figure.name}.json").write_text(json.dumps(asdict(figure), indent=1) + "\n")
    (folder / f"{figure.name}.svg").write_text(plot(figure))


def load(folder: Path) -> list[Figure]:
    """Return the figures saved in `folder`, by name."""
    figures = []
    for file in sorted(folder.glob("*.json")):
        told = json.loads(file.read_text())
        told["rows"] = tuple(Row(**row) for row in told["rows"])
        told["bars"] = tuple((name, value) for name, value in told["bars"])
        figures.append(Figure(**told))
    return figures


def plot(figure: Figure) -> str:
    """Return the figure's bars as an SVG that reads on light and dark pages."""
    most = max((value for _, value in figure.bars), default=0.0) or 1.0
    height = 40 + 30 * len(figure.bars)
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 {height}" role="img" '
            f'font-family="sans-serif" font-size="13" fill="#767676">'
        ),
        f"<title>{escape(figure.title)}</title>",
        f'<text x="8" y="20">{escape(figure.title)} ({escape(figure.unit)})</text>',
    ]
    for at, (name, value) in enumerate(figure.bars):
        top = 34 + 30 * at
        colour = "#2f81f7" if name.startswith("PushPals") else "#8c959f"
        width = max(1.0, 340 * value / most)
        lines += [
            f'<text x="8" y="{top + 16}">{escape(name)}</text>',
            f'<rect x="290" y="{top}" width="{width:.1f}" height="22" rx="3" fill="{colour}"/>',
            f'<text x="{296 + width:.1f}" y="{top + 16}">{shown(value)}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def shown(value: float) -> str:
    """Return a number with as many digits as mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def page(figures: Sequence[Figure]) -> str:
    """Return `docs/benchmarks.md`."""
    missed = [f"{row.what}" for figure in figures for row in figure.rows if not row.met]
    count = sum(len(figure.rows) for figure in figures)
    lines = [
        "# Benchmarks",
        "",
        (
            "This is the output of `make bench` and `make bench-agent`. Each figure is measured beside a "
            "named peer or floor on the same machine, by turns; the medians are shown. Peers are installed "
            'when the bench runs. One figure alone: `make bench ARGS="--only webhook"`.'
        ),
        "",
        f"{count - len(missed)} of {count} aims are met."
        + (f" Missed: {'; '.join(missed)}." if missed else ""),
    ]
    for figure in figures:
        lines += [
            "",
            f"## {figure.title}",
            "",
            figure.how,
            "",
            f"![{figure.title}](benchmarks/{figure.name}.svg)",
        ]
        lines += ["", "| What | Measured | Aim | |", "| --- | --- | --- | --- |"]
        lines += [_line(row) for row in figure.rows]
        lines += ["", f"Taken {figure.taken}."]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    unit = f" {row.unit}" if row.unit else ""
    value = "not measured" if row.value is None else f"{shown(row.value)}{unit}"
    note = f" ({row.note})" if row.note else ""
    verdict = "met" if row.met else "**missed**"
    return f"| {row.what}{note} | {value} | {row.better} {shown(row.aim)}{unit} | {verdict} |"
