"""Git's diffs, read for the pages."""

import difflib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.local.forge.web.diff import MAX_LENGTH, FileDiff, parse

LINES = st.lists(st.text(st.characters(exclude_characters="\n"), max_size=8), max_size=12)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet")
    return tmp_path


def git(folder: Path, *args: str) -> str:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com"}
    who |= {"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}
    env = {"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1", **who}
    done = subprocess.run(["git", *args], cwd=folder, capture_output=True, check=True, timeout=30, env=env)
    return done.stdout.decode(errors="replace")


def change(tree: Path, before: dict[str, bytes], after: dict[str, bytes | None]) -> list[FileDiff]:
    for name, content in before.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(content)
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--allow-empty", "--message", "before")
    for name, changed in after.items():
        if changed is None:
            (tree / name).unlink()
        else:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes(changed)
    git(tree, "add", "--all")
    return parse(git(tree, "diff", "--cached", "--find-renames", "--binary"))


def test_lines_are_numbered_on_both_sides(tree: Path) -> None:
    [one] = change(tree, {"a.py": b"one\ntwo\nthree\n"}, {"a.py": b"one\n2\nthree\nfour"})
    assert (one.path, one.status, one.added, one.removed) == ("a.py", "modified", 2, 1)
    rows = [(line.kind, line.old, line.new, line.text) for line in one.hunks[0].lines]
    assert rows == [
        ("same", 1, 1, "one"),
        ("del", 2, None, "two"),
        ("add", None, 2, "2"),
        ("same", 3, 3, "three"),
        ("add", None, 4, "four"),
        ("note", None, None, " No newline at end of file"),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "plain.txt",
        "with space.txt",
        " b/ b.txt",
        'quo"te.txt',
        "back\\slash",
        "tab\tname",
        "naïve.txt",
        "ne\nw.txt",
        "a → b",
    ],
)
@pytest.mark.parametrize("content", [b"", b"text\n", b"\0binary\xff"])
def test_a_new_file_has_its_name(tree: Path, name: str, content: bytes) -> None:
    [one] = change(tree, {"other": b"x"}, {name: content})
    assert (one.path, one.status) == (name, "added")
    assert one.binary == (b"\0" in content)


def test_files_come_go_and_move(tree: Path) -> None:
    long = b"".join(b"line %d\n" % i for i in range(30))
    before = {"old name.txt": long, "gone.txt": b"bye\n", "run.sh": b"#!/bin/sh\n"}
    after = {
        "old name.txt": None,
        "new name.txt": long + b"end\n",
        "gone.txt": None,
        "run.sh": b"#!/bin/sh\n",
    }
    for name, content in before.items():
        (tree / name).write_bytes(content)
    (tree / "run.sh").chmod(0o644)
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "before")
    (tree / "run.sh").chmod(0o755)
    found = {one.path: one for one in change(tree, {}, after)}
    assert set(found) == {"new name.txt", "gone.txt"}
    moved = found["new name.txt"]
    assert (moved.status, moved.old_path, moved.added) == ("renamed", "old name.txt", 1)
    assert found["gone.txt"].status == "deleted"


def test_a_mode_is_told(tree: Path) -> None:
    text = "diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n"
    [one] = parse(text)
    assert (one.path, one.notes, one.hunks) == ("run.sh", ["old mode 100644", "new mode 100755"], [])


def test_content_that_looks_like_a_header_is_content(tree: Path) -> None:
    tricky = b"-- a/x\n++ b/y\n@@ -1 +1 @@\ndiff --git a/evil b/evil\n"
    [one] = change(tree, {"a": tricky}, {"a": b"diff --git a/evil b/evil\n" + tricky})
    assert one.path == "a"
    assert (one.added, one.removed) == (1, 0)
    [one] = change(tree, {"a": b"-- a/x\n"}, {"a": b"++ b/y\n"})
    assert [line.text for line in one.hunks[0].lines] == ["-- a/x", "++ b/y"]


def test_a_page_has_an_end(tree: Path) -> None:
    diff = git(tree, "diff", "--no-index", "/dev/null", "/dev/null")
    assert parse(diff) == []
    lines = "".join(f"+{i}\n" for i in range(20))
    text = f"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -0,0 +1,20 @@\n{lines}"
    first, second = parse(text + text.replace("a/a", "a/b").replace("b/a", "b/b"), max_lines=25)
    assert (len(first.hunks[0].lines), first.hidden) == (20, 0)
    assert (len(second.hunks[0].lines), second.hidden, second.added) == (5, 15, 20)
    [long] = parse(f"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -0,0 +1 @@\n+{'x' * (MAX_LENGTH + 7)}\n")
    assert long.hunks[0].lines[0].text.endswith("x … 7 more characters")


@given(LINES, LINES)
def test_both_sides_are_in_a_diff(old: list[str], new: list[str]) -> None:
    body = "\n".join(difflib.unified_diff(old, new, "a/f", "b/f", lineterm="", n=99))
    files = parse(f"diff --git a/f b/f\n{body}\n")
    lines = [line for one in files for hunk in one.hunks for line in hunk.lines]
    if body:
        assert [line.text for line in lines if line.kind != "add"] == old
        assert [line.text for line in lines if line.kind != "del"] == new
        assert [line.new for line in lines if line.new] == list(range(1, len(new) + 1))


@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "diff --git ",
                    "@@ -1 +1 @@",
                    "--- ",
                    "+++ ",
                    '"a/\\3',
                    "rename to ",
                    "Binary files ",
                    "\\ No",
                ]
            ),
            st.sampled_from(["\n", "+", "-", " ", '"', "\\", "\t"]),
            st.text(max_size=6),
        ),
        max_size=30,
    ).map("".join)
)
def test_any_text_is_read(text: str) -> None:
    for one in parse(text):
        assert one.added >= 0
