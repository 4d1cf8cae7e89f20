"""The bench of the agent runs from end to end, here with a scripted model instead of the embedded one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.agent.absent import Absent
from bench.agent.corpus import load
from bench.agent.figure import figure, table
from bench.agent.mini import Served
from bench.agent.results import Result, Way
from bench.agent.run import run
from bench.agent.whole_file import file_in
from bench.product import peers
from bench.product.chat_server import FINISHED, ChatServer, listening
from pushpals.sandbox import SandboxProvider, choose
from tests.workerpals.conftest import Scripted

CASES = {case.bug.name: case for case in load()}


@pytest.fixture(scope="module")
def sandboxes() -> SandboxProvider:
    return asyncio.run(choose("bubblewrap", None, []))


@pytest.mark.thorough
async def test_both_ways_are_judged_by_the_unseen_tests(sandboxes: SandboxProvider, tmp_path: Path) -> None:
    case = CASES["roman-limit"]
    right = Scripted(f"roman.py\n```python\n{case.program['roman.py']}```")
    results = await run([case], right, sandboxes, tmp_path / "raw")
    assert [(result.way, result.right, result.seen) for result in results] == [
        ("agent", True, True),
        ("whole file", True, True),
    ]
    assert all(result.tries and result.tokens for result in results)
    assert f"| boundary | {case.half} | whole file | 1 of 1 |" in table(results)
    again = Scripted("unused")
    assert await run([case], again, sandboxes, tmp_path / "raw") == results
    assert again.asked == []


@pytest.mark.thorough
async def test_what_only_pleases_the_seen_tests_is_no_mending(
    sandboxes: SandboxProvider, tmp_path: Path
) -> None:
    case = CASES["intervals-none"]
    cheat = case.broken["intervals.py"].replace(
        "    return max(", "    if isinstance(spans, list) and not spans:\n        return 0\n    return max("
    )
    answer = Scripted(f"intervals.py\n```python\n{cheat}```")
    _, floor = await run([case], answer, sandboxes, tmp_path / "raw")
    assert (floor.seen, floor.right) == (True, False)


@pytest.mark.thorough
@pytest.mark.timeout(600)  # installing it takes a minute, and more where the machine is busy
async def test_mini_swe_agent_works_in_our_sandbox_and_is_counted(
    sandboxes: SandboxProvider, tmp_path: Path
) -> None:
    """The real one, installed from its registry, led by an endpoint that says what to do."""
    case = CASES["roman-limit"]
    commands = ["ls", f"cat > roman.py <<'EOF'\n{case.program['roman.py']}EOF", FINISHED]

    def says(_kind: str, number: int, _steps: int) -> dict[str, str]:
        block = f"```mswea_bash_command\n{commands[number]}\n```"
        return {"role": "assistant", "content": f"THOUGHT: so.\n\n{block}"}

    runner, address = await listening(ChatServer(says))
    try:
        python = await asyncio.to_thread(peers.mini_swe_agent)
        served = Served(python, f"{address}/text/3/0/v1", "scripted", "none")
        [result] = await run(
            [case], Scripted("unused"), sandboxes, tmp_path / "raw", ("mini-swe-agent",), served
        )
    finally:
        await runner.cleanup()
    assert (result.right, result.tries, result.tokens_out) == (True, 3, 60)


def test_the_file_of_an_answer_is_the_one_named_last_before_it_or_the_most_similar() -> None:
    program = {"a.py": "def a():\n    return 1\n", "b.py": "class B:\n    size = 2\n"}
    assert file_in("a.py calls b.py:\n```python\nx = 1\n```", program) == ("b.py", "x = 1\n")
    assert file_in("```\nclass B:\n    size = 3\n```", program) == ("b.py", "class B:\n    size = 3\n")
    assert file_in("none", program) is None


@pytest.mark.thorough
async def test_some_bugs_need_no_model(sandboxes: SandboxProvider, tmp_path: Path) -> None:
    [result] = await run([CASES["roman-limit"]], Absent(), sandboxes, tmp_path / "raw", ("agent",))
    assert (result.right, result.seen, result.tokens) == (True, True, 0)


def test_what_was_not_measured_is_a_miss_with_its_reason() -> None:
    def result(bug: str, way: Way, *, right: bool) -> Result:
        return Result(
            bug=bug, kind="boundary", half="held out", way=way, right=right, seen=right, tries=1,
            tokens_in=10, tokens_out=1, seconds=1, model_seconds=1,
        )  # fmt: skip

    ways: tuple[Way, ...] = ("agent", "whole file")
    results = [result(str(n), way, right=n < 15) for n in range(20) for way in ways]
    more, tokens, worse, *_ = figure(results, "now", without_model=False).rows
    assert (more.value, more.met, tokens.value, tokens.met) == (1.0, False, 1.0, True)
    assert worse.value == 0
    for fewer, without in ((results[:6], False), (results, True)):
        assert all(row.value is None and row.note for row in figure(fewer, "now", without_model=without).rows)
