import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from pushpals.git import GitError, GitUnavailable, Identity, Mirror, RefMissing
from pushpals.git.lock import exclusive
from pushpals.git.process import Completed, Git
from tests.git.remotes import BareRemote, anonymous, git

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BOT = Identity("PushPals", "bot@example.org")


async def test_a_mirror_is_made_once_and_opened_again(remote: BareRemote, mirror: Mirror, base: str) -> None:
    again = await remote.mirror(mirror.path)
    assert await again.resolve("refs/heads/main") == base
    assert mirror.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("half", ["config", "HEAD"])
@pytest.mark.parametrize("content", [b"", b"[core\n garbage"])
async def test_a_half_made_mirror_is_finished(
    remote: BareRemote, mirror: Mirror, base: str, half: str, content: bytes
) -> None:
    (mirror.path / half).write_bytes(content)
    again = await remote.mirror(mirror.path)
    await again.fetch("+refs/heads/*:refs/heads/*")
    assert await again.resolve("refs/heads/main") == base


async def test_locks_that_a_killed_process_left_do_not_stop_the_next(
    remote: BareRemote, mirror: Mirror
) -> None:
    newer = remote.commit({"a": b"1"})
    ours = (mirror.path / "pushpals.lock").stat().st_ino
    for lock in ("refs/heads/main.lock", "config.lock", "packed-refs.lock"):
        (mirror.path / lock).touch()
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    assert await mirror.resolve("refs/heads/main") == newer

    (mirror.path / "config.lock").touch()
    assert (mirror.path / "pushpals.lock").stat().st_ino == ours
    assert await (await remote.mirror(mirror.path)).resolve("refs/heads/main") == newer


async def test_a_fetch_prunes_what_the_remote_no_longer_has_under_its_globs_only(
    remote: BareRemote, mirror: Mirror, base: str
) -> None:
    for ref in ("refs/heads/agent/x/1-1", "refs/pushpals/jobs/1-1", "refs/pushpals/jobs/2-1"):
        remote.point(ref, base)
    await mirror.fetch("+refs/heads/*:refs/heads/*", "+refs/pushpals/*:refs/pushpals/*")
    for ref in ("refs/heads/agent/x/1-1", "refs/pushpals/jobs/1-1", "refs/pushpals/jobs/2-1"):
        remote.delete(ref)
    await mirror.fetch("+refs/pushpals/jobs/1-*:refs/pushpals/jobs/1-*")
    assert set(await mirror.refs()) == {
        "refs/heads/main",
        "refs/heads/agent/x/1-1",
        "refs/pushpals/jobs/2-1",
    }


async def test_a_branch_is_followed_when_it_is_rewritten(remote: BareRemote, mirror: Mirror) -> None:
    git(remote.clone, "commit", "-q", "--amend", "-m", "Rewritten")
    rewritten = remote.commit({"b": b"2"})
    await mirror.fetch("+refs/heads/main:refs/heads/main")
    assert await mirror.resolve("refs/heads/main") == rewritten


async def test_a_ref_that_is_named_and_missing_is_an_error_of_its_own(mirror: Mirror) -> None:
    with pytest.raises(RefMissing, match="refs/heads/nope"):
        await mirror.fetch("+refs/heads/nope:refs/heads/nope")
    with pytest.raises(RefMissing, match="nope"):
        await mirror.fetch_branch("nope")


async def test_a_remote_that_is_gone_is_unavailable_or_denied(tmp_path: Path) -> None:
    mirror = await Mirror.open(tmp_path / "m.git", "http://127.0.0.1:1/x.git", anonymous)
    with pytest.raises(GitUnavailable):
        await mirror.fetch("+refs/heads/*:refs/heads/*")


async def test_a_url_with_credentials_in_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="credentials") as caught:
        await Mirror.open(tmp_path / "m.git", "https://user:hunter2@example.org/x.git", anonymous)
    assert "hunter2" not in str(caught.value)


async def test_many_fetches_at_once_do_not_trip_over_each_other(remote: BareRemote, mirror: Mirror) -> None:
    newest = remote.commit({"c": b"3"})
    second = await remote.mirror(mirror.path)  # as a second process would
    refspecs = (
        "+refs/heads/*:refs/heads/*",
        "+refs/heads/main:refs/heads/main",
        "+refs/pushpals/*:refs/pushpals/*",
    )
    await asyncio.gather(*(m.fetch(spec) for m in (mirror, second) for spec in refspecs for _ in range(3)))
    assert await mirror.resolve("refs/heads/main") == newest


