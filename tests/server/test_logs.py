"""Logs: one line an event, and no secret in any part of it."""

from __future__ import annotations

import contextvars
import json
import logging
import os
from collections.abc import Iterator

import pytest

from pushpals.audit.redact import Redactor
from pushpals.loop.tracing import JOB, SUBJECT
from pushpals.server import logs
from tests.server.deliveries import Sender

SECRET = "correct-horse-battery-staple"
TOKEN = "ghs_" + "a1B2c3D4e5" * 4


@pytest.fixture
def own_logging() -> Iterator[None]:
    """Give back the logging that was there before."""
    root, ours = logging.getLogger(), logging.getLogger("pushpals")
    before = (root.handlers[:], root.level, ours.level)
    root.handlers = []
    yield
    root.handlers, root.level, ours.level = before[0], before[1], before[2]


def fail(words: str) -> None:
    raise ValueError(words)


@pytest.mark.usefixtures("own_logging")
def test_secrets_are_taken_out_of_message_arguments_and_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO", Redactor([SECRET]))
    log = logging.getLogger("pushpals.somewhere")
    log.info("the secret is %s, the token %s", SECRET, TOKEN)
    try:
        os.environ[SECRET]
    except KeyError:
        log.exception("broken by %s", TOKEN)
    written = capsys.readouterr().err
    assert SECRET not in written
    assert TOKEN not in written
    assert "the secret is [redacted]" in written
    assert "Traceback" in written
    assert written.count("pushpals.somewhere: ") == 2


@pytest.mark.usefixtures("own_logging")
async def test_no_word_of_a_stranger_begins_a_line(
    sender: Sender, capsys: pytest.CaptureFixture[str]
) -> None:
    forged = "2026-01-01 00:00:00,000 WARNING pushpals.server.app: all is lost"
    logs.set_up("INFO", Redactor())
    for end in ("\n", "\r", "\r\n", "\x0b", "\x1b[2K", "\x85", "\u2028"):
        assert (await sender.event("issues", {"action": f"x{end}{forged}"[:40]}))[0] == 202
        try:
            fail(f"x{end}{forged}")
        except ValueError:
            logging.getLogger("pushpals").exception("broken by x%s%s", end, forged)
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith(forged[:30])] == []
    events = [line for line in lines if not line.startswith("  ")]
    assert [line.partition(" pushpals")[2].partition(":")[0] for line in events] == [
        ".server.webhook",
        "",
    ] * 7
    assert all(line.isprintable() for line in lines)


@pytest.mark.usefixtures("own_logging")
def test_the_level_is_for_ours_and_others_only_warn(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("ERROR", Redactor())
    logging.getLogger("pushpals.x").warning("ours, less than asked for")
    logging.getLogger("pushpals.x").error("ours")
    logging.getLogger("aiohttp").info("theirs, chatty")
    logging.getLogger("aiohttp").warning("theirs")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["ours", "theirs"]


@pytest.mark.usefixtures("own_logging")
def test_json_lines_name_subject_and_job_and_keep_secrets_out(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("INFO", Redactor([SECRET]), "json")
    log = logging.getLogger("pushpals.somewhere")
    log.info("no job")
    context = contextvars.copy_context()
    context.run(SUBJECT.set, "octo/names#42")
    context.run(JOB.set, "42-1")
    context.run(log.warning, "the secret is %s,\nthe token %s", SECRET, TOKEN)
    log.info("said so", extra={"subject": "octo/names#7", "job": "7-1", "event": "state"})
    try:
        fail(f"no {SECRET}")
    except ValueError:
        log.exception("broke")
    written = capsys.readouterr().err
    assert SECRET not in written
    assert TOKEN not in written
    plain, bound, told, broke = map(json.loads, written.splitlines())
    assert set(plain) == {"at", "level", "logger", "message"}
    assert (bound["subject"], bound["job"], bound["level"]) == ("octo/names#42", "42-1", "WARNING")
    assert (told["subject"], told["job"], told["event"]) == ("octo/names#7", "7-1", "state")
    assert broke["error"].endswith("ValueError: no [redacted]")
