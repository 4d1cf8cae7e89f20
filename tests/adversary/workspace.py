"""Attacks by what lies in a workspace when its change is exported."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from pushpals.git import GitError, Mirror, PatchDoesNotApply, WorkspaceTooLarge
from pushpals.git import process as running
from pushpals.git import workspace as walking
from pushpals.model import FileChange, Patch
from tests.adversary.cases import case
from tests.adversary.stage import RIGHT, Breach, Repository, Stage, asked, at_the_bench, holds
from tests.git.remotes import anonymous, git
from tests.stories.scripted import call

CANARY = b"canary-77ab"


async def _export(repository: Repository) -> bytes:
    """Return all that an export takes along: the diff, and the tree's files."""
    capture = await repository.mirror.capture(repository.base, repository.workspace)
    blobs = await repository.mirror.entries(capture.tree)
    return capture.patch.diff + b"".join(
        filter(None, await repository.mirror.read_objects(*(b.sha for b in blobs)))
    )


async def _no_trap(stage: Stage, arm: Callable[[Path, str], None]) -> None:
    """Arm a `.git` of the workspace, export, and see whether the trap has sprung."""
    repository = await stage.repository()
    marker = stage.folder / "marker"
    git(repository.workspace, "init", "-q")
    git(repository.workspace, "add", "--all")
    git(repository.workspace, "commit", "-q", "-m", "x")
    arm(repository.workspace, f"touch {marker}; cat")
    with contextlib.suppress(AssertionError):  # the careless way ends so, having done what it does
        await _export(repository)
    holds(not marker.exists(), "a program of the workspace runs on the control side")


def _hook(folder: Path, script: str) -> None:
    for name in ("pre-commit", "post-index-change", "reference-transaction", "prepare-commit-msg"):
        path = folder / ".git" / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script.partition(';')[0]}\n")
        path.chmod(0o755)


@case("plant a hook in a .git of the workspace", control="export by content")
async def _(stage: Stage) -> None:
    await _no_trap(stage, _hook)


@case("move the hooks by core.hooksPath", control="export by content")
async def _(stage: Stage) -> None:
    def arm(folder: Path, script: str) -> None:
        _hook(folder, script)
        (folder / ".git" / "hooks").rename(folder / "tools")
        git(folder, "config", "core.hooksPath", str(folder / "tools"))

    await _no_trap(stage, arm)


@case("be called as the file system's monitor", control="export by content")
async def _(stage: Stage) -> None:
    await _no_trap(stage, lambda folder, script: void(git(folder, "config", "core.fsmonitor", script)))


@case("be called as a filter by .gitattributes", control="export by content")
async def _(stage: Stage) -> None:
    def arm(folder: Path, script: str) -> None:
        git(folder, "config", "filter.evil.clean", script)
        (folder / ".gitattributes").write_text("* filter=evil\n")
        (folder / "new").write_text("1")

    await _no_trap(stage, arm)


@case("be called as a converter for diffs by .gitattributes", control="export by content")
async def _(stage: Stage) -> None:
    def arm(folder: Path, script: str) -> None:
        git(folder, "config", "diff.evil.textconv", script.replace("cat", "cat <"))
        (folder / ".gitattributes").write_text("* diff=evil\n")
        (folder / "README.md").write_text("other\n")

    await _no_trap(stage, arm)


@case("borrow the objects of another repository by alternates", control="export by content")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    other = stage.folder / "private"
    other.mkdir()
    git(other, "init", "-q", "-b", "main")
    (other / "key").write_bytes(CANARY)
    git(other, "add", "key")
    git(other, "commit", "-q", "-m", "x")
    folder = repository.workspace
    git(folder, "init", "-q", "-b", "main")
    (folder / ".git/objects/info/alternates").write_text(f"{other / '.git/objects'}\n")
    blob = git(other, "rev-parse", "HEAD:key")
    git(folder, "update-index", "--add", "--cacheinfo", f"100644,{blob},stolen")
    git(folder, "update-index", "--skip-worktree", "stolen")
    git(folder, "commit", "-q", "-m", "x")
    try:
        taken = await _export(repository)
    except AssertionError as careless:
        taken = str(careless).encode()
    holds(b"stolen" not in taken and CANARY not in taken, "another repository's file is exported")


