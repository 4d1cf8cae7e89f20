"""From a commit to files and back: what a workspace may hold, and what becomes of it."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from pushpals.git import Capture, GitError, Mirror, PatchDoesNotApply, WorkspaceTooLarge
from pushpals.git import capture as limits
from pushpals.git import workspace as walking
from pushpals.git.workspace import is_dotgit
from pushpals.model import FileChange, Patch
from tests.git.remotes import BareRemote, git

EXECUTABLE = 0o755


@pytest.fixture
async def workspace(mirror: Mirror, base: str, tmp_path: Path) -> Path:
    await mirror.materialise(base, tmp_path / "workspace")
    return tmp_path / "workspace"


def files_of(folder: Path) -> dict[str, bytes | str]:
    """Every file by path: its bytes, or the target of a symbolic link."""
    found: dict[str, bytes | str] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = str(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def changed(capture: Capture) -> dict[str, str]:
    return {change.path: change.status for change in capture.patch.files}


async def settles(mirror: Mirror, capture: Capture) -> Capture:
    """Check that the patch leads to the captured tree, and return the capture."""
    assert await mirror.apply(capture.patch) == capture.tree
    return capture


# Out


async def test_a_workspace_is_plain_files_with_the_bytes_of_the_commit(
    mirror: Mirror, remote: BareRemote, tmp_path: Path
) -> None:
    attributes = (
        b"*.txt text eol=crlf ident\n*.md filter=evil\n*.utf16 working-tree-encoding=UTF-16\n*.sh -text\n"
    )
    git(remote.clone, "config", "core.attributesFile", "/dev/null")
    content = {
        "a.txt": b"one\r\ntwo\n$Id$\n",
        "b.md": b"x\n",
        "c.utf16": b"plain\n",
        "bin": bytes(range(256)),
        "e": b"",
    }
    # Written as raw objects, because a person's git would have converted them on the way in.
    blobs = "".join(
        f"100644 blob {git(remote.clone, 'hash-object', '-w', '--stdin', stdin=data)}\t{name}\n"
        for name, data in {**content, ".gitattributes": attributes}.items()
    )
    link = git(remote.clone, "hash-object", "-w", "--stdin", stdin=b"/etc/passwd")
    tree = git(remote.clone, "mktree", stdin=f"{blobs}120000 blob {link}\tlink\n".encode())
    tip = git(remote.clone, "commit-tree", tree, "-m", "Bytes")
    git(remote.clone, "push", "-q", str(remote.path), f"{tip}:refs/heads/bytes")
    await mirror.fetch("+refs/heads/*:refs/heads/*")

    await mirror.materialise(tip, tmp_path / "w")
    assert files_of(tmp_path / "w") == {**content, ".gitattributes": attributes, "link": "/etc/passwd"}
    capture = await mirror.capture(tip, tmp_path / "w")
    assert (capture.patch.files, capture.patch.diff, capture.tree) == ((), b"", tree)


async def test_modes_survive_the_way_out(workspace: Path, mirror: Mirror, base: str, tmp_path: Path) -> None:
    (workspace / "run.sh").chmod(EXECUTABLE)
    tree = (await mirror.capture(base, workspace)).tree
    await mirror.materialise(tree, tmp_path / "again")
    assert os.access(tmp_path / "again" / "run.sh", os.X_OK)
    assert not os.access(tmp_path / "again" / "README.md", os.X_OK)


async def test_many_large_workspaces_are_made_at_once(
    remote: BareRemote, mirror: Mirror, tmp_path: Path
) -> None:
    content = {f"d{n % 7}/f{n}": b"%d\n" % n for n in range(150)}
    (remote.clone / "a-link").symlink_to("d1")
    remote.commit(content)
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    places = [tmp_path / "many" / str(n) for n in range(4)]
    await asyncio.gather(*(mirror.materialise("refs/heads/main", place) for place in places))
    whole = {
        **content,
        "README.md": b"hello\n",
        "run.sh": b"#!/bin/sh\n",
        "src/app.py": b"x = 1\n",
        "a-link": "d1",
    }
    assert [files_of(place) for place in places] == [whole] * 4


async def test_a_folder_that_holds_something_is_no_place_for_a_workspace(
    mirror: Mirror, base: str, workspace: Path
) -> None:
    with pytest.raises(FileExistsError, match="not empty"):
        await mirror.materialise(base, workspace)
    with pytest.raises(GitError):
        await mirror.materialise("0" * 40, workspace.parent / "other")


# Back


async def test_an_untouched_workspace_is_an_empty_patch(mirror: Mirror, base: str, workspace: Path) -> None:
    capture = await settles(mirror, await mirror.capture(base, workspace))
    assert (capture.patch.files, capture.patch.diff, capture.skipped) == ((), b"", ())
    assert capture.tree == await mirror.commit_tree(base)


async def test_every_kind_of_edit_is_told(mirror: Mirror, base: str, workspace: Path) -> None:
    (workspace / "README.md").write_bytes(b"hello\nworld\r\n")
    (workspace / "src/app.py").unlink()
    (workspace / "run.sh").chmod(EXECUTABLE)
    (workspace / "new/deep").mkdir(parents=True)
    (workspace / "new/deep/empty").touch()
    (workspace / "data.bin").write_bytes(b"\0\1\2" * 50)
    (workspace / "link").symlink_to("../../outside")
    capture = await settles(mirror, await mirror.capture(base, workspace))
    assert capture.patch.files == (
        FileChange(path="README.md", status="modified", added=1, removed=0, mode="100644"),
        FileChange(path="data.bin", status="added", added=None, removed=None, mode="100644"),
        FileChange(path="link", status="added", added=1, removed=0, mode="120000"),
        FileChange(path="new/deep/empty", status="added", added=0, removed=0, mode="100644"),
        FileChange(path="run.sh", status="modified", added=0, removed=0, mode="100755"),
        FileChange(path="src/app.py", status="deleted", added=0, removed=1, mode="000000"),
    )
    assert await mirror.export(base, workspace) == capture.patch
    assert await mirror.diff_files(base, capture.tree) == capture.patch.files


async def test_a_file_may_take_the_place_of_a_folder_and_the_other_way_round(
    mirror: Mirror, base: str, workspace: Path
) -> None:
    (workspace / "src/app.py").unlink()
    (workspace / "src").rmdir()
    (workspace / "src").write_bytes(b"a file\n")
    (workspace / "README.md").unlink()
    (workspace / "README.md").mkdir()
    (workspace / "README.md/inner").write_bytes(b"1")
    (workspace / "run.sh").unlink()
    (workspace / "run.sh").symlink_to("src")
    capture = await settles(mirror, await mirror.capture(base, workspace))
    assert changed(capture) == {
        "README.md": "deleted",
        "README.md/inner": "added",
        "run.sh": "type_changed",
        "src": "added",
        "src/app.py": "deleted",
    }


async def test_bytes_are_exact_whatever_gitattributes_says(
    mirror: Mirror, base: str, workspace: Path
) -> None:
    (workspace / ".gitattributes").write_bytes(
        b"* text=auto eol=crlf ident filter=evil diff=evil merge=evil\n*.py -diff\n"
    )
    (workspace / "dos.txt").write_bytes(b"one\r\ntwo\r\n$Id: abc $\n")
    (workspace / "src/app.py").write_bytes(b"x = 1\r\n")
    capture = await settles(mirror, await mirror.capture(base, workspace))
    assert await mirror.read(f"{capture.tree}", "dos.txt") == b"one\r\ntwo\r\n$Id: abc $\n"
    assert await mirror.read(f"{capture.tree}", "src/app.py") == b"x = 1\r\n"
    assert b"+x = 1\r\n" in capture.patch.diff


ODD_NAMES = [
    "new\nline",
    "-rf",
    "--help",
    "ünï ☃",
    ":(glob)x",
    ":!x",
    '"quoted"',
    "tab\there",
    "\\back",
    "a b",
    " ",
    "*",
    "#x",
    "!x",
    "\x01",
    "x" * 255,
]


async def test_absurd_names_make_the_round_trip(mirror: Mirror, base: str, workspace: Path) -> None:
    for name in ODD_NAMES:
        (workspace / name).write_bytes(name.encode())
        (workspace / "d" / name).mkdir(parents=True)
        (workspace / "d" / name / name).write_bytes(b"deep")
    capture = await settles(mirror, await mirror.capture(base, workspace))
    assert set(changed(capture)) == {*ODD_NAMES, *(f"d/{n}/{n}" for n in ODD_NAMES)}
    assert capture.skipped == ()
    sealed = await mirror.capture(base, workspace)
    for name in ODD_NAMES:
        assert await mirror.read(sealed.tree, name) == name.encode()


async def test_ignored_files_and_caches_stay_out(mirror: Mirror, base: str, workspace: Path) -> None:
    (workspace / ".gitignore").write_bytes(b"build/\n*.log\n!keep.log\n:odd\n")
    (workspace / "src/.gitignore").write_bytes(b"/local\n")
    for name in (
        "build/out",
        "a.log",
        "keep.log",
        "src/local",
        "local",
        ":odd",
        "src/__pycache__/app.pyc",
        ".pytest_cache/x",
        "node_modules/left-pad/index.js",
        "x.pyc",
        ".DS_Store",
        ".venv/y",
    ):
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_bytes(b"1")
    capture = await settles(mirror, await mirror.capture(base, workspace))
    assert set(changed(capture)) == {".gitignore", "src/.gitignore", "keep.log", "local", ".venv/y"}


async def test_what_the_base_has_is_followed_even_where_it_would_be_ignored(
    remote: BareRemote, mirror: Mirror, tmp_path: Path
) -> None:
    tip = remote.commit(
        {
            ".gitignore": b"vendor/\n*.log\n",
            "vendor/a": b"1",
            "x.log": b"1",
            "node_modules/m.js": b"1",
            "__pycache__/z.pyc": b"1",
        }
    )
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    workspace = tmp_path / "w"
    await mirror.materialise(tip, workspace)
    (workspace / "vendor/a").write_bytes(b"2")
    (workspace / "vendor/b").write_bytes(b"new, so ignored")
    (workspace / "x.log").unlink()
    (workspace / "node_modules/m.js").write_bytes(b"2")
    (workspace / "__pycache__/z.pyc").unlink()
    capture = await settles(mirror, await mirror.capture(tip, workspace))
    assert changed(capture) == {
        "__pycache__/z.pyc": "deleted",
        "node_modules/m.js": "modified",
        "vendor/a": "modified",
        "x.log": "deleted",
    }


async def test_a_patch_is_whole_by_itself(
    remote: BareRemote, mirror: Mirror, base: str, workspace: Path, tmp_path: Path
) -> None:
    (workspace / "data.bin").write_bytes(bytes(range(256)))
    (workspace / "README.md").write_bytes(b"\0\r\n")
    (workspace / "run.sh").unlink()
    capture = await mirror.capture(base, workspace)
    elsewhere = await remote.mirror(tmp_path / "elsewhere.git")
    await elsewhere.fetch_branch("main")
    assert await elsewhere.apply(capture.patch) == capture.tree


# Hostile


def trap(folder: Path, marker: Path) -> None:
    """A git folder that would make the marker, if git ever ran with it."""
    git(folder, "init", "-q", "-b", "main", ".")
    (folder / ".git/hooks").mkdir(exist_ok=True)
    for hook in (
        "pre-commit",
        "post-checkout",
        "post-index-change",
        "pre-push",
        "fsmonitor-watchman",
        "reference-transaction",
    ):
        (folder / ".git/hooks" / hook).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (folder / ".git/hooks" / hook).chmod(EXECUTABLE)
    for key in (
        "core.fsmonitor",
        "core.sshCommand",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "diff.evil.command",
        "diff.evil.textconv",
        "diff.external",
        "core.editor",
        "core.pager",
        "gpg.program",
    ):
        git(folder, "config", key, f"touch {marker}; cat")
    git(folder, "config", "core.hooksPath", str(folder / ".git/hooks"))


async def test_a_git_folder_in_a_workspace_is_never_run_with_nor_exported(
    mirror: Mirror, base: str, workspace: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "marker"
    inner = workspace / "vendor/inner"
    inner.mkdir(parents=True)
    for place in (workspace, inner):
        trap(place, marker)
        (place / ".gitattributes").write_text("* filter=evil diff=evil\n")
        (place / "file").write_text("1")
    tree = git(inner, "mktree")
    tip = git(inner, "commit-tree", tree, "-m", "x")
    git(inner, "-c", "core.hooksPath=/dev/null", "update-ref", "refs/heads/main", tip)
    marker.unlink(missing_ok=True)

    capture = await settles(mirror, await mirror.capture(base, workspace))
    await mirror.materialise(capture.tree, tmp_path / "again")
    assert not marker.exists()
    assert changed(capture) == dict.fromkeys(
        [".gitattributes", "file", "vendor/inner/.gitattributes", "vendor/inner/file"], "added"
    )
    assert {(s.path, s.reason) for s in capture.skipped} == {
        (".git", "a git folder"),
        ("vendor/inner/.git", "a git folder"),
    }
    assert not any(entry.mode == "160000" for entry in await mirror.entries(capture.tree))


async def test_the_trap_works_when_git_is_run_carelessly(workspace: Path, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    trap(workspace, marker)
    git(workspace, "status")
    assert marker.exists()


@pytest.mark.parametrize(
    "name",
    [
        ".git",
        ".GIT",
        ".Git",
        "git~1",
        "GIT~1",
        ".git ",
        ".git.",
        ".git...",
        ".g\u200cit",
        ".git::$INDEX_ALLOCATION",
        "a\\.git",
        ".git\\x",
    ],
)
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
async def test_whatever_a_file_system_takes_for_a_git_folder_stays_out(
    mirror: Mirror, base: str, workspace: Path, name: str, kind: str
) -> None:
    place = workspace / "src" / name
    if kind == "file":
        place.write_text("gitdir: /elsewhere\n")
    elif kind == "link":
        place.symlink_to("/elsewhere")
    else:
        place.mkdir()
        (place / "config").write_text("[core]\n")
    capture = await settles(mirror, await mirror.capture(base, workspace))
    assert capture.patch.files == ()
    assert [s.path for s in capture.skipped] == [f"src/{name}"]


@pytest.mark.parametrize("name", [".gitignore", ".github", "git", "x.git", ".gitx", "git~2", ".git~"])
def test_ordinary_names_are_not_taken_for_a_git_folder(name: str) -> None:
    assert not is_dotgit(name)


async def test_a_link_is_exported_as_a_link_and_never_followed(
    mirror: Mirror, base: str, workspace: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "app.py").write_text("the secret")
    (workspace / "src/app.py").unlink()
    (workspace / "src").rmdir()
    (workspace / "src").symlink_to(secret)
    (workspace / "README.md").unlink()
    (workspace / "README.md").symlink_to(secret / "app.py")
    (workspace / ".gitignore").symlink_to(secret / "app.py")
    capture = await settles(mirror, await mirror.capture(base, workspace))
    assert changed(capture) == {
        ".gitignore": "added",
        "README.md": "type_changed",
        "src": "added",
        "src/app.py": "deleted",
    }
    assert await mirror.read(capture.tree, "src") == str(secret).encode()
    assert b"the secret" not in capture.patch.diff


async def test_a_folder_swapped_for_a_link_while_we_read_leads_nowhere(
    mirror: Mirror, base: str, workspace: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "app.py").write_text("the secret")
    with walking.Workspace.opened(workspace) as opened:
        found = opened.walk((), ())
        (workspace / "src").rename(workspace / "moved")
        (workspace / "src").symlink_to(secret)
        assert opened.read(found["src/app.py"], 1000) is None
        assert opened.blob_name(found["src/app.py"]) is None
        assert opened.skipped == {"src/app.py": "a file that can not be read"}
        (workspace / "run.sh").unlink()
        os.mkfifo(workspace / "run.sh")
        assert opened.read(found["run.sh"], 1000) is None


async def test_pipes_sockets_and_the_like_are_passed_over(
    mirror: Mirror, base: str, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(workspace / "pipe")
    os.mkfifo(workspace / ".gitignore")
    os.mkfifo(workspace / "src/.gitattributes")
    (workspace / "run.sh").unlink()
    os.mkfifo(workspace / "run.sh")
    monkeypatch.chdir(workspace)  # the name of a socket may not be long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        capture = await settles(mirror, await mirror.capture(base, workspace))
    assert capture.patch.files == ()
    assert [s.path for s in capture.skipped] == [
        ".gitignore",
        "pipe",
        "run.sh",
        "socket",
        "src/.gitattributes",
    ]


async def test_names_that_are_not_text_stay_as_they_are_in_the_base(
    remote: BareRemote, mirror: Mirror, tmp_path: Path
) -> None:
    (remote.clone / os.fsdecode(b"caf\xe9")).write_bytes(b"1")
    tip = remote.commit({"plain": b"1"})
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    workspace = tmp_path / "w"
    await mirror.materialise(tip, workspace)
    assert (await mirror.capture(tip, workspace)).patch.files == ()
    (workspace / os.fsdecode(b"caf\xe9")).unlink()
    (workspace / os.fsdecode(b"th\xe9")).write_bytes(b"1")
    (workspace / "plain").write_bytes(b"2")
    capture = await settles(mirror, await mirror.capture(tip, workspace))
    assert changed(capture) == {"plain": "modified"}
    assert [s.path for s in capture.skipped] == ["th\\xe9"]
    assert os.fsdecode(b"caf\xe9") in await mirror.tree_paths(capture.tree)


async def test_a_submodule_stays_what_it_is(
    remote: BareRemote, mirror: Mirror, base: str, tmp_path: Path
) -> None:
    git(remote.clone, "update-index", "--add", "--cacheinfo", f"160000,{base},lib")
    git(remote.clone, "commit", "-q", "-m", "Submodule")
    git(remote.clone, "push", "-q", str(remote.path), "HEAD:refs/heads/main")
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    workspace = tmp_path / "w"
    await mirror.materialise("refs/heads/main", workspace)
    tip = await mirror.resolve("refs/heads/main")
    assert tip
    assert (await mirror.capture(tip, workspace)).patch.files == ()
    trap(workspace / "lib", tmp_path / "marker")
    (workspace / "lib/file").write_bytes(b"1")
    capture = await settles(mirror, await mirror.capture(tip, workspace))
    assert capture.patch.files == ()
    assert [(s.path, s.reason) for s in capture.skipped] == [("lib", "files of a submodule")]
    assert not (tmp_path / "marker").exists()

    await mirror.materialise(tip, tmp_path / "w2")
    (tmp_path / "w2/lib").rmdir()
    assert (await mirror.capture(tip, tmp_path / "w2")).patch.files == ()
    (tmp_path / "w2/lib").write_bytes(b"now a file")
    assert changed(await settles(mirror, await mirror.capture(tip, tmp_path / "w2"))) == {
        "lib": "type_changed"
    }


async def test_a_gitmodules_that_is_a_link_stays_out(mirror: Mirror, base: str, workspace: Path) -> None:
    (workspace / ".gitmodules").symlink_to("elsewhere")
    (workspace / "src/.GITMODULES ").symlink_to("elsewhere")
    capture = await settles(mirror, await mirror.capture(base, workspace))
    assert capture.patch.files == ()
    assert len(capture.skipped) == 2


# Too much


async def test_a_file_that_is_too_large_is_refused_and_one_that_was_large_before_is_not(
    remote: BareRemote, mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 1000)
    tip = remote.commit({"large": b"x" * 2000})
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    workspace = tmp_path / "w"
    await mirror.materialise(tip, workspace)
    (workspace / "a").write_bytes(b"x" * 1000)
    await mirror.capture(tip, workspace)
    (workspace / "a").write_bytes(b"x" * 1001)
    with pytest.raises(WorkspaceTooLarge, match=r"a is larger than 0\.001 MB"):
        await mirror.capture(tip, workspace)


async def test_a_sparse_giant_is_refused_without_reading_it(
    mirror: Mirror, base: str, workspace: Path
) -> None:
    with (workspace / "README.md").open("wb") as file:
        file.truncate(1 << 42)
    with pytest.raises(WorkspaceTooLarge, match=r"README\.md is larger than 10 MB"):
        await mirror.capture(base, workspace)


async def test_too_many_files_or_bytes_are_refused(
    mirror: Mirror, base: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_FILES", 3)
    monkeypatch.setattr(limits, "MAX_TOTAL_BYTES", 100)
    (workspace / "README.md").unlink()
    for name in "ab":
        (workspace / name).write_bytes(b"1" * 50)
    await mirror.capture(base, workspace)
    (workspace / "b").write_bytes(b"1" * 51)
    with pytest.raises(WorkspaceTooLarge, match="MB changed"):
        await mirror.capture(base, workspace)
    (workspace / "b").write_bytes(b"1")
    (workspace / "c").touch()
    with pytest.raises(WorkspaceTooLarge, match="More than 3 files changed"):
        await mirror.capture(base, workspace)
    (workspace / ".gitignore").write_bytes(b"[bc]\n")
    await mirror.capture(base, workspace)
    monkeypatch.setattr(walking, "MAX_ENTRIES", 5)
    with pytest.raises(WorkspaceTooLarge, match="more than 5 files"):
        await mirror.capture(base, workspace)


async def test_a_tunnel_of_folders_is_refused(
    mirror: Mirror, base: str, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    for _ in range(40):
        os.mkdir("d" * 120)  # noqa: PTH102 - one step at a time: the whole path is too long for the system
        os.chdir("d" * 120)
    with pytest.raises(WorkspaceTooLarge, match="paths of more than"):
        await mirror.capture(base, workspace)


# Onto a base


async def test_a_patch_that_does_not_fit_is_refused(
    remote: BareRemote, mirror: Mirror, base: str, workspace: Path
) -> None:
    (workspace / "README.md").write_bytes(b"hello\nworld\n")
    patch = await mirror.export(base, workspace)
    moved = remote.commit({"README.md": b"something else\n"})
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    with pytest.raises(PatchDoesNotApply, match="does not fit"):
        await mirror.apply(patch.model_copy(update={"base": moved}))
    with pytest.raises(PatchDoesNotApply):
        await mirror.apply(patch.model_copy(update={"diff": b"no diff at all\n"}))
    with pytest.raises(PatchDoesNotApply):
        await mirror.apply(patch.model_copy(update={"diff": patch.diff[:-4]}))


async def test_a_patch_that_does_more_or_less_than_it_says_is_refused(
    mirror: Mirror, base: str, workspace: Path
) -> None:
    (workspace / "README.md").write_bytes(b"hello\nworld\n")
    (workspace / "extra").write_bytes(b"1")
    patch = await mirror.export(base, workspace)
    for files in (patch.files[:1], (*patch.files, patch.files[0].model_copy(update={"path": "z"})), ()):
        with pytest.raises(PatchDoesNotApply, match="than its list says"):
            await mirror.apply(patch.model_copy(update={"files": files}))
    quiet = patch.files[0].model_copy(update={"mode": "100755"})
    with pytest.raises(PatchDoesNotApply):
        await mirror.apply(patch.model_copy(update={"files": (quiet, patch.files[1])}))


@pytest.mark.parametrize(
    "path", ["../outside", "/etc/cron.d/x", ".git/hooks/post-checkout", "src/.GIT/config", "a/../../b"]
)
async def test_a_patch_can_not_reach_outside_or_into_a_git_folder(
    mirror: Mirror, base: str, path: str
) -> None:
    head = f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n"
    diff = f"{head}@@ -0,0 +1 @@\n+x\n".encode()
    files = (FileChange(path=path, status="added", added=1, removed=0, mode="100644"),)
    with pytest.raises(PatchDoesNotApply):
        await mirror.apply(Patch(base=base, diff=diff, files=files))
