"""The image of `runner_image/`, built by the real engine on a base that debootstrap made, without a network.

Both stay in the engine for the next run, as long as what they are made of does not change.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import docker

ROOT = Path(__file__).parents[2]
SUITE = "bookworm"
PACKAGES = ("bubblewrap", "ca-certificates", "git", "python3", "python3-venv", "tini")
UNUSED = ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt/lists")
CONTEXT = (".dockerignore", "LICENSE", "README.md", "bot", "pyproject.toml", "requirements", "runner_image")
REPOSITORY = "pushpals-test-fleet"
MINUTES = 10 * 60
KEPT = timedelta(hours=6)
"""How long an image stays that this checkout does not need: another may."""


def ensure_image(client: docker.DockerClient) -> str:
    """Return the tag of the image, built if this engine does not hold it yet; one process builds it."""
    with _alone():
        base = _ensure(client, "base", " ".join(PACKAGES).encode(), _make_base)
        return _ensure(client, "image", base.encode() + _content(), lambda tag: _build(client, base, tag))


@contextmanager
def _alone() -> Iterator[None]:
    with (Path(tempfile.gettempdir()) / f"{REPOSITORY}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ensure(client: docker.DockerClient, kind: str, source: bytes, make: object) -> str:
    tag = f"{REPOSITORY}:{kind}-{hashlib.sha256(source).hexdigest()[:16]}"
    images = client.images.list(name=REPOSITORY)
    if any(tag in image.tags for image in images):
        return tag
    for image in images:
        old = datetime.now(UTC) - datetime.fromisoformat(image.attrs["Created"]) > KEPT
        if old and any(name.startswith(f"{REPOSITORY}:{kind}-") for name in image.tags):
            client.images.remove(image.tags[0], force=True)
    assert callable(make)
    make(tag)
    return tag


def _content() -> bytes:
    digest = hashlib.sha256()
    for file in sorted(_files()):
        digest.update(str(file).encode() + b"\0" + (ROOT / file).read_bytes())
    return digest.digest()


def _files() -> list[Path]:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *CONTEXT]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    return [Path(name) for name in names if (ROOT / name).is_file()]


def _make_base(tag: str) -> None:
    """Make a Debian with what the image needs."""
    with tempfile.TemporaryDirectory(prefix="pushpals-base-") as folder:
        tree = Path(folder) / "tree"
        include = f"--include={','.join(PACKAGES)}"
        _run("debootstrap", "--variant=minbase", include, SUITE, str(tree))
        for unused in UNUSED:
            shutil.rmtree(tree / unused, ignore_errors=True)
        archive = Path(folder) / "base.tar"
        _run("tar", "--one-file-system", "-C", str(tree), "-cf", str(archive), ".")
        _run("docker", "import", str(archive), tag)


def _build(client: docker.DockerClient, base: str, tag: str) -> None:
    with tempfile.TemporaryDirectory(prefix="pushpals-image-") as folder:
        for file in _files():
            (Path(folder) / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, Path(folder) / file)
        wheels = Path(folder) / "runner_image" / "wheels"
        lock = Path(folder) / "requirements" / "server.txt"
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "download", "--no-deps"]
        _run(*pip, "--require-hashes", "-r", str(lock), "-d", str(wheels))
        client.images.build(
            path=folder,
            dockerfile="runner_image/Dockerfile",
            tag=tag,
            rm=True,
            forcerm=True,
            network_mode="none",
            buildargs={"BASE": base},
        )


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=MINUTES)
    assert ran.returncode == 0, (
        f"{command[0]} ended with {ran.returncode}:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}"
    )
