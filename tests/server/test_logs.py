"""Logs: one line an event, and no secret in any part of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest

from pushpals.audit.redact import Redactor
from pushpals.server import logs

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
def test_the_level_is_for_ours_and_others_only_warn(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("ERROR", Redactor())
    logging.getLogger("pushpals.x").warning("ours, less than asked for")
    logging.getLogger("pushpals.x").error("ours")
    logging.getLogger("aiohttp").info("theirs, chatty")
    logging.getLogger("aiohttp").warning("theirs")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["ours", "theirs"]
