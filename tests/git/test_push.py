"""The one push that is a compare-and-swap: it moves all it names, or nothing, and knows which."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pushpals.git import (
    GitDenied,
    GitError,
    GitUnavailable,
    Identity,
    LeaseLost,
    Mirror,
    PushRefused,
    RefUpdate,
)
from tests.git.remotes import BareRemote, HttpRemote, anonymous, git

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BOT = Identity("PushPals", "bot@example.org")
JOB = "refs/pushpals/jobs/1-1"
BRANCH = "refs/heads/agent/x/1-1"
TOKEN = "t0ken-that-nobody-may-see"


async def child(mirror: Mirror, parent: str, words: str) -> str:
    return await mirror.commit(await mirror.commit_tree(parent), [parent], words, author=BOT, when=NOON)


async def test_refs_are_made_moved_and_deleted_together(
    remote: BareRemote, mirror: Mirror, base: str
) -> None:
    one, two = await child(mirror, base, "one"), await child(mirror, base, "two")
    await mirror.push([RefUpdate(JOB, None, one), RefUpdate(BRANCH, None, two)])
    assert remote.refs() == {"refs/heads/main": base, JOB: one, BRANCH: two}
    three = await child(mirror, one, "three")
    await mirror.push([RefUpdate(JOB, one, three), RefUpdate(BRANCH, two, None)])
    assert remote.refs() == {"refs/heads/main": base, JOB: three}


@pytest.mark.parametrize("old", ["0" * 39 + "1", None])
async def test_a_lost_lease_names_the_ref_and_moves_nothing(
    remote: BareRemote, mirror: Mirror, base: str, old: str | None
) -> None:
    remote.point(JOB, base)
    one = await child(mirror, base, "one")
    with pytest.raises(LeaseLost) as lost:
        await mirror.push([RefUpdate(BRANCH, None, one), RefUpdate(JOB, old, one)])
    assert (lost.value.ref, lost.value.now) == (JOB, base)
    assert remote.refs() == {"refs/heads/main": base, JOB: base}


async def test_a_lease_on_something_that_is_gone_is_lost(
    remote: BareRemote, mirror: Mirror, base: str
) -> None:
    with pytest.raises(LeaseLost) as lost:
        await mirror.push([RefUpdate(JOB, base, await child(mirror, base, "one"))])
    assert (lost.value.ref, lost.value.now) == (JOB, None)
    with pytest.raises(LeaseLost):
        await mirror.push([RefUpdate("refs/heads/main", "0" * 39 + "1", None)])
    assert remote.refs() == {"refs/heads/main": base}


async def test_a_rewrite_is_allowed_by_the_lease_alone(remote: BareRemote, mirror: Mirror, base: str) -> None:
    one, other = await child(mirror, base, "one"), await child(mirror, base, "other")
    await mirror.push([RefUpdate(BRANCH, None, one)])
    await mirror.push([RefUpdate(BRANCH, one, other)])
    assert remote.refs()[BRANCH] == other


async def test_a_push_that_is_repeated_succeeds_again(remote: BareRemote, mirror: Mirror, base: str) -> None:
    one = await child(mirror, base, "one")
    for _ in range(2):
        await mirror.push([RefUpdate(JOB, None, one), RefUpdate(BRANCH, None, one)])
    assert remote.refs()[JOB] == one


async def test_a_rule_of_the_server_is_told_in_its_own_words(
    remote: BareRemote, mirror: Mirror, base: str
) -> None:
    remote.hook("update", f'test "$1" = {BRANCH} && echo "no pushes on Fridays" && exit 1; exit 0')
    one = await child(mirror, base, "one")
    with pytest.raises(PushRefused, match=f"{BRANCH}: hook declined"):
        await mirror.push([RefUpdate(JOB, None, one), RefUpdate(BRANCH, None, one)])
    assert remote.refs() == {"refs/heads/main": base}
    git(remote.path, "config", "receive.denyDeletes", "true")
    with pytest.raises(PushRefused, match="deletion prohibited"):
        await mirror.push([RefUpdate("refs/heads/main", base, None)])


@pytest.mark.parametrize(
    "names",
    [[], ["main"], [JOB, JOB], ["refs/heads/a:b"], ["refs/heads/a b"], ["refs/heads/*"], ["refs/heads/a\nb"]],
)
async def test_a_push_wants_full_names_each_once(mirror: Mirror, base: str, names: list[str]) -> None:
    with pytest.raises(ValueError, match="full ref names"):
        await mirror.push([RefUpdate(name, None, base) for name in names])


async def test_what_is_not_in_the_mirror_is_not_pushed(remote: BareRemote, mirror: Mirror, base: str) -> None:
    with pytest.raises(GitError):
        await mirror.push([RefUpdate(JOB, None, "1" * 40)])
    assert remote.refs() == {"refs/heads/main": base}


async def test_of_many_who_want_the_same_ref_exactly_one_gets_it(
    remote: BareRemote, tmp_path: Path, mirror: Mirror, base: str
) -> None:
    others = [await remote.mirror(tmp_path / f"other-{n}.git") for n in range(3)]
    await asyncio.gather(*(other.fetch("+refs/heads/*:refs/heads/*") for other in others))
    for number in range(4):
        ref = f"refs/pushpals/jobs/{number + 1}-1"

        async def claim(mirror: Mirror, name: str, ref: str = ref) -> str | None:
            sha = await child(mirror, base, name)
            try:
                await mirror.push([RefUpdate(ref, None, sha), RefUpdate(f"refs/heads/{name}", None, sha)])
            except LeaseLost:
                return None
            return sha

        won = await asyncio.gather(*(claim(m, f"w{n}-{number}") for n, m in enumerate([mirror, *others])))
        assert [sha for sha in won if sha] == [remote.refs()[ref]]
    assert sum(ref.startswith("refs/heads/w") for ref in remote.refs()) == 4


async def test_a_cut_history_does_not_stand_in_the_way_of_a_push(remote: BareRemote, tmp_path: Path) -> None:
    remote.commit({"a": b"1"}, "Second")
    mirror = await Mirror.open(tmp_path / "m.git", remote.path.as_uri(), anonymous)
    base = await mirror.fetch_branch("main")
    work = await child(mirror, base, "work")
    newest = remote.commit({"a": b"2"}, "Meanwhile")
    await mirror.push([RefUpdate(BRANCH, None, work)])
    assert remote.refs() == {"refs/heads/main": newest, BRANCH: work}
    git(remote.path, "fsck", "--strict", "--connectivity-only")
    assert len(git(remote.path, "rev-list", BRANCH).splitlines()) == 3


# Over HTTP


@pytest.fixture
async def server(remote: BareRemote) -> AsyncIterator[HttpRemote]:
    async with HttpRemote(remote, TOKEN).running() as server:
        yield server


@pytest.fixture
async def distant(server: HttpRemote, tmp_path: Path) -> Mirror:
    """A mirror of the server, with its token."""

    async def token() -> str | None:
        return TOKEN

    mirror = await Mirror.open(tmp_path / "distant.git", server.url, token)
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    return mirror


async def test_the_same_works_over_http(remote: BareRemote, server: HttpRemote, distant: Mirror) -> None:
    base = remote.refs()["refs/heads/main"]
    one = await child(distant, base, "one")
    before = len(server.requests)
    await distant.push([RefUpdate(JOB, None, one), RefUpdate(BRANCH, None, one)])
    assert len(server.requests) - before == 2
    assert await distant.ls_remote("refs/pushpals/*") == {JOB: one}
    with pytest.raises(LeaseLost):
        await distant.push([RefUpdate(JOB, base, await child(distant, one, "two"))])


async def test_an_answer_lost_after_the_push_arrived_is_a_success(
    remote: BareRemote, server: HttpRemote, distant: Mirror
) -> None:
    one = await child(distant, remote.refs()["refs/heads/main"], "one")
    server.on_push = lambda: None
    await distant.push([RefUpdate(JOB, None, one), RefUpdate(BRANCH, None, one)])
    assert remote.refs()[BRANCH] == one


async def test_it_is_a_success_even_when_somebody_has_built_on_it_since(
    remote: BareRemote, server: HttpRemote, distant: Mirror
) -> None:
    one = await child(distant, remote.refs()["refs/heads/main"], "one")

    def build_on() -> None:
        tree = git(remote.path, "rev-parse", f"{JOB}^{{tree}}")
        remote.point(JOB, git(remote.path, "commit-tree", tree, "-p", one, "-m", "on top"))

    server.on_push = build_on
    await distant.push([RefUpdate(JOB, None, one), RefUpdate(BRANCH, None, one)])


async def test_an_answer_lost_and_the_ref_gone_elsewhere_is_a_lost_lease(
    remote: BareRemote, server: HttpRemote, distant: Mirror
) -> None:
    base = remote.refs()["refs/heads/main"]
    one = await child(distant, base, "one")
    server.on_push = lambda: remote.point(JOB, base)
    with pytest.raises(LeaseLost) as lost:
        await distant.push([RefUpdate(JOB, None, one)])
    assert lost.value.now == base


async def test_a_connection_cut_before_anything_moved_can_be_tried_again(
    remote: BareRemote, server: HttpRemote, distant: Mirror
) -> None:
    one = await child(distant, remote.refs()["refs/heads/main"], "one")
    server.cut_before_push = True
    with pytest.raises(GitUnavailable, match="try again"):
        await distant.push([RefUpdate(JOB, None, one)])
    assert JOB not in remote.refs()
    server.cut_before_push = False
    await distant.push([RefUpdate(JOB, None, one)])


@pytest.mark.parametrize(
    ("status", "kind"), [(500, GitUnavailable), (503, GitUnavailable), (403, GitDenied), (404, GitDenied)]
)
async def test_what_the_server_says_decides_who_has_to_act(
    server: HttpRemote, distant: Mirror, status: int, kind: type[GitError]
) -> None:
    base = await distant.resolve("refs/heads/main")
    assert base
    server.fail_with = status
    with pytest.raises(kind):
        await distant.fetch("+refs/heads/*:refs/heads/*")
    with pytest.raises(kind):
        await distant.ls_remote()
    with pytest.raises(kind):
        await distant.push([RefUpdate(JOB, None, base)])


@pytest.mark.parametrize("wrong", ["an-0ld-token", None])
async def test_a_wrong_token_is_denied_at_once_and_never_repeated_in_the_error(
    server: HttpRemote, tmp_path: Path, wrong: str | None
) -> None:
    async def token() -> str | None:
        return wrong

    mirror = await Mirror.open(tmp_path / "stranger.git", server.url, token)
    with pytest.raises(GitDenied) as denied:
        await mirror.fetch("+refs/heads/*:refs/heads/*")
    assert str(wrong) not in str(denied.value)