async def test_callers_that_want_the_same_at_once_share_one_fetch(
    mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    whole = Git.run

    async def counted(self: Git, *args: str, **options: Any) -> Completed:
        ran.append(args[0])
        return await whole(self, *args, **options)

    monkeypatch.setattr(Git, "run", counted)
    await asyncio.gather(*(mirror.fetch("+refs/heads/*:refs/heads/*") for _ in range(10)))
    assert ran == ["fetch"]


async def test_a_fetch_waits_for_another_process_to_end_its_own(remote: BareRemote, mirror: Mirror) -> None:
    newer = remote.commit({"a": b"1"})
    async with exclusive(mirror.path):
        waiting = asyncio.create_task(mirror.fetch("+refs/heads/*:refs/heads/*"))
        with pytest.raises(GitUnavailable, match="Another process holds"):
            async with exclusive(mirror.path, patience=0.2):
                pass
        assert await mirror.resolve("refs/heads/main") != newer
    await waiting
    assert await mirror.resolve("refs/heads/main") == newer


async def test_files_and_objects_are_read_as_they_are(remote: BareRemote, mirror: Mirror) -> None:
    odd = {"new\nline": b"1", "-dash": b"2", "ünï": b"\xff\x00\r\n", "empty": b"", " a b ": b"3"}
    tip = remote.commit(odd)
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    assert {name: await mirror.read(tip, name) for name in odd} == odd
    assert await mirror.read(tip, "nope") is None
    assert await mirror.read("0" * 40, "empty") is None
    assert set(await mirror.tree_paths(tip)) == {*odd, "README.md", "src/app.py", "run.sh"}
    names = (f"{tip}:empty", "nope", f"{tip}:README.md", f"{tip}:new\nline")
    assert await mirror.read_objects(*names) == [b"", None, b"hello\n", b"1"]
    assert await mirror.read_objects(*names[:3]) == [b"", None, b"hello\n"]
    assert await mirror.read_objects() == []


async def test_history_is_told_newest_first(remote: BareRemote, mirror: Mirror, base: str) -> None:
    second = remote.commit({"src/app.py": b"x = 2\n"}, "Second\n\nWith a body.\n\nTrailer: yes")
    third = remote.commit({"README.md": b"bye\n"}, "Third")
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    log = await mirror.log(third)
    assert [(e.sha, e.parents) for e in log] == [(third, (second,)), (second, (base,)), (base, ())]
    assert log[1].message == "Second\n\nWith a body.\n\nTrailer: yes"
    assert (log[0].author, log[0].when) == ("Ana", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert [e.sha for e in await mirror.log(third, limit=1)] == [third]
    assert [e.sha for e in await mirror.log(third, paths=["src/app.py"])] == [second, base]
    assert await mirror.log(third, paths=["src/*"]) == []
    assert await mirror.is_ancestor(base, third)
    assert not await mirror.is_ancestor(third, base)
    assert await mirror.merge_base(second, third) == second


async def test_a_new_branch_comes_without_its_history_until_a_question_needs_it(
    remote: BareRemote, tmp_path: Path
) -> None:
    first = git(remote.clone, "rev-parse", "HEAD")
    second = remote.commit({"a": b"1"}, "Second")
    mirror = await Mirror.open(tmp_path / "m.git", remote.path.as_uri(), anonymous)
    assert await mirror.fetch_branch("main") == second
    assert [e.sha for e in await mirror.log(second)] == [second]

    third = remote.commit({"a": b"2"}, "Third")
    assert await mirror.fetch_branch("main") == third
    assert await mirror.is_ancestor(second, third)
    assert [e.sha for e in await mirror.log(third)] == [third, second]

    assert await mirror.is_ancestor(first, third)
    assert [e.sha for e in await mirror.log(third)] == [third, second, first]
    assert not await mirror.is_ancestor(third, first)


async def test_the_merge_base_is_found_behind_a_cut_history(remote: BareRemote, tmp_path: Path) -> None:
    first = git(remote.clone, "rev-parse", "HEAD")
    side = remote.commit({"side": b"1"}, "Side", ref="refs/heads/side")
    git(remote.clone, "reset", "-q", "--hard", first)
    tip = remote.commit({"a": b"1"}, "Tip")
    mirror = await Mirror.open(tmp_path / "m.git", remote.path.as_uri(), anonymous)
    await mirror.fetch_branch("main")
    await mirror.fetch("+refs/heads/side:refs/heads/side")
    assert await mirror.merge_base(tip, side) == first
    git(remote.clone, "checkout", "-q", "--orphan", "lonely")
    lonely = remote.commit({"z": b"1"}, "Lonely", ref="refs/heads/lonely")
    await mirror.fetch("+refs/heads/lonely:refs/heads/lonely")
    assert await mirror.merge_base(tip, lonely) is None


async def test_the_default_branch_is_the_remotes_word(
    remote: BareRemote, mirror: Mirror, tmp_path: Path
) -> None:
    assert await mirror.remote_head() == "main"
    git(remote.path, "symbolic-ref", "HEAD", "refs/heads/nothing-yet")
    with pytest.raises(RefMissing, match="first commit"):
        await mirror.remote_head()


async def test_ls_remote_matches_whole_names(remote: BareRemote, mirror: Mirror, base: str) -> None:
    remote.point("refs/pushpals/jobs/1-1", base)
    remote.point("refs/heads/refs/pushpals/jobs/9-9", base)
    assert await mirror.ls_remote("refs/pushpals/jobs/*") == {"refs/pushpals/jobs/1-1": base}
    assert await mirror.ls_remote("refs/heads/nope") == {}


async def test_a_commit_is_what_git_would_have_written(mirror: Mirror, base: str) -> None:
    tree = await mirror.commit_tree(base)
    when = datetime(2026, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    sha = await mirror.commit(tree, [base], "Fix it\n\nTrailer: ü", author=BOT, when=when)
    theirs = git(
        mirror.path,
        *("commit-tree", tree, "-p", base, "-m", "Fix it\n\nTrailer: ü"),
        GIT_AUTHOR_NAME=BOT.name,
        GIT_AUTHOR_EMAIL=BOT.email,
        GIT_AUTHOR_DATE=when.isoformat(),
        GIT_COMMITTER_NAME=BOT.name,
        GIT_COMMITTER_EMAIL=BOT.email,
        GIT_COMMITTER_DATE=when.isoformat(),
    )
    assert sha == theirs
    git(mirror.path, "fsck", "--strict")


async def test_a_name_can_not_break_out_of_a_commits_header(mirror: Mirror, base: str) -> None:
    evil = Identity("a\nparent " + "0" * 40 + "<>", "b> 0 +0000\ncommitter x")
    sha = await mirror.commit(await mirror.commit_tree(base), [base], "x", author=evil, when=NOON)
    (entry,) = await mirror.log(sha, limit=1)
    assert entry.parents == (base,)
    git(mirror.path, "fsck", "--strict")


async def test_a_commit_on_objects_that_are_not_here_is_refused(mirror: Mirror, base: str) -> None:
    with pytest.raises(GitError, match="1111111 is not in the mirror"):
        await mirror.commit("1" * 40, [base], "x", author=BOT, when=NOON)
    with pytest.raises(GitError, match="is not in the mirror"):
        await mirror.commit_tree("1" * 40)
    with pytest.raises(ValueError, match="time zone"):
        await mirror.commit(await mirror.commit_tree(base), [], "x", author=BOT, when=datetime(2026, 1, 1))  # noqa: DTZ001


async def test_a_flat_tree_is_what_git_would_have_written(mirror: Mirror) -> None:
    files = {"record.json": b"{}\n", "a": b"1", "a.b": b"2", "A": b"3"}
    tree = await mirror.tree_of(files)
    assert git(mirror.path, "ls-tree", "--name-only", tree).splitlines() == ["A", "a", "a.b", "record.json"]
    git(mirror.path, "fsck", "--strict")
    kept = {entry.path: entry.sha for entry in await mirror.entries(tree)}
    newer = await mirror.tree_of({"a": b"other"}, kept=kept)
    assert [await mirror.read(newer, name) for name in files] == [b"{}\n", b"other", b"2", b"3"]
    for name in ("", "a/b", "..", ".git", "x\0y"):
        with pytest.raises(ValueError, match="flat tree"):
            await mirror.tree_of({name: b""})


async def test_an_overlay_takes_files_from_another_tree(
    remote: BareRemote, mirror: Mirror, base: str
) -> None:
    remote.commit({"run.sh": None, "src/app.py": None})
    (remote.clone / "src").rmdir()
    other = remote.commit({"README.md": b"new\n", "src": b"now a file"})
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    mixed = await mirror.overlay(base, other, ["README.md", "run.sh"])
    assert set(await mirror.tree_paths(mixed)) == {"README.md", "src/app.py"}
    assert await mirror.read(mixed, "README.md") == b"new\n"
    assert await mirror.tree_paths(await mirror.overlay(base, other, ["src"])) == [
        "README.md",
        "run.sh",
        "src",
    ]
    back = await mirror.overlay(other, base, ["src/app.py"])
    assert await mirror.tree_paths(back) == ["README.md", "src/app.py"]
    assert await mirror.overlay(base, base, ["README.md", "nope"]) == await mirror.commit_tree(base)
