"""Talking to the remote: fetch, ls-remote, and the one push that is a compare-and-swap.

No URL, argument or configuration file ever holds a credential: the token travels as an HTTP header,
set through git's environment, for the remote's origin alone.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from pushpals.git.errors import GitDenied, GitError, GitUnavailable, LeaseLost, PushRefused, RefMissing
from pushpals.git.flight import Flights
from pushpals.git.lock import exclusive, remove_stale_locks
from pushpals.git.process import Completed, Git
from pushpals.model import Sha

TokenSource = Callable[[], Awaitable[str | None]]
"""Gives the token of the moment; None means anonymous."""

_NETWORK_SECONDS = 600.0
_ANY_CODE = range(-64, 256)
_CONTENTION_RETRIES = 4
_DENIED = re.compile(
    r"Authentication failed|could not read Username|returned error: 40[13]|Permission to .* denied"
    r"|repository .* not found|does not appear to be a git repository|Repository not found",
    re.IGNORECASE,
)
_DAMAGED = re.compile(
    r"object file .* is empty|loose object .* is corrupt|bad object|bad tree object|unable to read"
)
_REF = re.compile(r"refs/[^\s\x00-\x1f:^~?*\[\\+]+")
_MISSING = re.compile(r"couldn't find remote ref (\S+)")
_CONTENTION = re.compile(
    r"cannot lock ref|failed to update ref|Unable to create .*\.lock|atomic transaction failed"
)
_STALE_LOCK = re.compile(r"\.lock': File exists")
_REJECTED = re.compile(r"^!\t[^\t]*:(?P<ref>[^\t]+)\t\[(?P<by>[a-z ]+)\](?: \((?P<why>.*)\))?$", re.MULTILINE)


@dataclass(frozen=True)
class RefUpdate:
    """One ref of a push: from `old` (None: it must not exist yet) to `new` (None: delete it)."""

    ref: str
    old: Sha | None
    new: Sha | None


class Remote:
    """The remote end of one mirror."""

    def __init__(self, git: Git, url: str, token: TokenSource) -> None:
        """Bind to `url` (http, https or a path). Raises ValueError for a URL with credentials in it."""
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise ValueError("A git URL must not hold credentials. Give them through the token source.")
        self._git = git
        self._url = url
        self._token = token
        self._origin = f"{parts.scheme}://{parts.netloc}/" if parts.scheme in {"http", "https"} else None
        self._flights = Flights()

    async def fetch(self, *arguments: str) -> None:
        """Fetch refspecs (and options), and drop local refs under their globs that the remote no longer has.

        One fetch at a time per mirror, also between processes. Calls that wait for the same thing
        share one fetch; a call never joins a fetch that began before it, which could miss what the
        caller already knows to have happened. Raises RefMissing, GitDenied, GitUnavailable.
        """
        await self._flights.share(arguments, lambda: self._fetch(arguments))

    async def _fetch(self, arguments: Sequence[str]) -> None:
        args = (
            *("fetch", "--quiet", "--force", "--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-gc"),
            *(a for a in arguments if a.startswith("--")),
            self._url,
            *(a for a in arguments if not a.startswith("--")),
        )
        async with exclusive(self._git.git_dir) as lock:
            done = await self._run(*args, keep_open=(lock,))
            if done.code and _STALE_LOCK.search(done.err):
                # We hold the only right to write refs here, so that lock belongs to a killed process.
                await asyncio.to_thread(remove_stale_locks, self._git.git_dir)
                done = await self._run(*args, keep_open=(lock,))
        if done.code:
            raise self._explain("fetch", done.err)

    async def ls(self, *patterns: str) -> dict[str, Sha]:
        """Return the remote's refs that match `patterns` (full names, `*` for anything), by name."""
        done = await self._run("ls-remote", "--quiet", self._url, *patterns)
        if done.code:
            raise self._explain("ls-remote", done.err)
        refs = {ref: sha for sha, _, ref in (line.partition("\t") for line in done.text.splitlines())}
        return {
            ref: sha
            for ref, sha in refs.items()
            if not patterns or any(fnmatchcase(ref, p) for p in patterns)
        }

    async def head(self) -> str:
        """Return the name of the default branch. Raises RefMissing when there is none."""
        done = await self._run("ls-remote", "--quiet", "--symref", self._url, "HEAD")
        if done.code:
            raise self._explain("ls-remote", done.err)
        if found := re.search(r"^ref: refs/heads/(\S+)\tHEAD$", done.text, re.MULTILINE):
            return found[1]
        raise RefMissing("The remote has no default branch yet. Push a first commit to it.")

    async def push(self, updates: Sequence[RefUpdate]) -> None:
        """Move all refs of `updates` in one atomic push, or none.

        Every ref is guarded by an explicit lease on its old value. When the answer is lost, the refs
        are read again and tell what happened. Returns when all refs are at their new value; raises
        LeaseLost, PushRefused, GitDenied, GitUnavailable otherwise.
        """
        names = [u.ref for u in updates]
        if not updates or len(set(names)) != len(names) or not all(map(_REF.fullmatch, names)):
            raise ValueError("A push needs full ref names, each once.")
        leases = [f"--force-with-lease={u.ref}:{u.old or ''}" for u in updates]
        refspecs = [f"{u.new or ''}:{u.ref}" for u in updates]
        for attempt in range(1, _CONTENTION_RETRIES + 1):
            try:
                done = await self._run("push", "--porcelain", "--atomic", *leases, self._url, *refspecs)
            except GitUnavailable as error:
                done = Completed(128, b"", str(error))
            if done.code == 0:
                return
            now = await self.ls(*names)
            if await self._arrived(updates, now):
                return
            if attempt == _CONTENTION_RETRIES or not _CONTENTION.search(done.err + done.text):
                raise self._explain_push(updates, now, done)
            # Somebody else holds the ref's lock at this moment; wait to see whether they move it.
            await asyncio.sleep(0.05 * 2**attempt)

    async def _arrived(self, updates: Sequence[RefUpdate], now: dict[str, Sha]) -> bool:
        """Whether every update stands. Raises LeaseLost when a ref went elsewhere."""
        arrived = 0
        for update in updates:
            there = now.get(update.ref)
            if there == update.new or (
                update.new and there != update.old and await self._is_under(update, there)
            ):
                arrived += 1
            elif there != update.old:
                raise LeaseLost(update.ref, there)
        return arrived == len(updates)

    async def _is_under(self, update: RefUpdate, there: Sha | None) -> bool:
        """Whether our commit arrived and somebody has built on it since."""
        if there is None or update.new is None:
            return False
        await self.fetch(update.ref)
        done = await self._git.run("merge-base", "--is-ancestor", update.new, there, ok=(0, 1, 128))
        return done.code == 0

    async def _run(self, *args: str, keep_open: tuple[int, ...] = ()) -> Completed:
        """Run a network command with the credential of the moment; failures come back redacted."""
        secrets: list[str] = []
        config: dict[str, str] = {}
        if self._origin and (token := await self._token()):
            basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            config[f"http.{self._origin}.extraHeader"] = f"Authorization: Basic {basic}"
            secrets = [token, basic]
        done = await self._git.run(
            *args, config=config, timeout=_NETWORK_SECONDS, ok=_ANY_CODE, keep_open=keep_open
        )
        return Completed(done.code, done.out, _redacted(done.err, secrets))

    def _explain(self, command: str, err: str) -> GitError:
        """The error that a failed network command amounts to."""
        if missing := _MISSING.search(err):
            return RefMissing(f"The remote has no ref {missing[1]}.")
        if _DENIED.search(err):
            return GitDenied(f"git {command} was refused: {err}. Check the installation and its permissions.")
        if _DAMAGED.search(err):
            place = self._git.git_dir
            return GitError(
                f"The mirror at {place} is damaged: {err}. Delete it; it is made again by itself."
            )
        return GitUnavailable(f"git {command} got no usable answer: {err}. Nothing moved; try again.")

    def _explain_push(self, updates: Sequence[RefUpdate], now: dict[str, Sha], done: Completed) -> GitError:
        """The error for a push that moved nothing, although every ref is still where it was."""
        rejections = list(_REJECTED.finditer(done.text))
        for rejected in rejections:
            if rejected["why"] in {"stale info", "fetch first", "non-fast-forward"}:
                return LeaseLost(rejected["ref"], now.get(rejected["ref"]))
        reasons = [
            f"{r['ref']}: {r['why'] or r['by']}" for r in rejections if "atomic" not in (r["why"] or "")
        ]
        if reasons:
            return PushRefused("; ".join(reasons))
        return self._explain(f"push of {', '.join(u.ref for u in updates)}", done.err)


def _redacted(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return re.sub(r"(?<=://)[^/\s@]+@", "***@", text)
