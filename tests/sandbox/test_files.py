"""The trusted side reads and writes a workspace that may be full of traps."""

import contextlib
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushpals.sandbox import FileTooLarge, UnsafePath, WorkspaceFiles

CANARY = b"canary outside the workspace"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "outside").write_bytes(CANARY)
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return workspace


@pytest.fixture
def files(workspace: Path) -> WorkspaceFiles:
    return WorkspaceFiles(workspace)


def test_what_is_written_can_be_read_under_every_name_for_it(files: WorkspaceFiles, workspace: Path) -> None:
    files.write("src/deep/main.py", b"print()\n")
    for name in ("src/deep/main.py", "./src//deep/./main.py", "/workspace/src/deep/main.py"):
        assert files.read(name) == b"print()\n"
        assert files.exists(name)
    assert (workspace / "src/deep/main.py").read_bytes() == b"print()\n"
    assert stat.S_IMODE((workspace / "src/deep/main.py").stat().st_mode) == 0o644


def test_replacing_keeps_the_permissions_but_never_setuid(files: WorkspaceFiles, workspace: Path) -> None:
    script = workspace / "run.sh"
    script.write_text("old")
    script.chmod(0o4755)
    files.write("run.sh", b"new")
    assert stat.S_IMODE(script.stat().st_mode) == 0o755
    assert script.read_text() == "new"
    assert files.listdir() == ["run.sh"]


def test_replacing_does_not_reach_through_a_hard_link(files: WorkspaceFiles, workspace: Path) -> None:
    (workspace / "one").write_text("shared")
    os.link(workspace / "one", workspace / "two")
    files.write("two", b"changed")
    assert files.read("one") == b"shared"


def test_new_files_belong_to_whoever_owns_the_directory(files: WorkspaceFiles, workspace: Path) -> None:
    owner = 12345 if os.geteuid() == 0 else os.getuid()
    os.chown(workspace, owner, -1)
    files.write("a/b/c", b"")
    assert {(workspace / name).stat().st_uid for name in ("a", "a/b", "a/b/c")} == {owner}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/etc/passwd", "absolute"),
        ("/workspacer/a", "absolute"),
        ("../outside", ".."),
        ("a/../../outside", ".."),
        ("/workspace/../outside", ".."),
        ("a\0b", "NUL"),
        (".git/config", ".git"),
        ("sub/.GIT/hooks/pre-commit", ".git"),
        ("x" * 300, "too long"),
        ("a/" * 70 + "b", "deep"),
        ("\ud800", "characters"),
    ],
)
def test_unsafe_paths_are_refused_with_a_reason(files: WorkspaceFiles, path: str, why: str) -> None:
    for attempt in (files.read, files.exists, lambda path: files.write(path, b"x")):
        with pytest.raises(UnsafePath, match=why.replace(".", r"\.")):
            attempt(path)


def test_links_pipes_and_directories_are_not_files(files: WorkspaceFiles, workspace: Path) -> None:
    (workspace / "link").symlink_to("../outside")
    (workspace / "dangling").symlink_to("../nowhere")
    (workspace / "updir").symlink_to("..")
    (workspace / "dir").mkdir()
    os.mkfifo(workspace / "pipe")
    expected: dict[str, type[Exception]] = {
        "link": UnsafePath,
        "dangling": UnsafePath,
        "pipe": UnsafePath,
        "updir/outside": NotADirectoryError,
        "updir/new": NotADirectoryError,
        "dir": IsADirectoryError,
        ".": IsADirectoryError,
    }
    for path, error in expected.items():
        with pytest.raises(error):
            files.read(path)
        with pytest.raises(error):
            files.write(path, b"x")
    assert sorted(path.name for path in workspace.parent.iterdir()) == ["outside", "workspace"]
    assert list(files.walk()) == []
    assert files.listdir() == ["dangling", "dir/", "link", "pipe", "updir"]


