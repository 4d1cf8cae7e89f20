"""Make a small sandbox image from this machine's own programs: no network, no build, a second.

For tests and benchmarks alone. An operator's image is described in docs/sandbox.md.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path, PurePosixPath

import docker

PROGRAMS = (
    "sh", "bash", "env", "cat", "chmod", "cp", "cut", "date", "dd", "echo", "false", "find",
    "getent", "grep", "head", "id", "kill", "ln", "ls", "mkdir", "mknod", "mktemp", "mount", "mv",
    "nproc", "printf", "ps", "pwd", "readlink", "rm", "sed", "seq", "setsid", "sleep", "sort",
    "stat", "tail", "test", "touch", "tr", "true", "uname", "unshare", "wc", "yes",
)  # fmt: skip
_TOP_LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
_EMPTY = ("usr/sbin", "tmp", "proc", "sys", "dev", "root", "home", "var", "run", "workspace")
_TEXTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
}


def ensure_image(client: docker.DockerClient) -> str:
    """Return the tag of the image, making it if this engine does not hold it yet."""
    source = Path(__file__).read_bytes() + Path("/etc/os-release").read_bytes()
    tag = f"pushpals-test-sandbox:{hashlib.sha256(source).hexdigest()[:16]}"
    if not client.images.list(name=tag):
        repository, _, name = tag.partition(":")
        client.api.import_image_from_data(_archive(), repository=repository, tag=name)
    return tag


def _archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, target in _TOP_LINKS.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            archive.addfile(link)
        files = _files()
        # Directories that an archive leaves out get no permissions at all from the engine.
        above = {str(parent) for path in (*files, *_TEXTS) for parent in PurePosixPath(path).parents}
        for name in sorted({*_EMPTY, *above} - {"."}):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(directory)
        for name, text in _TEXTS.items():
            _add(archive, name, text.encode(), 0o644)
        for inside, outside in sorted(files.items()):
            _add(archive, inside, outside.read_bytes(), 0o755)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def _files() -> dict[str, Path]:
    """Return the programs and the libraries they load, by their path in the image."""
    files: dict[str, Path] = {}
    for program in PROGRAMS:
        found = shutil.which(program, path="/usr/bin:/bin")
        if found is None:
            raise FileNotFoundError(f"This machine has no {program} to put into the image")
        files[f"usr/bin/{program}"] = Path(found)
        listed = subprocess.run(["ldd", found], capture_output=True, text=True, check=False).stdout
        for library in re.findall(r"(/\S+) \(0x", listed):
            inside = library.lstrip("/")
            files[inside if inside.startswith("usr/") else f"usr/{inside}"] = Path(library)
    return files
