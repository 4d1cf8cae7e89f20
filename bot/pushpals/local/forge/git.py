"""Bare repositories on disk, and the few git commands a forge needs, as asyncio subprocesses."""

import asyncio
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pushpals.local.forge.entities import Account, Repo

NO_SHA = "0" * 40
TIMEOUT_S = 120.0

_CONFIG = """\
[uploadpack]
	allowAnySHA1InWant = true
	allowFilter = true
[receive]
	denyDeleteCurrent = ignore
	hideRefs = refs/pull
	fsckObjects = true
[gc]
	auto = 0
[core]
	hooksPath = {hooks}
	logAllRefUpdates = false
"""
# receive-pack gives this hook "old new ref" lines of accepted updates: the exact record of a push.
_POST_RECEIVE = '#!/bin/sh\nexec cat >"$FORGE_PUSH_REPORT"\n'

Files = Mapping[str, str | bytes | None]
"""Contents of files by path; None removes one."""
_CONFLICT = (1, 128)  # What merge-tree answers to a conflict, and to histories without a common commit.


class GitError(Exception):
    """A git command failed. The message is the end of what it printed."""

    def __init__(self, message: str, returncode: int = -1) -> None:
        super().__init__(message)
        self.returncode = returncode


@dataclass(frozen=True)
class DiffStat:
    """Size of the change from a merge base to a head."""

    commits: int
    additions: int
    deletions: int
    changed_files: int


@dataclass(frozen=True)
class Commit:
    """A commit as webhooks show it. ``files`` are (status letter, path) against its first parent."""

    sha: str
    tree: str
    timestamp: str
    author: tuple[str, str]
    committer: tuple[str, str]
    message: str
    files: tuple[tuple[str, str], ...]


