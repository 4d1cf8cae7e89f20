"""One bare mirror per repository: the only place where git meets a repository's content.

A mirror is a cache. All that matters is on the remote or is about to be pushed there; a mirror that
is deleted or damaged is made again from the remote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pushpals.git import bundle, trees
from pushpals.git.capture import Capture, Exporter
from pushpals.git.errors import GitError, RefMissing
from pushpals.git.flight import Flights
from pushpals.git.lock import exclusive, remove_stale_locks
from pushpals.git.merge import Merge, landed_in, merge
from pushpals.git.objects import Identity, NewCommit, ObjectStore
from pushpals.git.process import Completed, Git
from pushpals.git.reader import ObjectReader
from pushpals.git.remote import RefUpdate, Remote, TokenSource
from pushpals.git.trees import TreeEntry
from pushpals.git.workspace import CACHES
from pushpals.model import FileChange, Patch, Sha

_ATTRIBUTES = "* -text -crlf !eol -ident -filter -working-tree-encoding !diff !whitespace !merge\n"
"""Stands above every .gitattributes: bytes are exact both ways; no filter or driver has a name to run by."""

_EXCLUDES = "".join(f"{name}/\n" for name in sorted(CACHES)) + "*.pyc\n.DS_Store\n"
_LOG_FORMAT = "--format=%H%x00%P%x00%an%x00%ct%x00%B%x00%x01"


@dataclass(frozen=True)
class LogEntry:
    """One commit as `git log` tells it."""

    sha: Sha
    parents: tuple[Sha, ...]
    author: str
    when: datetime
    message: str


class Mirror:
    """A bare repository beside a remote one. Safe for many tasks of one event loop, and processes."""

    def __init__(
        self, path: Path, url: str, token: TokenSource, network: Mapping[str, str] | None = None
    ) -> None:
        """Bind to an existing mirror; use `open`, which makes sure that there is one."""
        self.path = path
        self._git = Git(path, network)
        self._store = ObjectStore(path)
        self._reader = ObjectReader(self._git)
        self._remote = Remote(self._git, url, token)
        self._known: set[str] = set()
        self._flights = Flights()
        self._exporter = Exporter(self._git, self._store)

    @classmethod
    async def open(
        cls, path: Path, url: str, token: TokenSource, *, network: Mapping[str, str] | None = None
    ) -> Mirror:
        """Open the mirror of `url` at `path`; make it when missing, finish it when half made.

        `token` is asked before each use of the network. `network` is extra environment for git that
        a door took from its own: proxies and certificates (`https_proxy`, `SSL_CERT_FILE` …).
        """
        path = await asyncio.to_thread(_made, path)
        mirror = cls(path, url, token, network)
        async with exclusive(path):
            await asyncio.to_thread(remove_stale_locks, path)
            await mirror._make()
            # No more than a look when there is little to pack; what is younger than two weeks stays.
            await mirror._git.run("gc", "--auto", "--quiet", timeout=600)
        return mirror

    @classmethod
    def of_clone(cls, folder: Path) -> Mirror:
        """Bind to the git repository at `folder`, to read from it. Raises GitError when there is none."""
        inside = folder / ".git"
        if inside.is_file():  # a worktree's, or a submodule's
            inside = folder / inside.read_text().strip().removeprefix("gitdir: ")
        for place in (inside, folder):
            if (place / "HEAD").is_file():
                return cls(place.absolute(), "", _nobody)
        raise GitError(f"{folder} is not a git repository. Name one with --repo.")

    async def _make(self) -> None:
        """Make the repository, or what is missing of it. Changes nothing in one that is whole."""
        init = ("init", "--quiet", "--bare", "--template=")
        made = await self._git.run(*init, ok=(0, 1, 128))
        if made.code or (await self._git.run("rev-parse", "--git-dir", ok=(0, 128))).code:
            # A crash while it was made can leave these two half written; they hold nothing of value.
            for name in ("config", "HEAD"):
                await asyncio.to_thread((self.path / name).unlink, missing_ok=True)
            await self._git.run(*init)
        await asyncio.to_thread(_settle_info, self.path)

    async def fetch(self, *refspecs: str, depth: int | None = None) -> None:
        """Fetch `refspecs`; see `Remote.fetch`. `depth` cuts the history of all that is fetched."""
        await self._remote.fetch(*refspecs, *(() if depth is None else (f"--depth={depth}",)))

    async def fetch_branch(self, branch: str, *refspecs: str) -> Sha:
        """Fetch a branch, and `refspecs` along with it, and return the branch's tip.

        Of a branch that the mirror has never seen only the newest commit comes over the wire, and
        from then on what is new: history can be long, and few questions need it.
        """
        ref = f"refs/heads/{branch}"
        await self._flights.share((ref, *refspecs), lambda: self._bring(ref, refspecs))
        tip = await self.resolve(ref)
        if tip is None:
            raise RefMissing(f"The remote has no branch {branch}.")
        return tip

    async def _bring(self, ref: str, refspecs: Sequence[str]) -> None:
        if ref not in self._known and await self.resolve(ref) is None:
            await self._remote.fetch(f"+{ref}:{ref}", "--depth=1")
            self._known.add(ref)
            if not refspecs:
                return
        self._known.add(ref)
        await self._remote.fetch(f"+{ref}:{ref}", *refspecs)

    async def ls_remote(self, *patterns: str) -> dict[str, Sha]:
        """Return the remote's refs that match `patterns`; see `Remote.ls`."""
        return await self._remote.ls(*patterns)

    async def remote_head(self) -> str:
        """Return the name of the remote's default branch. Raises RefMissing for an empty repository."""
        return await self._remote.head()

    async def push(self, updates: Sequence[RefUpdate]) -> None:
        """Move all refs of `updates` on the remote, or none; see `Remote.push`."""
        await self._remote.push(updates)

    async def pack(self, file: Path, ref: str, since: Sha) -> None:
        """Write what `ref` of the mirror has beyond `since` into a bundle; see `git.bundle`."""
        await bundle.pack(self._git, file, ref, since)

    async def unpack(self, file: Path, ref: str, to: str) -> Sha:
        """Take `ref` from a bundle into the mirror as `to`, and return the commit; see `git.bundle`."""
        return await bundle.unpack(self._git, file, ref, to)

    async def sizes(self, *objects: str) -> dict[str, int]:
        """Return how many bytes each object has, by its sha. Raises GitError for one that is not here."""
        return await bundle.sizes(self._git, *objects)

    async def duplicate(self, folder: Path, branch: str) -> None:
        """Make a bare repository at `folder` that has all the mirror has; see `git.bundle`."""
        async with exclusive(self.path):
            await bundle.duplicate(self._git, folder, branch)

    async def resolve(self, ref: str) -> Sha | None:
        """Return the commit (or other object) that `ref` names in the mirror, or None."""
        done = await self._git.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", ref, ok=(0, 1, 128)
        )
        # Some versions of git print the separator too, so only the last line counts.
        return done.text.splitlines()[-1] if done.code == 0 else None

    async def refs(self, *patterns: str) -> dict[str, Sha]:
        """Return the mirror's own refs (as of the last fetch) that match `patterns`, by name."""
        done = await self._git.run("for-each-ref", "--format=%(objectname) %(refname)", *patterns)
        return {ref: sha for sha, _, ref in (line.partition(" ") for line in done.text.splitlines())}

    async def read(self, commit: str, path: str) -> bytes | None:
        """Return a file's bytes as committed, or None when the commit has no such file."""
        return (await self.read_objects(f"{commit}:{path}"))[0]

    async def read_objects(self, *names: str) -> list[bytes | None]:
        """Return the bytes of each object (a sha, `commit:path`, `commit^{tree}`), None where none is."""
        found: list[bytes | None] = []
        if any("\n" in name for name in names):
            for name in names:
                done = await self._git.run("cat-file", "-p", "--end-of-options", name, ok=(0, 128))
                found.append(None if done.code else done.out)
            return found
        return await self._reader.read(names)

    async def entries(self, treeish: str) -> list[TreeEntry]:
        """List all files of a commit or tree with mode and blob."""
        return await trees.entries(self._git, treeish)

    async def tree_paths(self, treeish: str) -> list[str]:
        """List the paths of all files of a commit or tree, in git's order."""
        return [entry.path for entry in await self.entries(treeish)]

    async def log(self, tip: str, *, limit: int | None = None, paths: Iterable[str] = ()) -> list[LogEntry]:
        """Return the history of `tip`, the newest first, at most `limit` commits, of `paths` if given."""
        cap = () if limit is None else (f"--max-count={limit}",)
        env = {"GIT_LITERAL_PATHSPECS": "1"}
        done = await self._git.run("log", _LOG_FORMAT, *cap, "--end-of-options", tip, "--", *paths, env=env)
        logged = []
        for record in done.out.decode(errors="replace").split("\0\x01\n"):
            if record:
                sha, parents, author, seconds, message = record.removesuffix("\0\x01").split("\0")
                when = datetime.fromtimestamp(int(seconds), UTC)
                logged.append(LogEntry(sha, tuple(parents.split()), author, when, message.rstrip("\n")))
        return logged

    async def parents(self, *tips: Sha) -> dict[Sha, tuple[Sha, ...]]:
        """Return every commit reachable from `tips` with its parents."""
        done = await self._git.run(
            "rev-list", "--parents", "--stdin", stdin="".join(f"{t}\n" for t in tips).encode()
        )
        return {line[:40]: tuple(line.split(" ")[1:]) for line in done.text.splitlines()}

    async def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `older` is `newer` or among its ancestors. Completes a shallow history if need be."""
        return (await self._relate("--is-ancestor", older, newer)).code == 0

    async def merge_base(self, one: str, other: str) -> Sha | None:
        """Return the best common ancestor, or None. Completes a shallow history if need be."""
        done = await self._relate(one, other)
        return done.text if done.code == 0 else None

    async def holds(self, commit: Sha, other: Sha) -> bool:
        """Whether `commit`, which is here, is `other` or comes after it; `other` need not be anywhere."""
        return (await self._ask_relation("--is-ancestor", other, commit)).code == 0

    async def _relate(self, *args: str) -> Completed:
        done = await self._ask_relation(*args)
        if done.code == 128:  # noqa: PLR2004 - git's exit code for a fatal error
            raise GitError(f"git merge-base failed: {done.err}. Fetch both commits first.")
        return done

    async def _ask_relation(self, *args: str) -> Completed:
        """Ask how two commits are related; a no may only mean that the history here is cut."""
        done = await self._git.run("merge-base", *args, ok=(0, 1, 128))
        if done.code and await asyncio.to_thread((self.path / "shallow").exists):
            await self._remote.fetch("HEAD", "--unshallow")
            done = await self._git.run("merge-base", *args, ok=(0, 1, 128))
        return done

    async def diff_files(self, base: str, tree: str) -> tuple[FileChange, ...]:
        """List what differs between two commits or trees, sorted by path; renames are delete and add."""
        return await trees.diff_files(self._git, base, tree)

    async def diff(self, base: str, tree: str) -> bytes:
        """Return the difference of two commits or trees as `git apply` reads it."""
        return await trees.diff(self._git, base, tree)

    async def ensure(self, commit: Sha, ref: str | None) -> None:
        """Fetch `ref` of the remote when `commit` is not here yet. Raises GitError when it is not there."""
        if (await self.read_objects(f"{commit}^{{tree}}"))[0] is not None:
            return
        if ref is not None:
            await self._remote.fetch(f"+{ref}:{ref}")
        await self._require(commit)

    async def materialise(self, treeish: str, destination: Path) -> None:
        """Lay out a commit or tree as plain files, bytes exact, in an empty or missing folder."""
        await trees.materialise(self._git, treeish, destination)

    async def capture(self, base: Sha, workspace: Path) -> Capture:
        """Compare a workspace with `base` by content; never runs git in it. Raises WorkspaceTooLarge."""
        return await self._exporter.capture(base, workspace)

    async def export(self, base: Sha, workspace: Path) -> Patch:
        """Return only the patch of `capture`."""
        return (await self.capture(base, workspace)).patch

    async def overlay(self, onto: str, source: str, paths: Collection[str]) -> Sha:
        """Return the tree of `onto` with the files in `paths` as they are in `source` (gone if not there)."""
        return await trees.overlay(self._git, onto, source, paths)

    async def apply(self, patch: Patch) -> Sha:
        """Return the tree of `patch.base` with the patch on it. Raises PatchDoesNotApply."""
        return await trees.apply(self._git, patch)

    async def apply_diff(self, base: Sha, diff: bytes) -> Sha:
        """Return the tree of `base` with a diff on it, as a record keeps one. Raises PatchDoesNotApply."""
        return await trees.apply_diff(self._git, base, diff)

    async def merge(self, ours: Sha, theirs: Sha) -> Merge:
        """Merge two commits by content; see `git.merge`. Completes a shallow history if need be."""
        if await self.merge_base(ours, theirs) is None:
            raise GitError(f"{ours[:12]} and {theirs[:12]} have no common history. They can not be merged.")
        return await merge(self._git, ours, theirs)

    async def landed_in(self, head: Sha, tip: Sha) -> Sha | None:
        """Return the commit on the line of `tip` with which `head` landed; see `git.merge`."""
        return await landed_in(self._git, head, tip) if await self.is_ancestor(head, tip) else None

    async def commit(
        self, tree: Sha, parents: Sequence[Sha], message: str, *, author: Identity, when: datetime
    ) -> Sha:
        """Write a commit into the mirror. Raises ValueError for a `when` without a time zone."""
        await self._require(tree, *parents)
        return await self._store.commit(NewCommit(tree, parents, message, author, when))

    async def _require(self, *objects: Sha) -> None:
        """Raise GitError when an object is not here: a commit on nothing could never be pushed."""
        # Their bytes are few (the top folder's listing, a commit), and the reader is already there.
        for name, data in zip(objects, await self._reader.read(objects), strict=True):
            if data is None:
                raise GitError(f"{name} is not in the mirror. Fetch it, or make it again.")

    async def tree_of(self, files: Mapping[str, bytes], *, kept: Mapping[str, Sha] | None = None) -> Sha:
        """Write a flat tree of `files` and of the blobs in `kept`. ValueError for a name with a folder."""
        return await self._store.tree_of(files, kept or {})

    async def with_files(self, treeish: str, files: Mapping[str, bytes]) -> Sha:
        """Return the tree of `treeish` with ordinary `files` on it, by their paths."""
        numbered = dict(enumerate(files.items()))
        written = await self.tree_of({str(at): data for at, (_, data) in numbered.items()})
        blobs = {entry.path: entry.sha for entry in await self.entries(written)}
        return await trees.edit(
            self._git, treeish, {path: ("100644", blobs[str(at)]) for at, (path, _) in numbered.items()}
        )

    async def commit_tree(self, commit: Sha) -> Sha:
        """Return the tree of a commit. Raises GitError when the commit is not in the mirror."""
        tree = await self.resolve(f"{commit}^{{tree}}")
        if tree is None:
            raise GitError(f"Commit {commit} is not in the mirror. Fetch it first.")
        return tree


def _made(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path.absolute()


async def _nobody() -> str | None:
    return None


def _settle_info(path: Path) -> None:
    info = path / "info"
    info.mkdir(exist_ok=True)
    for name, text in (("attributes", _ATTRIBUTES), ("exclude", _EXCLUDES)):
        if not (info / name).exists() or (info / name).read_text() != text:
            (info / name).write_text(text)
