"""Writing git objects without a process each, through GitPython's object database.

Objects are written as loose files, which is safe beside any number of git processes: a file appears
whole under its final name or not at all.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path

from pushpals.model import Sha


@dataclass(frozen=True)
class Identity:
    """Who a commit says it is by."""

    name: str
    email: str

    def line(self, when: datetime) -> str:
        """Return `name <email> seconds offset` as git writes it; `when` must know its time zone."""
        clean = "".join(c for c in self.name if c.isprintable() and c not in "<>").strip()
        email = "".join(c for c in self.email if c.isprintable() and c not in "<> ")
        return f"{clean or 'nobody'} <{email}> {int(when.timestamp())} {when:%z}"


@dataclass(frozen=True)
class NewCommit:
    """A commit to be written: author and committer are the same."""

    tree: Sha
    parents: Sequence[Sha]
    message: str
    author: Identity
    when: datetime

    def serialise(self) -> bytes:
        """Return the commit object's bytes. Raises ValueError for a time without a zone."""
        if self.when.utcoffset() is None:
            raise ValueError("A commit's time needs a time zone.")
        who = self.author.line(self.when)
        head = [
            f"tree {self.tree}",
            *(f"parent {p}" for p in self.parents),
            f"author {who}",
            f"committer {who}",
        ]
        return "\n".join([*head, "", self.message.strip() + "\n"]).encode()


class ObjectStore:
    """Writes objects into one repository's object folder."""

    def __init__(self, git_dir: Path) -> None:
        """Bind to the bare repository at `git_dir`."""
        self._objects = str(git_dir / "objects")

    def put(self, kind: str, data: bytes) -> Sha:
        """Write one object (blocking) and return its name. Writing what exists is cheap and harmless."""
        # Here, because this import takes a tenth of a second and runs `git version` on the way.
        from git.db import GitDB, IStream  # type: ignore[attr-defined]  # noqa: PLC0415

        stream = IStream(kind.encode(), len(data), BytesIO(data))
        name: Sha = GitDB(self._objects).store(stream).hexsha.decode()
        return name

    def put_tree(self, files: Mapping[str, Sha]) -> Sha:
        """Write a flat tree of plain files (blocking): name to blob."""
        entries = sorted((os.fsencode(name), blob) for name, blob in files.items())
        return self.put(
            "tree", b"".join(b"100644 %s\0%s" % (name, bytes.fromhex(blob)) for name, blob in entries)
        )

    async def tree_of(self, files: Mapping[str, bytes], kept: Mapping[str, Sha]) -> Sha:
        """Write `files` and a flat tree of them and of the blobs in `kept`; `files` win."""
        for name in files:
            if not name or "/" in name or "\0" in name or name in {".", "..", ".git"}:
                raise ValueError(f"{name!r} can not be the name of a file in a flat tree.")

        def write() -> Sha:
            return self.put_tree({**kept, **{name: self.put("blob", data) for name, data in files.items()}})

        return await asyncio.to_thread(write)

    async def commit(self, commit: NewCommit) -> Sha:
        """Write a commit object and return its name."""
        return await asyncio.to_thread(self.put, "commit", commit.serialise())