@case("be a submodule that leads to another repository", control="export by content")
async def _(stage: Stage) -> None:
    def arm(folder: Path, script: str) -> None:
        inner = folder / "vendor"
        inner.mkdir()
        git(inner, "init", "-q")
        git(inner, "commit", "-q", "--allow-empty", "-m", "x")
        git(folder, "add", "vendor")
        git(inner, "config", "core.fsmonitor", script)

    await _no_trap(stage, arm)


@case("swap a folder for a link while it is read", control="no links (export)")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    secret = stage.folder / "secret"
    secret.mkdir()
    (secret / "app.py").write_bytes(CANARY)
    with walking.Workspace.opened(repository.workspace) as opened:
        found = opened.walk((), ())
        (repository.workspace / "src").rename(repository.workspace / "moved")
        (repository.workspace / "src").symlink_to(secret)
        holds(opened.read(found["src/app.py"], 1000) != CANARY, "a file outside is read")


@case("swap a file for a link while it is read", control="no links (export)")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    (stage.folder / "secret").write_bytes(CANARY)
    with walking.Workspace.opened(repository.workspace) as opened:
        found = opened.walk((), ())
        (repository.workspace / "README.md").unlink()
        (repository.workspace / "README.md").symlink_to(stage.folder / "secret")
        holds(opened.read(found["README.md"], 1000) != CANARY, "a file outside is read")


@case("put a pipe, on which a reader waits for ever, in the place of a file", control="regular files")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    (repository.workspace / "run.sh").unlink()
    os.mkfifo(repository.workspace / "run.sh")
    capture = await repository.mirror.capture(repository.base, repository.workspace)
    holds(not capture.patch.files, "a pipe is exported as a file")


@case("change a file beside its task through a hard link to it", control="task scope")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    workspace = bench.repository.workspace
    (workspace / "src" / "app.py").unlink()
    os.link(workspace / "README.md", workspace / "src" / "app.py")
    bench.write({"src/app.py": "x = 2\n"})
    assert (workspace / "README.md").read_text() == "x = 2\n"
    await bench.refuses("a file outside of the task's scope changes", scope=("src/app.py",))


@case("use a name that some file system takes for .git", control="names of .git")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    for name in (".GIT", "git~1", ".git ", ".g\u200cit", ".git::$INDEX_ALLOCATION"):
        (repository.workspace / name).mkdir()
        (repository.workspace / name / "config").write_text("[core]\n")
    capture = await repository.mirror.capture(repository.base, repository.workspace)
    told = len(capture.skipped) == 5
    holds(
        told and not capture.patch.files,
        "a folder that is .git elsewhere is exported, or left out in silence",
    )


@case("leave a file of two gigabytes with nothing in it", control="size of a file")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    with (repository.workspace / "big").open("wb") as file:
        file.truncate(2 << 30)
    read = 0
    content = walking.Workspace._content

    def counted(workspace: walking.Workspace, file: walking.Found, limit: int) -> Iterator[bytes]:
        nonlocal read
        for chunk in content(workspace, file, limit):
            read += len(chunk)
            yield chunk

    stage.patch.setattr(walking.Workspace, "_content", counted)
    with contextlib.suppress(WorkspaceTooLarge):
        await repository.mirror.capture(repository.base, repository.workspace)
    holds(read < 20_000_000, f"{read} bytes are held in memory")


@case("leave many files that are too much together", control="size of all")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    for number in range(12):
        with (repository.workspace / f"big{number}").open("wb") as file:
            file.truncate(9_000_000)
    await _too_large(repository, "a change of a hundred megabytes is taken along")


@case("leave more files than anybody changes", control="number of files")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    for number in range(2_100):
        (repository.workspace / f"f{number}").touch()
    await _too_large(repository, "a change of thousands of files is taken along")


@case("leave a hundred thousand files", control="number of entries")
async def _(stage: Stage) -> None:
    # As many as fit the time of a test, against a limit made smaller by as much.
    if walking.MAX_ENTRIES == 500_000:
        stage.patch.setattr(walking, "MAX_ENTRIES", 1_000)
    repository = await stage.repository()
    for number in range(1_100):
        (repository.workspace / f"f{number}").touch()
    await _too_large(repository, "any number of files is looked at")