class Git:
    """The repositories under ``<directory>/git``."""

    def __init__(self, directory: Path) -> None:
        """Use (or begin) the repositories kept in ``directory``."""
        self.root = directory / "git"
        hooks = directory / "hooks"
        hooks.mkdir(parents=True, exist_ok=True)
        hook = hooks / "post-receive"
        hook.write_text(_POST_RECEIVE)
        hook.chmod(0o755)
        config = directory / "gitconfig"
        config.write_text(_CONFIG.format(hooks=hooks))
        self.env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(directory),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": str(config),
            "GIT_TERMINAL_PROMPT": "0",
        }

    def path(self, repo: Repo) -> Path:
        """Where the bare repository lies."""
        return self.root / repo.owner / f"{repo.name}.git"

    async def run(
        self,
        repo: Repo,
        *args: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> str:
        """Run git in a repository and return what it printed. Raises GitError when it fails."""
        return await self._git(["--git-dir", str(self.path(repo)), *args], stdin=stdin, env=env, cwd=cwd)

    async def create(self, repo: Repo, source: Path | Files, author: Account) -> None:
        """Make the bare repository: a copy of a git repository, or one commit with these files.

        Raises GitError if ``source`` is a git repository without the branch ``repo.default_branch``.
        """
        target = self.path(repo)
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, Path) and await self.branch_of(source) is not None:
            # --no-local copies the objects, so that nothing done here can reach the person's repository.
            await self._git(["clone", "--quiet", "--bare", "--no-local", str(source), str(target)])
            await self.run(repo, "symbolic-ref", "HEAD", f"refs/heads/{repo.default_branch}")
            await self.run(repo, "rev-parse", "--verify", f"refs/heads/{repo.default_branch}")
            return
        await self._git(["init", "--quiet", "--bare", f"--initial-branch={repo.default_branch}", str(target)])
        if isinstance(source, Path):
            await self._import_folder(repo, source, author)
        else:
            await self.commit(repo, repo.default_branch, source, "Initial commit", author)

    async def branch_of(self, source: Path) -> str | None:
        """The branch checked out in a person's repository, or None if the folder is not one."""
        if not ((source / ".git").exists() or (source / "HEAD").is_file()):
            return None
        try:
            return (await self._git(["-C", str(source), "symbolic-ref", "--short", "HEAD"])).strip()
        except GitError as error:
            raise GitError(f"{source} has no branch checked out. Check one out, then try again.") from error

    async def commit(self, repo: Repo, branch: str, files: Files, message: str, author: Account) -> str:
        """Commit changed files onto a branch (made if new, from nothing) and return the new sha."""
        ref = f"refs/heads/{branch}"
        parent = await self.resolve(repo, ref)
        body = message.encode()
        stream = [
            f"feature done\ncommit {ref}\ncommitter {author.login} <{author.email}> now\n".encode(),
            b"data %d\n%b\n" % (len(body), body),
            f"from {parent}\n".encode() if parent else b"",
            *(_change(path, content) for path, content in files.items()),
            b"done\n",
        ]
        await self.run(repo, "fast-import", "--quiet", "--date-format=now", stdin=b"".join(stream))
        return await self.sha(repo, ref)

    async def resolve(self, repo: Repo, expression: str) -> str | None:
        """The object id a ref or revision names, or None."""
        try:
            found = await self.run(repo, "rev-parse", "--verify", "--quiet", "--end-of-options", expression)
        except GitError:
            return None
        return found.strip()

    async def sha(self, repo: Repo, expression: str) -> str:
        """The object id a ref or revision names. Raises GitError if there is none."""
        return (await self.run(repo, "rev-parse", "--verify", "--end-of-options", expression)).strip()

    async def kind(self, repo: Repo, sha: str) -> str | None:
        """The type of an object (commit, tree, blob, tag), or None if it is not there."""
        try:
            return (await self.run(repo, "cat-file", "-t", sha)).strip()
        except GitError:
            return None

    async def refs(self, repo: Repo, prefix: str) -> dict[str, str]:
        """Object ids by full ref name, for the refs under a prefix."""
        lines = await self.run(repo, "for-each-ref", "--format=%(refname) %(objectname)", prefix)
        return dict(line.split(" ", 1) for line in lines.splitlines())

    async def set_ref(self, repo: Repo, ref: str, new: str, old: str | None = None) -> None:
        """Point a ref at a commit, if it still is at ``old`` (when given). Raises GitError if it is not."""
        await self.run(repo, "update-ref", ref, new, *([old] if old is not None else []))

    async def contains(self, repo: Repo, commit: str, ancestor: str) -> bool:
        """Whether a commit is, or comes after, another one."""
        try:
            await self.run(repo, "merge-base", "--is-ancestor", ancestor, commit)
        except GitError as error:
            if error.returncode == 1:
                return False
            raise
        return True

    async def stat(self, repo: Repo, base: str, head: str) -> DiffStat:
        """How much a head adds to a base."""
        count = await self.run(repo, "rev-list", "--count", f"{base}..{head}")
        numbers = await self.run(repo, "diff", "--numstat", "--no-renames", f"{base}...{head}")
        rows = [line.split("\t") for line in numbers.splitlines()]
        # A binary file counts as a changed file without lines; git prints "-" for it.
        added, deleted = (sum(int(row[i]) for row in rows if row[i] != "-") for i in (0, 1))
        return DiffStat(int(count), added, deleted, len(rows))

    async def merge_tree(self, repo: Repo, ours: str, theirs: str) -> str | None:
        """The tree of a clean merge, or None if the two conflict."""
        try:
            return (await self.run(repo, "merge-tree", "--write-tree", ours, theirs)).split("\n", 1)[0]
        except GitError as error:
            if error.returncode in _CONFLICT:
                return None
            raise

    async def commit_tree(
        self, repo: Repo, tree: str, parents: Sequence[str], message: str, author: Account
    ) -> str:
        """Write a commit object and return its sha."""
        who = {"NAME": author.login, "EMAIL": author.email}
        env = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        flags = [word for parent in parents for word in ("-p", parent)]
        return (await self.run(repo, "commit-tree", tree, *flags, stdin=message.encode(), env=env)).strip()

    async def commits(self, repo: Repo, base: str | None, head: str, limit: int = 20) -> list[Commit]:
        """Commits on ``head`` that are not on ``base``, oldest first, at most the newest ``limit``."""
        span = [f"^{base}"] if base else []
        text = await self.run(
            repo, "log", f"--max-count={limit}", "--reverse", "--name-status", "--no-renames", "-z",
            "--format=%x01%H%x02%T%x02%cI%x02%an%x02%ae%x02%cn%x02%ce%x02%B%x02", head, *span,
        )  # fmt: skip
        return [_parse_commit(block) for block in text.split("\x01")[1:]]

    async def _import_folder(self, repo: Repo, folder: Path, author: Account) -> None:
        index = {"GIT_INDEX_FILE": str(self.path(repo) / "import.index")}
        await self.run(repo, "--work-tree", str(folder), "add", "--all", ".", env=index, cwd=folder)
        tree = (await self.run(repo, "write-tree", env=index)).strip()
        commit = await self.commit_tree(repo, tree, [], "Initial commit\n", author)
        await self.set_ref(repo, f"refs/heads/{repo.default_branch}", commit)

    async def _git(
        self,
        args: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> str:
        process = await asyncio.create_subprocess_exec(
            "git",
            *args,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self.env, **(env or {})},
            cwd=cwd,
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                out, err = await process.communicate(stdin)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            said = err.decode(errors="replace").strip()[-2000:]
            raise GitError(said or f"git {args[0]} failed", process.returncode or -1)
        return out.decode(errors="replace")


def _parse_commit(block: str) -> Commit:
    sha, tree, when, *rest = block.split("\x02")
    an, ae, cn, ce, message, tail = rest
    fields = [field for field in tail.strip("\n\0").split("\0") if field]
    files = tuple(zip((f.strip() for f in fields[::2]), fields[1::2], strict=False))
    return Commit(sha, tree, when, (an, ae), (cn, ce), message.rstrip("\n"), files)


def _change(path: str, content: str | bytes | None) -> bytes:
    quoted = '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if content is None:
        return f"D {quoted}\n".encode()
    content = content.encode() if isinstance(content, str) else content
    return f"M 100644 inline {quoted}\ndata {len(content)}\n".encode() + content + b"\n"
