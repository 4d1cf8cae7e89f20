"""`pushpals audit verify`: a good record is good, and a tampered one is told with its place."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.cli.terminal import Ran, pushpals
from tests.stories.town import Town

JOB = "refs/pushpals/jobs/1-1"
WHO = ("-c", "user.name=Mallory", "-c", "user.email=mallory@example.org")


async def git(folder: Path, *arguments: str, given: bytes = b"") -> str:
    """Run git as anybody could, and return what it prints."""
    process = await asyncio.create_subprocess_exec(
        *("git", *WHO, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=folder,
    )
    out, _ = await process.communicate(given)
    assert process.returncode == 0
    return out.decode()


@pytest.fixture
async def clone(town: Town, tmp_path: Path) -> Path:
    """A clone that holds the record of a published job."""
    async with town.server():
        issue = town.issue()
        town.label(issue)
        await town.concluded(issue)
    await git(tmp_path, "clone", "--quiet", f"{town.forge.url}/octo/names.git", "clone")
    await git(tmp_path / "clone", "fetch", "--quiet", "origin", "+refs/pushpals/*:refs/pushpals/*")
    return tmp_path / "clone"


async def rewritten(clone: Path, path: str, old: str, new: str) -> None:
    """Write one file of the record's tip anew, and leave the rest as it is."""
    text = await git(clone, "show", f"{JOB}:{path}")
    assert old in text
    blob = (await git(clone, "hash-object", "-w", "--stdin", given=text.replace(old, new).encode())).strip()
    entries = [
        line for line in (await git(clone, "ls-tree", JOB)).splitlines() if not line.endswith(f"\t{path}")
    ]
    tree = (
        await git(clone, "mktree", given="\n".join([*entries, f"100644 blob {blob}\t{path}\n"]).encode())
    ).strip()
    message = await git(clone, "log", "-1", "--format=%B", JOB)
    commit = await git(clone, "commit-tree", tree, "-p", f"{JOB}^", given=message.encode())
    await git(clone, "update-ref", JOB, commit.strip())


async def verify(clone: Path, home: Path, job: str = "1-1") -> Ran:
    return await pushpals("audit", "verify", job, "--repo", str(clone), home=home)


async def test_a_good_record_holds_and_a_changed_one_does_not(clone: Path, tmp_path: Path) -> None:
    ran = await verify(clone, tmp_path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("ok    1-1: ")
    assert ran.out.endswith("state published\n")
    good = (await git(clone, "rev-parse", JOB)).strip()

    # An audit line that was there before.
    await rewritten(clone, "audit.jsonl", "Claimed, attempt 1.", "Claimed, attempt 9.")
    ran = await verify(clone, tmp_path)
    tip = (await git(clone, "rev-parse", JOB))[:12]
    assert ran.code == 1
    assert f"FAIL  {tip} rewrites audit lines that were there before.\n" in ran.out
    assert "FAIL  Audit line " in ran.out

    # The tree that is said to have passed the gate.
    await git(clone, "update-ref", JOB, good)
    tree = (await git(clone, "rev-parse", "HEAD^{tree}")).strip()
    record = await git(clone, "show", f"{JOB}:record.json")
    gated = json.loads(record)["tree"]
    await rewritten(clone, "record.json", gated, tree)
    ran = await verify(clone, tmp_path)
    assert ran.code == 1
    assert "does not have the tree that passed the gate." in ran.out

    # The tree that the checks are said to have run on.
    await git(clone, "update-ref", JOB, good)
    assert record.index(gated) < record.index('"tree"', record.index('"state"'))  # the report comes first
    await rewritten(clone, "record.json", record, record.replace(gated, tree, 1))
    ran = await verify(clone, tmp_path)
    assert ran.code == 1
    assert "The evidence is about another tree" in ran.out

    # A record that nobody can read.
    await git(clone, "update-ref", JOB, good)
    await rewritten(clone, "record.json", "{", "{{")
    ran = await verify(clone, tmp_path)
    assert ran.code == 1
    assert (await git(clone, "rev-parse", JOB))[:7] in ran.out
    assert "Traceback" not in ran.err


async def test_a_record_that_is_not_here_is_fetched_first(tmp_path: Path) -> None:
    await git(tmp_path, "init", "--quiet", "empty")
    ran = await verify(tmp_path / "empty", tmp_path, "42-1")
    assert (ran.code, ran.out) == (
        1,
        "FAIL  There is no refs/pushpals/jobs/42-1 here. Fetch refs/pushpals/* first.\n",
    )
    (tmp_path / "no-git").mkdir()
    ran = await verify(tmp_path / "no-git", tmp_path)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith("is not a git repository. Name one with --repo.\n")
