"""Merging by content, in a mirror that has no workspace."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pushpals.git import GitError, Identity, LeaseLost, Mirror, PushRefused, RefUpdate
from pushpals.model import Car
from pushpals.source_control.assemble import assemble
from tests.git.remotes import BareRemote, git

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BOT = Identity("PushPals", "bot@example.org")
MAIN = "refs/heads/main"


def branch(remote: BareRemote, name: str, start: str, **files: bytes | None) -> str:
    """Commit `files` (`a_py` is `a.py`) on `start`, as `name`."""
    git(remote.clone, "checkout", "-q", "--detach", start)
    named = {file.replace("_", "."): data for file, data in files.items()}
    return remote.commit(named, f"Work on {name}", f"refs/heads/{name}")


async def fetched(mirror: Mirror) -> None:
    await mirror.fetch("+refs/heads/*:refs/heads/*")


def car(n: int, head: str) -> Car:
    return Car(job=f"{n}-1", branch=f"agent/x/{n}-1", head=head, pull=n, title=f"Change {n}")


def words(car: Car) -> str:
    return f"Merge #{car.pull}: {car.title}"


async def test_two_branches_merge_without_a_workspace(remote: BareRemote, mirror: Mirror, base: str) -> None:
    one = branch(remote, "one", base, a_py=b"a = 1\n")
    two = branch(remote, "two", base, b_py=b"b = 1\n", README_md=b"hello again\n")
    await fetched(mirror)
    merged = await mirror.merge(one, two)
    assert merged.clean
    assert await mirror.read(merged.tree, "a.py") == b"a = 1\n"
    assert await mirror.read(merged.tree, "README.md") == b"hello again\n"


async def test_conflicts_are_told_by_path(remote: BareRemote, mirror: Mirror, base: str) -> None:
    one = branch(remote, "one", base, README_md=b"one\n", a_py=b"1\n")
    two = branch(remote, "two", base, README_md=b"two\n", a_py=b"2\n", b_py=b"fine\n")
    await fetched(mirror)
    assert (await mirror.merge(one, two)).conflicts == ("README.md", "a.py")


async def test_a_file_that_one_deletes_and_the_other_edits_is_a_conflict(
    remote: BareRemote, mirror: Mirror, base: str
) -> None:
    one = branch(remote, "one", base, README_md=None)
    two = branch(remote, "two", base, README_md=b"two\n")
    await fetched(mirror)
    assert (await mirror.merge(one, two)).conflicts == ("README.md",)


async def test_attributes_of_a_branch_run_nothing_and_change_nothing(
    remote: BareRemote, mirror: Mirror, base: str
) -> None:
    start = branch(remote, "main", base, _gitattributes=b"*.md merge=union filter=evil text eol=crlf\n")
    one = branch(remote, "one", start, README_md=b"one\n")
    two = branch(remote, "two", start, README_md=b"two\n")
    await fetched(mirror)
    merged = await mirror.merge(one, two)
    assert merged.conflicts == ("README.md",)
    assert b"\r" not in (await mirror.read(merged.tree, "README.md") or b"\r")


async def test_a_shallow_mirror_gets_the_history_it_needs(remote: BareRemote, tmp_path: Path) -> None:
    start = git(remote.clone, "rev-parse", "HEAD")
    work = branch(remote, "agent/x/1-1", start, a_py=b"a = 1\n")
    branch(remote, "main", start, b_py=b"b = 1\n")
    mirror = await Mirror.open(tmp_path / "shallow.git", f"file://{remote.path}", _anonymous)
    tip = await mirror.fetch_branch("main")
    await mirror.fetch("+refs/heads/agent/*:refs/heads/agent/*", depth=1)
    assert (await mirror.merge(tip, work)).clean


async def _anonymous() -> str | None:
    return None


async def test_commits_without_common_history_do_not_merge(
    remote: BareRemote, mirror: Mirror, base: str
) -> None:
    tree = await mirror.commit_tree(base)
    stranger = await mirror.commit(tree, [], "Another beginning", author=BOT, when=NOON)
    with pytest.raises(GitError, match="no common history"):
        await mirror.merge(base, stranger)


async def test_a_train_is_assembled_in_order_and_the_same_again(
    remote: BareRemote, mirror: Mirror, base: str
) -> None:
    cars = [car(n, branch(remote, f"b{n}", base, **{f"f{n}_py": b"x\n"})) for n in (1, 2, 3)]
    await fetched(mirror)
    made = await assemble(mirror, base, cars, words, author=BOT, when=NOON)
    assert made == await assemble(mirror, base, cars, words, author=BOT, when=NOON)
    assert made.stumbled == ()
    line = [entry.message for entry in await mirror.log(made.commit) if len(entry.parents) == 2]
    assert line == ["Merge #3: Change 3", "Merge #2: Change 2", "Merge #1: Change 1"]
    for each in cars:
        assert await mirror.is_ancestor(each.head, made.commit)


async def test_a_car_that_stumbles_is_left_out_and_the_others_go_on(
    remote: BareRemote, mirror: Mirror, base: str
) -> None:
    first = car(1, branch(remote, "b1", base, README_md=b"one\n"))
    second = car(2, branch(remote, "b2", base, README_md=b"two\n"))
    third = car(3, branch(remote, "b3", base, c_py=b"3\n"))
    old = car(4, branch(remote, "b4", base, run_sh=b"old\n"))
    newer = branch(remote, "main", base, run_sh=b"new\n")
    await fetched(mirror)
    made = await assemble(mirror, newer, [first, second, third, old], words, author=BOT, when=NOON)
    assert [(s.car.job, s.paths, s.with_base) for s in made.stumbled] == [
        ("2-1", ("README.md",), False),
        ("4-1", ("run.sh",), True),
    ]
    assert await mirror.read(made.commit, "README.md") == b"one\n"
    assert await mirror.read(made.commit, "c.py") == b"3\n"


async def test_a_car_that_the_base_holds_already_adds_nothing(
    remote: BareRemote, mirror: Mirror, base: str
) -> None:
    made = await assemble(mirror, base, [car(1, base)], words, author=BOT, when=NOON)
    assert made.commit == base


async def test_exactly_what_was_assembled_lands_and_only_on_the_base_it_was_made_on(
    remote: BareRemote, mirror: Mirror, base: str
) -> None:
    one = car(1, branch(remote, "b1", base, a_py=b"1\n"))
    await fetched(mirror)
    made = await assemble(mirror, base, [one], words, author=BOT, when=NOON)
    theirs = branch(remote, "main", base, z_py=b"theirs\n")
    with pytest.raises(LeaseLost):
        await mirror.push([RefUpdate(MAIN, base, made.commit)])
    assert remote.refs()[MAIN] == theirs
    await fetched(mirror)
    again = await assemble(mirror, theirs, [one], words, author=BOT, when=NOON)
    await mirror.push([RefUpdate(MAIN, theirs, again.commit)])
    assert remote.refs()[MAIN] == again.commit


async def test_a_protected_branch_says_so(remote: BareRemote, mirror: Mirror, base: str) -> None:
    one = car(1, branch(remote, "b1", base, a_py=b"1\n"))
    await fetched(mirror)
    made = await assemble(mirror, base, [one], words, author=BOT, when=NOON)
    remote.hook("pre-receive", "echo 'GH006: Protected branch update failed'; exit 1")
    with pytest.raises(PushRefused):
        await mirror.push([RefUpdate(MAIN, base, made.commit)])
    assert remote.refs()[MAIN] == base
