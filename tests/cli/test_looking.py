"""`status`, `metrics`, `audit timeline` and `gc`, as a person runs them, over a forge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.terminal import Ran, pushpals
from tests.cli.test_audit_verify import git
from tests.stories.town import BUGGY, Town


async def run(town: Town, home: Path, *arguments: str, **variables: str) -> Ran:
    """Run a command with the App's settings, and a state folder of its own."""
    assert town.settings.private_key
    key = home / "key.pem"
    key.touch(mode=0o600)
    key.write_text(town.settings.private_key.get_secret_value())
    own = {"GITHUB_URL": town.forge.url, "APP_ID": str(town.app.id), "PRIVATE_KEY_FILE": str(key)}
    return await pushpals(*arguments, home=home, **own, **variables)


@pytest.fixture
async def lived(town: Town) -> Town:
    """One pull request is merged, and one is open."""
    async with town.server():
        for count, name in enumerate(("merged", "closed"), start=1):
            issue = town.issue(f"Names are {name}")
            town.label(issue)
            await town.concluded(issue)
            await town.until(lambda most=count: len(town.pulls()) == most)  # type: ignore[misc]
            if name == "merged":
                await town.forge.merge(town.pulls()[0], "ada")
                await town.tells("was cleared away")
                await town.forge.push(town.repo, "ada", {"auth/names.py": BUGGY}, branch="main")
        return town


async def test_status(town: Town, tmp_path: Path) -> None:
    nothing = await run(town, tmp_path, "status")
    assert (nothing.code, nothing.out.splitlines()[0]) == (0, "octo/names")
    assert "Label an issue" in nothing.out
    async with town.server():
        issue = town.issue()
        town.label(issue)
        await town.concluded(issue)
        while_running = await run(town, tmp_path, "status", "octo/names", STATE=str(town.settings.state))
    ran = await run(town, tmp_path, "status", "octo/names")
    for each in (while_running, ran):
        assert (each.code, each.err) == (0, "")
        assert "For you to review\n    1-1      published" in each.out
        assert f"{town.forge.url}/octo/names/issues/1" in each.out
    told = [json.loads(line) for line in (await run(town, tmp_path, "status", "--json")).out.splitlines()]
    assert [(one["repository"], one["list"], one["job"]["id"]) for one in told] == [
        ("octo/names", "review", "1-1")
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status", "nonsense"), "not OWNER/REPO"),
        (("metrics",), "Missing argument"),
        (("metrics", "octo/names", "--since", "yesterday"), "Write it like 30d"),
        (("audit", "timeline", "42"), "not the name of a job"),
        (("gc", "--records-days", "0"), "0 is not in the range"),
    ],
)
async def test_what_makes_no_sense_is_told(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    ran = await pushpals(*arguments, home=tmp_path)
    assert (ran.code, said in ran.err) == (2, True), ran.err


async def test_without_an_app_they_say_what_to_set(tmp_path: Path) -> None:
    for command in (("status",), ("gc",)):
        ran = await pushpals(*command, home=tmp_path)
        assert (ran.code, "PUSHPALS_APP_ID" in ran.err) == (1, True), ran.err


async def test_metrics_and_timeline_and_gc_tell_what_happened(lived: Town, tmp_path: Path) -> None:
    town = lived
    ran = await run(town, tmp_path, "metrics", "octo/names")
    assert ran.code == 0, ran.err
    assert "2 of 2 that ended succeeded" in ran.out
    numbers = json.loads((await run(town, tmp_path, "metrics", "octo/names", "--json")).out)
    assert (numbers["requests"], numbers["pulls"], numbers["merged"], numbers["open"]) == (2, 2, 1, 1)
    assert numbers["merged_unedited"] == 1
    assert numbers["time_to_first_pull"]["count"] == 2
    assert numbers["stuck"] == []

    await git(tmp_path, "clone", "--quiet", f"{town.forge.url}/octo/names.git", "clone")
    clone = tmp_path / "clone"
    await git(clone, "fetch", "--quiet", "origin", "+refs/pushpals/*:refs/pushpals/*")
    told = await pushpals("audit", "timeline", "1-1", "--repo", str(clone), home=tmp_path)
    assert told.code == 0, told.out
    lines = told.out.splitlines()
    assert lines[0].endswith("(merged)")
    order = [
        next(n for n, line in enumerate(lines) if word in line) for word in ("queued", "Claimed", "ublished")
    ]
    assert order == sorted(order)
    assert lines[-1].startswith("ok    ")
    whole = await pushpals("audit", "timeline", "1-1", "--repo", str(clone), "--full", home=tmp_path)
    assert len(whole.out) > len(told.out)
    none = await pushpals("audit", "timeline", "9-1", "--repo", str(clone), home=tmp_path)
    assert (none.code, none.out.startswith("FAIL")) == (1, True)
    events = await pushpals("audit", "timeline", "1-1", "--repo", str(clone), "--json", home=tmp_path)
    assert json.loads(events.out.splitlines()[0])["kind"] == "state"


@pytest.mark.thorough
async def test_gc_looks_first_and_deletes_what_it_listed_when_told(lived: Town, tmp_path: Path) -> None:
    town = lived
    branch = "refs/heads/agent/bug-fixer/3-1"
    before = await town.refs()
    assert branch in before
    assert "Nothing to tidy up." in (await run(town, tmp_path, "gc")).out, "its pull request is open"

    async with town.server() as server:
        await server.reconciled.wait()
        town.forge.close_issue(town.pulls()[1], "ada")
        await town.tells("closed")
        await server.queue.idle()
    assert (await town.jobs(town.forge.store.subject(town.repo.id, 3)))[0].state == "cancelled"  # type: ignore[arg-type]
    assert "Nothing to tidy up." in (await run(town, tmp_path, "gc")).out, "it ended only today"
    listed = await run(town, tmp_path, "gc", "--days", "0")
    assert (listed.code, "agent/bug-fixer/3-1  cancelled" in listed.out) == (0, True), listed.out
    assert "Nothing was deleted" in listed.out
    assert await town.refs() == before

    gone = town.folder / "gone"
    (gone / "mirrors" / "octo" / "old.git").mkdir(parents=True)
    (gone / "work").mkdir()
    ran = await run(town, tmp_path, "gc", "--days", "0", "--yes", STATE=str(gone))
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "3 deleted."), ran.out
    assert not any(ref.startswith("refs/heads/agent/") for ref in await town.refs())
    assert {path.name for path in (gone / "mirrors" / "octo").iterdir()} == {"names.git"}
    assert not (gone / "work").exists()
    assert "refs/pushpals/jobs/3-1" in await town.refs(), "records stay unless one asks for them to go"


async def test_gc_leaves_the_folder_of_a_running_server_alone(town: Town, tmp_path: Path) -> None:
    async with town.server():
        (town.settings.state / "work").mkdir(exist_ok=True)
        ran = await run(town, tmp_path, "gc", "--yes", STATE=str(town.settings.state))
        assert (ran.code, "is in use" in ran.out) == (0, True), ran.out
        assert (town.settings.state / "work").exists()