def test_what_is_missing_is_said_by_its_whole_path(files: WorkspaceFiles) -> None:
    with pytest.raises(FileNotFoundError, match="a/b/c"):
        files.read("a/b/c")
    with pytest.raises(FileNotFoundError):
        files.listdir("a")
    with pytest.raises(FileNotFoundError):
        list(files.walk("a"))
    assert not files.exists("a/b/c")


def test_large_files_are_refused(files: WorkspaceFiles) -> None:
    files.write("big", b"x" * 101)
    assert files.read("big", limit=101) == b"x" * 101
    with pytest.raises(FileTooLarge, match="100 bytes"):
        files.read("big", limit=100)


def test_a_walk_is_sorted_and_leaves_out_history_caches_and_the_absurdly_deep(
    files: WorkspaceFiles, workspace: Path
) -> None:
    for path in ("b.py", "a/z.py", "a/a.py", "a.py", "tests/test_a.py"):
        files.write(path, b"")
    for cache in (".git", "a/__pycache__", "node_modules"):
        (workspace / cache).mkdir()
        (workspace / cache / "hidden").touch()
    with very_deep(workspace):
        assert list(files.walk()) == ["a.py", "b.py", "a/a.py", "a/z.py", "tests/test_a.py"]
        assert list(files.walk("a")) == ["a/a.py", "a/z.py"]
        assert files.listdir("a") == ["a.py", "z.py"]


@contextlib.contextmanager
def very_deep(top: Path) -> Iterator[None]:
    """Put a file below more directories than Python can recurse into, and take it away again."""
    deep = os.open(top, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=deep)
        below = os.open("d", os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    os.close(os.open("file", os.O_CREAT, dir_fd=deep))
    os.close(deep)
    try:
        yield
    finally:
        # pytest could not remove this at the end of a later run.
        subprocess.run(["rm", "-rf", "--", top / "d"], check=True)


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names are all that is wanted


def test_no_descriptor_is_left_open(files: WorkspaceFiles, workspace: Path) -> None:
    (workspace / "link").symlink_to("..")
    before = descriptors()
    files.write("a/b", b"x")
    for path in ("a/b", "a", "missing/x", "link/x", "a/b/c", "link"):
        try:
            files.read(path)
        except (OSError, UnsafePath):
            continue
    assert descriptors() == before


NAMES = st.sampled_from(
    ["a", "b", "link", "up", "..", ".", "", "outside", ".git", "workspace", "pipe", "é", "\0"]
)
PATHS = st.builds(
    lambda start, parts: start + "/".join(parts),
    st.sampled_from(["", "/", "./", "/workspace/", "../"]),
    st.lists(NAMES | st.text(max_size=5), max_size=5),
)
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["read", "write", "exists", "listdir", "walk"]), PATHS), max_size=8
)


def trapped() -> Iterator[tuple[Path, WorkspaceFiles]]:
    """A workspace in which every kind of link leads out, beside a file that must stay as it is."""
    with TemporaryDirectory() as top:
        workspace = Path(top) / "workspace"
        (workspace / "a").mkdir(parents=True)
        (Path(top) / "outside").write_bytes(CANARY)
        (workspace / "link").symlink_to("../outside")
        (workspace / "a" / "link").symlink_to(Path(top) / "outside")
        (workspace / "up").symlink_to("..")
        (workspace / "a" / "up").symlink_to(top)
        os.mkfifo(workspace / "pipe")
        yield Path(top), WorkspaceFiles(workspace)


@settings(deadline=None)
@given(actions=ACTIONS)
def test_no_path_at_all_leads_out_of_the_workspace(actions: list[tuple[str, str]]) -> None:
    for top, files in trapped():
        for action, path in actions:
            try:
                if action == "read":
                    assert files.read(path) != CANARY
                elif action == "write":
                    files.write(path, b"changed")
                elif action == "exists":
                    files.exists(path)
                else:
                    names = list(getattr(files, action)(path))
                    assert "outside" not in [name for name in names if "/" not in path]
            except (UnsafePath, OSError):
                continue
        assert sorted(path.name for path in top.iterdir()) == ["outside", "workspace"]
        assert (top / "outside").read_bytes() == CANARY
