"""The embedded model as files: what it is, what it is made of, and whether it is all here and right.

Nothing is fetched here; see `embedded`.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Part:
    """One piece: `member` of the wheel of `package` at `version`. Digests are sha256 in hex."""

    package: str
    version: str
    wheel_sha256: str
    member: str
    size: int
    sha256: str


@dataclass(frozen=True)
class ModelFile:
    """A model file, and the parts that make it when joined in order."""

    name: str
    size: int
    sha256: str
    parts: tuple[Part, ...]

    def path(self, cache: Path) -> Path:
        """Where the whole, verified file lives."""
        return cache / "models" / f"{self.name}.gguf"

    def partial(self, cache: Path) -> Path:
        """Where the file grows until it is whole."""
        return cache / "models" / f"{self.name}.gguf.partial"

    def stamp(self, cache: Path) -> Path:
        """What was verified, so that a start need not read the whole file again."""
        return cache / "models" / f"{self.name}.gguf.verified"


def embedded_model() -> ModelFile:
    """Return the model that ships with PushPals: Qwen2.5-Coder-1.5B-Instruct, Q4_K_M, Apache-2.0."""
    lines = (files(__package__) / "parts.txt").read_text(encoding="utf-8").splitlines()
    return ModelFile(
        name="qwen2.5-coder-1.5b-instruct-q4_k_m",
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        parts=tuple(_part(line) for line in lines if line and not line.startswith("#")),
    )


def _part(line: str) -> Part:
    package, version, wheel, member, size, digest = line.split()
    return Part(package, version, wheel, member, int(size), digest)


def is_verified(model: ModelFile, cache: Path) -> bool:
    """Whether the file is here and unchanged since its digest was last checked; reads only a stamp."""
    try:
        stamp = json.loads(model.stamp(cache).read_text(encoding="utf-8"))
        found = model.path(cache).stat()
    except (OSError, ValueError):
        return False
    return bool(stamp == {"sha256": model.sha256, "size": found.st_size, "mtime_ns": found.st_mtime_ns})


def verify(model: ModelFile, cache: Path) -> bool:
    """Read the whole file (about a second per gigabyte), compare its digest, and stamp it when right.

    Raises OSError when there is no such file.
    """
    path = model.path(cache)
    if not has_digest(path, model.sha256):
        model.stamp(cache).unlink(missing_ok=True)
        return False
    found = path.stat()
    stamp = {"sha256": model.sha256, "size": found.st_size, "mtime_ns": found.st_mtime_ns}
    model.stamp(cache).write_text(json.dumps(stamp), encoding="utf-8")
    return True


def has_digest(path: Path, sha256: str) -> bool:
    """Whether a file's content has this sha256 (hex). Raises OSError when there is no such file."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == sha256


def whole_parts(model: ModelFile, partial: Path) -> int:
    """Keep the right parts at the start of `partial`, cut off the rest, and say how many were kept.

    So the file is its own journal: a fetch killed at any point leaves right parts and at most a torn one.
    A missing file has none.
    """
    kept = end = 0
    with partial.open("a+b") as content:
        content.seek(0)
        for part in model.parts:
            if hashlib.sha256(content.read(part.size)).hexdigest() != part.sha256:
                break
            kept, end = kept + 1, end + part.size
        content.truncate(end)
    return kept


def append_part(part: Part, wheel: Path, partial: Path) -> bool:
    """Append a part to `partial` from its wheel; False, with nothing appended, when its digest is wrong."""
    digest = hashlib.sha256()
    with partial.open("ab") as whole:
        end = whole.tell()
        try:
            with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as piece:
                while chunk := piece.read(_CHUNK):
                    digest.update(chunk)
                    whole.write(chunk)
        except (zipfile.BadZipFile, KeyError):
            whole.truncate(end)
            return False
        if digest.hexdigest() != part.sha256:
            whole.truncate(end)
            return False
    return True
