"""`make bench` keeps working: every figure tiny and without peers. Nothing is timed."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.product import run
from bench.product.loop import pieces, sent
from bench.product.size import tiny
from bench.report import Figure, Row, load, page, plot, save


@pytest.mark.parametrize("name", sorted(run.FIGURES))
def test_every_figure_can_be_taken(name: str, tmp_path: Path) -> None:
    figure = run.FIGURES[name](tiny())
    assert figure.name == name
    assert figure.rows
    assert len({row.what for row in figure.rows}) == len(figure.rows)
    save(figure, tmp_path)
    assert load(tmp_path) == [figure]
    ET.fromstring(plot(figure))  # noqa: S314 - made here


def test_eight_workspaces_of_a_new_repository_take_one_fetch() -> None:
    [fetches] = [row for row in run.FIGURES["workspace"](tiny()).rows if row.what.startswith("fetches")]
    assert fetches.value == 1


def figure(*rows: Row) -> Figure:
    return Figure("x", "X", "How.", rows, (("PushPals", 1.0),), "s", "now")


def test_a_miss_is_shown_as_a_miss() -> None:
    said = page([figure(Row("a", 2.0, "s", "at most", 1.0), Row("b", 2.0, "s", "at least", 1.0))])
    assert "1 of 2 aims are met. Missed: a." in said
    assert "| a | 2 s | at most 1 s | **missed** |" in said


def test_what_was_not_measured_is_a_miss_with_its_reason() -> None:
    said = page([figure(Row("a", None, "s", "at most", 1.0, "no engine"))])
    assert "| a (no engine) | not measured | at most 1 s | **missed** |" in said


def test_what_a_prompt_cache_keeps_ends_where_two_requests_begin_to_differ() -> None:
    def request(*said: str) -> dict[str, object]:
        return {"messages": [{"role": "user", "content": text} for text in said]}

    bodies = [request("aa", "b"), request("aa", "b", "c"), request("aa", "x", "c")]
    counted = {piece: 10 for body in bodies for piece in pieces(body)}
    grown = sent(bodies, counted)
    assert grown.tokens == 30 + 40 + 40
    assert grown.kept == (30 + 20) / (30 + 40)  # all of the first; of the second, tools and one message