@case("dig a tunnel of folders that is longer than a path may be", control="depth of paths")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    stage.patch.chdir(repository.workspace)
    for _ in range(40):
        Path("d" * 120).mkdir()  # noqa: ASYNC240 - nothing else goes on
        os.chdir("d" * 120)
    await _too_large(repository, "a path of any length is followed")


@case("have git take one object for another", control="no replacing")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    mirror = repository.mirror
    other = repository.remote.commit({"README.md": b"evil\n"}, "Evil", ref="refs/heads/evil")
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    await mirror._git.run("update-ref", f"refs/replace/{repository.base}", other)
    await mirror.materialise(repository.base, stage.folder / "again")
    holds((stage.folder / "again/README.md").read_bytes() == b"hello\n", "a commit is replaced by another")


@case("have git run a program for an address", control="protocols")
async def _(stage: Stage) -> None:
    marker = stage.folder / "marker"
    mirror = await Mirror.open(stage.folder / "m.git", f"ext::sh -c touch% {marker}", anonymous)
    with contextlib.suppress(GitError):
        await mirror.fetch("+refs/heads/*:refs/heads/*")
    holds(not marker.exists(), "an address runs a program")


@case("use a filter that the operator has set up", control="filters off")
async def _(stage: Stage) -> None:
    home, marker = stage.folder / "home", stage.folder / "marker"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[filter "lfs"]\n\tsmudge = touch {marker}; cat\n')
    stage.patch.setenv("HOME", str(home))
    if "GIT_CONFIG_GLOBAL" not in running._ENVIRONMENT:
        stage.patch.setitem(running._ENVIRONMENT, "HOME", str(home))
    await stage.repository({".gitattributes": b"* filter=lfs\n", "README.md": b"hello\n"})
    holds(not marker.exists(), "a repository runs the operator's programs")


@case("have a hook that got into the mirror run", control="hooks off")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    marker = stage.folder / "marker"
    hook = repository.mirror.path / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
    hook.chmod(0o755)
    repository.remote.commit({"x": b"1\n"})
    await repository.mirror.fetch("+refs/heads/*:refs/heads/*")
    holds(not marker.exists(), "a hook runs on the control side")


@case("change more than the list of a patch says", control="list of files")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    (repository.workspace / "README.md").write_bytes(b"other\n")
    (repository.workspace / "extra").write_bytes(b"1\n")
    patch = await repository.mirror.export(repository.base, repository.workspace)
    hidden = tuple(change for change in patch.files if change.path != "extra")
    try:
        await repository.mirror.apply(Patch(base=patch.base, diff=patch.diff, files=hidden))
    except PatchDoesNotApply:
        return
    raise Breach("a file changes that the list does not name")


@case("turn a submodule into files of its own", control="submodules stay")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    head = git(repository.remote.clone, "rev-parse", "HEAD")
    git(repository.remote.clone, "update-index", "--add", "--cacheinfo", f"160000,{head},vendor")
    git(repository.remote.clone, "commit", "-q", "-m", "Vendor")
    git(repository.remote.clone, "push", "-q", str(repository.remote.path), "HEAD:refs/heads/main")
    await repository.mirror.fetch("+refs/heads/*:refs/heads/*")
    base = await repository.mirror.resolve("refs/heads/main")
    assert base
    place = stage.folder / "with"
    await repository.mirror.materialise(base, place)
    (place / "vendor").mkdir(exist_ok=True)
    (place / "vendor" / "evil.py").write_text("x\n")
    capture = await repository.mirror.capture(base, place)
    holds(not capture.patch.files, "the files of a submodule are exported")


@case("have the tools write where the task may not", control="unwritable")
async def _(stage: Stage) -> None:
    town = await stage.town(
        [call("write", path="deploy.sh", content="evil\n"), RIGHT, call("done", summary="Done.")],
        policy="scope:\n  write: [auth/**]\n",
    )
    async with asked(town) as (_, issue):
        [record] = await town.jobs(issue)
    names = {change.path for change in record.report.files}
    assert isinstance(record.report.files[0], FileChange)
    holds("deploy.sh" not in names, "a tool writes anywhere in the workspace")


async def _too_large(repository: Repository, gained: str) -> None:
    try:
        await repository.mirror.capture(repository.base, repository.workspace)
    except WorkspaceTooLarge:
        return
    except OSError as error:
        raise Breach(f"the export ends with {error}") from None
    raise Breach(gained)


def void(_: object) -> None:
    """Return nothing."""
