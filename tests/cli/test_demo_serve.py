"""`pushpals demo --serve`: everything stays up for a look around, and Ctrl-C ends all of it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.cli.test_demo import SAMPLE_FIX
from tests.stories.scripted import ScriptedModel


def hear_ctrl_c() -> None:
    """Undo what a shell does to whatever it runs in the background: these tests may run there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.thorough
async def test_the_pages_answer_until_ctrl_c(tmp_path: Path, model: ScriptedModel) -> None:
    model.replies = [SAMPLE_FIX]
    process = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "pushpals",
            "demo",
            "--serve",
            "--model-url",
            model.url,
            "--model",
            "scripted",
        ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PUSHPALS_STATE": str(tmp_path / "state"),
            "PUSHPALS_SANDBOX": "bubblewrap",
        },
        cwd=tmp_path,
        preexec_fn=hear_ctrl_c,
    )
    assert process.stdout
    said = ""
    async for line in process.stdout:
        said += line.decode()
        if "Everything keeps running." in said:
            break
    found = re.search(r"Everything keeps running\. Open (http://127\S+) in a browser; Ctrl-C ends it\.", said)
    assert found, said
    url = found[1]
    async with aiohttp.ClientSession() as session:
        for page, shows in (("", "issue"), ("/issues/1", "agent:ready"), ("/pull/2", "Evidence")):
            async with session.get(url + page) as answer:
                assert (answer.status, shows in await answer.text()) == (200, True), page
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert (process.returncode, err.decode()) == (130, "")
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)
