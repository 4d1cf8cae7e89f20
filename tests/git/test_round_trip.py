"""Whatever is done to a workspace, its patch on its base is the tree that was captured."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushpals.git import Mirror
from tests.git.remotes import BareRemote

NAMES = st.sampled_from(
    ["a", "b.txt", "ü", "with space", "-x", ":c", "new\nline", "dir", '"q"', "it's", "\\"]
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
LINES = st.lists(
    st.sampled_from(
        [b"one", b"two\r", b"\t", b"+x", b"-x", b"@@ -1 +1 @@", b"diff --git a/a b/a", b"\xff\xfe"]
    )
)
TEXTS = st.builds(lambda lines, end: b"\n".join(lines) + end, LINES, st.sampled_from([b"", b"\n", b"\r\n"]))
CONTENTS = st.one_of(TEXTS, st.binary(max_size=64))
EDITS = st.one_of(
    st.tuples(st.just("write"), PATHS, CONTENTS),
    st.tuples(st.just("chmod"), PATHS, st.booleans()),
    st.tuples(st.just("delete"), PATHS, st.none()),
    st.tuples(st.just("link"), PATHS, st.sampled_from(["a", "../..", "/etc/passwd", "dir/a"])),
)
TREES = st.lists(st.tuples(st.just("write"), PATHS, CONTENTS), min_size=1, max_size=6)


def perform(folder: Path, edit: tuple[str, str, object]) -> None:
    """Do one edit, clearing out of the way what the file system would not have."""
    kind, name, what = edit
    path = folder / name
    if kind in {"write", "link"}:
        for parent in reversed(path.relative_to(folder).parents):
            place = folder / parent
            if place.is_symlink() or place.is_file():
                place.unlink()
            place.mkdir(exist_ok=True)
    elif any((folder / parent).is_symlink() for parent in path.relative_to(folder).parents):
        return
    if kind in {"write", "link", "delete"}:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True) if path.parent.is_dir() else None
    if kind == "write":
        assert isinstance(what, bytes)
        path.write_bytes(what)
    elif kind == "link":
        path.symlink_to(str(what))
    elif kind == "chmod" and path.is_file() and not path.is_symlink():
        path.chmod(0o755 if what else 0o644)


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Path]:
    """A new empty folder for every example."""
    count = iter(range(10_000))
    return lambda: tmp_path / f"example-{next(count)}"


async def test_export_and_apply_are_each_others_inverse(
    remote: BareRemote, mirror: Mirror, fresh: Callable[[], Path]
) -> None:
    loop = asyncio.get_running_loop()

    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(tree=TREES, edits=st.lists(EDITS, max_size=8))
    def check(tree: list[tuple[str, str, object]], edits: list[tuple[str, str, object]]) -> None:
        asyncio.run_coroutine_threadsafe(example(tree, edits), loop).result(60)

    async def example(tree: list[tuple[str, str, object]], edits: list[tuple[str, str, object]]) -> None:
        empty = await mirror.resolve("refs/heads/main")
        assert empty
        start, workspace, again = fresh(), fresh(), fresh()
        start.mkdir()
        for edit in tree:
            perform(start, edit)
        begun = await mirror.capture(empty, start)
        assert await mirror.apply(begun.patch) == begun.tree

        await mirror.materialise(begun.tree, workspace)
        for edit in edits:
            perform(workspace, edit)
        capture = await mirror.capture(begun.tree, workspace)
        assert capture.skipped == ()
        assert await mirror.apply(capture.patch) == capture.tree
        assert (capture.patch.diff == b"") == (capture.patch.files == ()) == (capture.tree == begun.tree)
        await mirror.materialise(capture.tree, again)
        assert (await mirror.capture(capture.tree, again)).patch.files == ()
        assert picture(again) == picture(workspace)

    await asyncio.to_thread(check)


def picture(folder: Path) -> dict[str, tuple[bool, bytes | str]]:
    """All that git keeps of a folder: files by path, whether they may be run, and what is in them."""
    found: dict[str, tuple[bool, bytes | str]] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = (False, str(path.readlink()))
        elif path.is_file():
            found[name] = (bool(path.stat().st_mode & 0o100), path.read_bytes())
    return found
