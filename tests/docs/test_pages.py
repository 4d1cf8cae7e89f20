"""The documentation names what is there: pages, modules, functions, tests, commands, settings, states."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from pushpals.cli import main
from pushpals.ledger import TRANSITIONS
from pushpals.model import FailureKind, JobState
from pushpals.server.needs import APP_EVENTS, APP_PERMISSIONS
from tests.docs.pages import (
    DOCS,
    HOUSE,
    ROOT,
    anchors,
    code,
    commands,
    links,
    missing_place,
    pages,
    table,
    variables,
)
from tests.docs.settings_page import render
from tests.house.rules import LINES

ARCHITECTURE, OPERATING, SETUP = DOCS / "architecture.md", DOCS / "operating.md", DOCS / "setup.md"
BY_HAND = DOCS / "setup-by-hand.md"
BEING_WRITTEN = {"agent.md", "models.md"}
WITH_PLACES = [ARCHITECTURE, DOCS / "security.md", *(DOCS / "decisions").glob("*.md")]
"""Pages that name places in the code; in others `setup.py` is somebody's file."""
EVERY_PAGE = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))


@EVERY_PAGE
def test_links_lead_to_pages_and_headings_that_exist(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if target.name in BEING_WRITTEN:
            continue
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link} names no heading"


@pytest.mark.parametrize("page", WITH_PLACES, ids=lambda page: page.name)
def test_files_functions_and_tests_that_are_named_exist(page: Path) -> None:
    assert [problem for name in code(page) if (problem := missing_place(name))] == []


def test_a_name_that_is_gone_is_noticed() -> None:
    assert missing_place("loop/decide.py:decide") is None
    assert missing_place("loop/shift.py:Shift.run") is None
    assert missing_place("tests/docs/test_pages.py::test_a_name_that_is_gone_is_noticed") is None
    for gone in ("loop/gone.py", "loop/decide.py:gone", "loop/shift.py:Shift.gone"):
        assert missing_place(gone)
    assert missing_place("tests/docs/test_pages.py::test_gone")


@EVERY_PAGE
def test_commands_that_are_printed_exist(page: Path) -> None:
    for words in commands(page):
        group: click.Command = main
        for word in words:
            if not isinstance(group, click.Group):
                break
            if not word.startswith("-"):
                assert word in group.commands, f"pushpals {' '.join(words)}"
                group = group.commands[word]


def test_commands_are_found_where_they_are_printed() -> None:
    assert ["doctor", "--no-model"] in list(commands(SETUP))
    assert ["audit", "verify", "42-1"] in list(commands(OPERATING))


def test_every_page_is_listed() -> None:
    listed = {(DOCS / link).resolve() for link in links(DOCS / "README.md")}
    assert [page.name for page in DOCS.glob("*.md") if page.name != "README.md" and page not in listed] == []
    index = DOCS / "decisions" / "README.md"
    decided = {(index.parent / link).resolve() for link in links(index)}
    assert sorted(decided) == sorted(index.parent.glob("[0-9]*.md"))


def test_the_settings_are_in_step_with_the_types() -> None:
    how = "Write it again: python -m tests.docs.settings_page > docs/settings.md"
    assert (DOCS / "settings.md").read_text() == render(), how


def test_every_variable_that_doors_read_is_among_the_settings() -> None:
    page = (DOCS / "settings.md").read_text()
    doors = [*HOUSE.glob("*.py"), *(HOUSE / "server").rglob("*.py"), *(HOUSE / "local").rglob("*.py")]
    read = {name for door in doors for name in variables(door)}
    assert "OPENAI_API_KEY" in read
    assert [name for name in read if f"`{name}`" not in page] == []


def test_the_app_is_registered_with_what_it_needs() -> None:
    asked = {row[0]: row[1] for row in table(BY_HAND, "permission")}
    assert asked.pop("Metadata") == "Read-only"
    assert asked == {
        {"statuses": "Commit statuses"}.get(name, name.replace("_", " ").capitalize()): {
            "write": "Read and write",
            "read": "Read-only",
        }[level]
        for name, level in APP_PERMISSIONS.items()
    }
    text = BY_HAND.read_text()
    for event in APP_EVENTS:
        assert f"\n- {event.replace('_', ' ').capitalize()}\n" in text


def test_every_failure_is_explained() -> None:
    explained = {row[0].strip("`") for row in table(OPERATING, "kind")}
    assert explained == {kind.value for kind in FailureKind} - {"ambiguous"}
    rooms = ("loop", "workerpals", "source_control")
    given = "".join(path.read_text() for room in rooms for path in (HOUSE / room).rglob("*.py"))
    assert all(f"FailureKind.{kind.name}" in given for kind in FailureKind if kind.value in explained)
    assert "FailureKind.AMBIGUOUS" not in given


def test_the_states_of_a_job_follow_each_other_as_the_ledger_says() -> None:
    rows = table(ARCHITECTURE, "state")
    told = [name for row in rows for name in row[0].strip("`").split("` `")]
    untold = {JobState.SUPERSEDED}
    assert {JobState(name) for name in told} == set(JobState) - untold
    for row in rows:
        for state in row[0].strip("`").split("` `"):
            for after in (name for name in JobState if f"`{name}`" in row[3]):
                assert after in TRANSITIONS[JobState(state)], f"{state} to {after}"


def test_every_room_is_told() -> None:
    told = {
        name.strip("/,").removesuffix(".py")
        for row in table(ARCHITECTURE, "line")
        for name in row[1].split("`")
    }
    assert frozenset().union(*LINES) - {"", "__main__", "action"} <= told
