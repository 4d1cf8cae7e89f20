"""The bench of the agent runs from end to end, here with a scripted model instead of the embedded one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.agent.absent import Absent
from bench.agent.corpus import load
from bench.agent.figure import figure, table
from bench.agent.results import Result, Way
from bench.agent.run import run
from bench.agent.whole_file import file_in
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


def test_the_file_of_an_answer_is_the_one_named_last_before_it() -> None:
    assert file_in("a.py calls b.py:\n```python\nx = 1\n```", ["a.py", "b.py"]) == ("b.py", "x = 1\n")
    assert file_in("```\nx = 1\n```", ["a.py"]) == ("a.py", "x = 1\n")
    assert file_in("```\nx = 1\n```", ["a.py", "b.py"]) is None
    assert file_in("none", ["a.py"]) is None


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
