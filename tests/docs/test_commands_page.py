"""The page about commands lists what can be said, word for word as `help` does."""

from __future__ import annotations

from pushpals.audit.prose.answers import help_answer
from pushpals.loop.rules.verbs import HANDLERS
from pushpals.policy.verbs import ASKED, TOLD, Verb
from tests.docs.pages import DOCS

PAGE = DOCS / "commands.md"


def test_the_page_lists_what_help_lists() -> None:
    rows = [line for line in help_answer(tuple(HANDLERS)).split("\n") if line.startswith("| `/pushpals ")]
    assert len(rows) == len(HANDLERS)
    shown = [line for line in PAGE.read_text().split("\n") if line.startswith("| `/pushpals ")]
    assert shown == rows


def test_the_page_tells_rights_as_they_are() -> None:
    text = PAGE.read_text()
    assert {Verb.STATUS, Verb.EXPLAIN, Verb.HELP} == TOLD
    assert {Verb.ASK} == ASKED - TOLD
    assert "| `status`, `explain`, `help` | the roles of `access.ask`, and the author" in text
    assert "| `ask` | the roles of `access.ask` |" in text
