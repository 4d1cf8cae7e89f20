"""How the export of workspaces is switched off: what a careless program would do in its place."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pushpals.git import Capture, Mirror, capture, trees
from pushpals.git import process as running
from pushpals.git import workspace as walking
from tests.adversary.controls import control, swapped
from tests.git.remotes import git


@control("export by content", "no git command ever looks at a workspace")
def _careless(patch: pytest.MonkeyPatch) -> None:
    async def run_git_there(mirror: Mirror, base: str, workspace: Path) -> Capture:
        git(workspace, "status")
        git(workspace, "add", "--all")
        tree = git(workspace, "write-tree")
        shown = git(workspace, "cat-file", "-p", tree)
        git(workspace, "diff", "--cached", "HEAD")
        git(workspace, "commit", "-q", "-m", "x")
        raise AssertionError(shown)

    patch.setattr(Mirror, "capture", run_git_there)


@control("no links (export)", "no file is read through a link")
def _followed(patch: pytest.MonkeyPatch) -> None:
    for name in ("_FOLDER", "_READ"):
        patch.setattr(walking, name, getattr(walking, name) & ~os.O_NOFOLLOW)


@control("regular files", "nothing but files and links is exported")
def _whatever(patch: pytest.MonkeyPatch) -> None:
    lenient = SimpleNamespace(**{**vars(stat), "S_ISREG": lambda _mode: True})
    patch.setattr(walking, "stat", lenient)


@control("names of .git", "what any file system takes for .git stays out")
def _dotgit(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(walking, "is_dotgit", lambda name: name == ".git")


swapped(
    "size of a file",
    "a file of a change has so many bytes",
    "pushpals.git.capture:MAX_FILE_BYTES",
    by=1 << 26,
)
swapped("size of all", "a change has so many bytes", "pushpals.git.capture:MAX_TOTAL_BYTES", by=1 << 40)
swapped("number of files", "so many files change", "pushpals.git.capture:MAX_FILES", by=1 << 30)
swapped(
    "number of entries", "a workspace holds so many files", "pushpals.git.workspace:MAX_ENTRIES", by=1 << 30
)
swapped("depth of paths", "a path is so long", "pushpals.git.workspace:MAX_PATH_BYTES", by=1 << 30)


@control("no replacing", "an object is what its name says")
def _replaced(patch: pytest.MonkeyPatch) -> None:
    patch.delitem(running._ENVIRONMENT, "GIT_NO_REPLACE_OBJECTS")


@control("protocols", "git speaks HTTP and files, and nothing that runs a program")
def _any_protocol(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(running._ENVIRONMENT, "GIT_ALLOW_PROTOCOL", "ext:file:http:https")


@control(
    "filters off", "no filter of a repository runs: git inherits no settings, and every mirror turns them off"
)
def _filtered(patch: pytest.MonkeyPatch) -> None:
    patch.delitem(running._ENVIRONMENT, "GIT_CONFIG_GLOBAL")
    patch.setattr("pushpals.git.mirror._settle_info", lambda path: None)


@control("hooks off", "no hook of a mirror runs")
def _hooked(patch: pytest.MonkeyPatch) -> None:
    patch.delitem(running._CONFIG, "core.hooksPath")


@control("list of files", "a patch changes what its list says")
def _unlisted(patch: pytest.MonkeyPatch) -> None:
    apply = trees.apply

    async def believing(git_: Any, patch_: Any) -> str:
        with pytest.MonkeyPatch.context() as inner:

            async def as_listed(*_: Any) -> Any:
                return tuple(sorted(patch_.files, key=lambda file: str(file.path)))

            inner.setattr(trees, "diff_files", as_listed)
            return await apply(git_, patch_)

    patch.setattr(trees, "apply", believing)


@control("submodules stay", "a submodule is another repository's business")
def _entered(patch: pytest.MonkeyPatch) -> None:
    survey = capture._survey

    def without(path: Path, tracked: Any) -> Any:
        return survey(path, {name: entry for name, entry in tracked.items() if entry.mode != walking.GITLINK})

    patch.setattr(capture, "_survey", without)


@control("unwritable", "the tools write where the task may")
def _writable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("pushpals.workerpals.workspace.Workspace.require_writable", lambda self, path: None)
