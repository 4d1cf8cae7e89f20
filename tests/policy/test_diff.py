"""Reading diffs, checked against diffs that git writes."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.policy.diff import DiffError, DiffLine, FileDiff, read_diff


def git(folder: Path, *argv: str) -> bytes:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.invalid")
    done = subprocess.run(["git", *identity, *argv], cwd=folder, env=env, capture_output=True, check=True)
    return done.stdout


def diff_of(folder: Path, before: dict[str, bytes], after: dict[str, bytes]) -> bytes:
    """Return what git says of the step from one set of files to another."""
    git(folder, "init", "-q")
    for name, content in before.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "base")
    for name in before.keys() - after.keys():
        (folder / name).unlink()
    for name, content in after.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    git(folder, "add", "-A")
    return git(folder, "diff", "--cached", "--binary", "--full-index", "--no-renames", "HEAD")


def test_added_lines_are_told_with_their_numbers_in_the_new_file(tmp_path: Path) -> None:
    before = {"a.txt": b"".join(b"%d\n" % n for n in range(1, 21))}
    after = {"a.txt": before["a.txt"].replace(b"3\n", b"three\n", 1) + b"last, no line end"}
    (file,) = read_diff(diff_of(tmp_path, before, after))
    assert file.path == "a.txt"
    assert [(n, line) for n, line in file.added if n != 13] == [(3, "three"), (21, "last, no line end")]
    assert not file.binary


@pytest.mark.parametrize(
    "name",
    ["with space.txt", "a b/b b", "ümlaut.txt", 'quo"te', "back\\slash", "tab\there", "b/b", "a b/a b/c"],
)
def test_every_spelling_of_a_name_is_read_back(tmp_path: Path, name: str) -> None:
    (file,) = read_diff(diff_of(tmp_path, {}, {name: b"x\n"}))
    assert file == FileDiff(name, [DiffLine("+", 1, "x")], added_bytes=2)


def test_new_empty_deleted_binary_and_executable_files_are_named(tmp_path: Path) -> None:
    before = {"gone.txt": b"a\nb\n", "run.sh": b"x\n", "pixel.bin": b"\0\1\2"}
    diff = diff_of(tmp_path, before, {"run.sh": b"x\n", "empty": b"", "pixel.bin": b"\0\1\3"})
    (tmp_path / "run.sh").chmod(0o755)
    files = read_diff(diff + git(tmp_path, "diff", "--binary", "--full-index"))
    assert [(file.path, file.added, file.binary) for file in files] == [
        ("empty", [], False),
        ("gone.txt", [], False),
        ("pixel.bin", [], True),
        ("run.sh", [], False),
    ]


def test_content_that_looks_like_a_diff_is_content(tmp_path: Path) -> None:
    trick = b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-- a\n++ b\n"
    (file,) = read_diff(diff_of(tmp_path, {"a": b"1\n"}, {"a": trick}))
    assert file.path == "a"
    assert file.added == list(enumerate(trick.decode().splitlines(), start=1))


def test_bytes_that_are_no_utf8_do_not_stop_the_reading(tmp_path: Path) -> None:
    (file,) = read_diff(diff_of(tmp_path, {}, {"a": b"caf\xe9\n"}))
    assert file.added == [(1, "caf\\xe9")]


def test_no_diff_is_no_file() -> None:
    assert read_diff(b"") == ()


@pytest.mark.parametrize(
    "diff",
    [
        b"hello\n",
        b"diff --git a/x b/y\n",
        b'diff --git "a/x" b/x\n',
        b"diff --git a/x b/x\n@@ -1,2 +1,2 @@\n a\n",
        b"diff --git a/x b/x\n@@ -1 +1,2 @@\n-a\n+b\nxyz\n",
        b"diff --git a/x b/x\n@@ -1 +1,2 @@\n-a\n+b\ndiff --git a/y b/y\n",
    ],
)
def test_what_git_would_not_write_is_refused(diff: bytes) -> None:
    with pytest.raises(DiffError):
        read_diff(diff)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for raw in (data, b"diff --git a/x b/x\n" + data, b"diff --git a/x b/x\n@@ -1,3 +1,4 @@\n" + data):
        try:
            read_diff(raw)
        except DiffError as error:
            assert str(error)  # noqa: PT017 - refusing is one of the two right answers
