"""The command line: what it offers, and what it says to those who ask for something else."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from pathlib import Path

import pytest

from pushpals import __version__
from tests.cli.terminal import pushpals

COMMANDS = ["audit", "demo", "doctor", "gc", "init", "metrics", "run", "serve", "setup", "status", "worker"]


async def test_help_lists_what_there_is(tmp_path: Path) -> None:
    ran = await pushpals("--help", home=tmp_path)
    listed = ran.out.partition("Commands:\n")[2]
    assert (ran.code, re.findall(r"^  (\w+)  ", listed, re.MULTILINE)) == (0, COMMANDS)
    assert (await pushpals("-h", home=tmp_path)).out == ran.out
    assert (await pushpals("--version", home=tmp_path)).out == f"pushpals, version {__version__}\n"


@pytest.mark.parametrize("command", [*COMMANDS, "audit timeline", "audit verify"])
async def test_every_command_explains_itself(tmp_path: Path, command: str) -> None:
    ran = await pushpals(*command.split(), "--help", home=tmp_path)
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: python -m pushpals {command} ")
    assert "--record " not in ran.out
    if command in {"demo", "doctor", "run", "audit verify"}:
        assert "Exit code 0: " in ran.out


async def test_help_costs_no_heavy_imports() -> None:
    """Whoever asks for help waits for nothing else: most of what starts slowly is named here."""
    script = "import sys, pushpals.cli; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    loaded = set((await process.communicate())[0].decode().split())
    assert "click" in loaded
    assert loaded & {"asyncio", "aiohttp", "pydantic", "openai", "docker", "jwt", "yaml"} == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["dmeo"], "No such command 'dmeo'"),
        (["demo", "--issue", "it is broken"], "Add --repo PATH"),
        (["demo", "--check", "pytest"], "Add --repo PATH"),
        (["demo", "--repo", "."], "--repo needs --issue TEXT"),
        (["demo", "--repo", ".", "--issue", "  "], "--repo needs --issue TEXT"),
        (["demo", "--repo", "nowhere", "--issue", "x"], "does not exist"),
        (["serve", "--port", "70000"], "0<=x<=65535"),
        (["run"], "Missing argument 'OWNER/REPO#NUMBER'"),
        (["run", "octo/names"], "is not OWNER/REPO#NUMBER, such as octo/names#42"),
        (["run", "octo/names#0"], "is not OWNER/REPO#NUMBER"),
        (["run", "octo/names#x"], "is not OWNER/REPO#NUMBER"),
        (["run", "a/b/c#1"], "is not OWNER/REPO#NUMBER"),
        (["run", "#1"], "is not OWNER/REPO#NUMBER"),
        (["audit", "verify", "42"], "is not the name of a job, such as 42-1"),
        (["audit", "verify", "../42-1"], "is not the name of a job, such as 42-1"),
    ],
    ids=" ".join,
)
async def test_bad_options_say_what_would_be_good(tmp_path: Path, arguments: list[str], said: str) -> None:
    ran = await pushpals(*arguments, home=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("command", [["doctor"], ["serve"], ["run", "octo/names#1"], ["demo"]], ids=" ".join)
async def test_a_bad_setting_is_named(tmp_path: Path, command: list[str]) -> None:
    ran = await pushpals(*command, home=tmp_path, APP_ID="mine", JOBS="0")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[0] == "Error: A setting is not valid."
    assert [line.partition(":")[0] for line in ran.err.splitlines()[1:]] == [
        "PUSHPALS_APP_ID",
        "PUSHPALS_JOBS",
    ]


async def test_an_address_with_a_password_is_told_without_it(tmp_path: Path) -> None:
    ran = await pushpals("doctor", home=tmp_path, GITHUB_URL="http://ada:hunter2@127.0.0.1:9")
    assert (ran.code, ran.out) == (1, "")
    assert "PUSHPALS_GITHUB_URL: holds a user or a password" in ran.err
    assert "hunter2" not in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("host", "why"),
    [("999.1.1.1", "not known"), ("192.0.2.1", "assign requested address"), ("a..b", "no host's name")],
)
async def test_an_address_that_cannot_be_had_is_named(tmp_path: Path, host: str, why: str) -> None:
    ran = await pushpals("serve", "--host", host, "--port", "0", home=tmp_path, WEBHOOK_SECRET="hush")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"Error: PushPals cannot listen at {host}:0 (")
    assert why in ran.err
    assert "PUSHPALS_HOST" in ran.err
    assert "Traceback" not in ran.err


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = await pushpals("serve", "--port", port, home=tmp_path, WEBHOOK_SECRET="hush")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"Error: PushPals cannot listen at 127.0.0.1:{port} (Address already in use). ")
    assert "--port" in ran.err


async def test_what_is_not_configured_is_named(tmp_path: Path) -> None:
    ran = await pushpals("serve", home=tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("Error: PUSHPALS_WEBHOOK_SECRET_FILE is not set.")
    ran = await pushpals("serve", home=tmp_path, WEBHOOK_SECRET_FILE="/nowhere")
    assert (
        "/nowhere cannot be read (No such file or directory). Check PUSHPALS_WEBHOOK_SECRET_FILE." in ran.err
    )


async def test_a_model_that_is_not_there_ends_it_before_anything_is_asked(tmp_path: Path) -> None:
    for command in (["run", "octo/names#1"], ["demo"]):
        ran = await pushpals(*command, "--model-url", "http://127.0.0.1:9/v1", home=tmp_path)
        assert ran.code == 1
        assert "No model server answers at http://127.0.0.1:9/v1" in ran.err
        assert "Traceback" not in ran.err
