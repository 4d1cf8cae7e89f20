"""What of this machine a bubblewrap sandbox may see, as bubblewrap arguments. Pure but for stat."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TOP_LEVEL = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")

_ETC = (
    "/etc/alternatives",
    "/etc/ca-certificates.conf",
    "/etc/ca-certificates/extracted",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/pki/ca-trust/extracted",
    "/etc/pki/tls/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
)
"""What programs read to start and to speak about time, files and certificates. No keys."""

SANDBOX_UID = 1000
"""Who commands seem to be, whoever runs PushPals: programs that shun root work."""

_OWN_ETC = Path(__file__).parent / "etc"
"""Files of /etc that programs expect and whose real text tells about this machine."""

_NEVER_WITHIN = ("/boot", "/dev", "/etc", "/proc", "/run", "/sys", "/var/run", "/workspace")
"""Trees of which no part may be shown by configuration: devices, sockets, secrets."""

_PRIVATE = frozenset({".aws", ".azure", ".config", ".docker", ".gnupg", ".kube", ".netrc", ".ssh"})
"""Names under which people keep keys; no path that leads through or to one is shown."""

_NEVER_WHOLE = ("/mnt", "/media", "/srv", "/tmp", "/var")  # noqa: S108 - named, not used
"""Trees that hold other people's files; a directory inside may be shown."""

_FIRST_PERSON = 1000
"""The lowest uid that distributions give to people (login.defs(5), UID_MIN)."""

SYSTEM_PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin"
"""PATH where nothing else is said."""


class UnsafeExtraPath(ValueError):  # noqa: N818 - reads as the state it reports
    """A path the operator wants to show inside sandboxes would show far too much."""


@dataclass(frozen=True)
class System:
    """The read-only part of a sandbox: the host's /usr and a few trees beside it."""

    trees: tuple[Path, ...] = ()
    """Directories outside /usr shown at their own path, such as a Python installation."""

    def arguments(self) -> list[str]:
        """Return the bubblewrap arguments that mount the system, in order."""
        arguments = ["--ro-bind", "/usr", "/usr"]
        for name in _TOP_LEVEL:
            top = Path("/") / name
            if top.is_symlink():
                arguments += ["--symlink", str(top.readlink()), str(top)]
            elif top.is_dir():
                arguments += ["--ro-bind", str(top), str(top)]
        for etc in _ETC:
            arguments += ["--ro-bind-try", etc, etc]
        for made_up in sorted(_OWN_ETC.iterdir()):
            arguments += ["--ro-bind", str(made_up), f"/etc/{made_up.name}"]
        # Parents first, so that a tree inside another one is not hidden by it.
        for tree in sorted(self.trees):
            arguments += ["--ro-bind", str(tree), str(tree)]
        return arguments

    def search_path(self) -> str:
        """Return PATH for commands: the shown trees' programs come before the system's."""
        own = [str(tree / "bin") for tree in self.trees if (tree / "bin").is_dir()]
        return ":".join([*own, SYSTEM_PATH])


def require_safe(extra: Iterable[Path]) -> None:
    """Raise `UnsafeExtraPath` if one of these directories may not be shown."""
    for path in extra:
        reason = why_unsafe(path)
        if reason:
            message = f"{path} cannot be shown inside a sandbox: {reason}. Name a smaller directory"
            raise UnsafeExtraPath(message)


def shown_trees(prefixes: Iterable[Path], extra: Iterable[Path]) -> tuple[Path, ...]:
    """Return the directories to show besides /usr: `extra` first, then Python's `prefixes`.

    An unsafe prefix is left out; the system's Python serves. Where a path leads through
    links, the real directory is shown too, because scripts and virtual environments name
    either.
    """
    safe = [prefix for prefix in prefixes if why_unsafe(prefix) is None]
    wanted = dict.fromkeys(path for shown in (*extra, *safe) for path in (shown.absolute(), shown.resolve()))
    return tuple(path for path in wanted if not path.is_relative_to("/usr"))


def why_unsafe(path: Path) -> str | None:
    """Say why a directory must not be shown whole inside a sandbox; None if it may be."""
    for candidate in (path.absolute(), path.resolve()):
        if candidate == Path("/"):
            return "it is the whole system"
        for home in _homes():
            if home.is_relative_to(candidate):
                return f"it is or holds the home directory {home}"
        if any(candidate.is_relative_to(tree) for tree in _NEVER_WITHIN):
            return "that part of the system holds sockets, devices or secrets"
        if any(Path(tree).is_relative_to(candidate) for tree in _NEVER_WITHIN + _NEVER_WHOLE):
            return "it holds far more than one program"
        if (candidate / "docker.sock").exists():
            return "it holds the Docker socket"
        if _PRIVATE & {*candidate.parts, *(path.name for path in candidate.glob(".*"))}:
            return "it is or holds a place where keys are kept"
        if not candidate.is_dir():
            return "it is not a directory"
    return None


def _homes() -> Iterable[Path]:
    """Return the directories where people, root among them, keep their own things."""
    yield Path("/home")
    yield Path("/root")
    # What the accounts say may differ from where this user's things are kept, as it often does in containers.
    if Path.home() != Path("/"):
        yield Path.home().resolve()
    for account in pwd.getpwall():
        home = Path(account.pw_dir)
        # Services name directories such as / or /usr/sbin as home: nobody lives there.
        is_person = account.pw_uid >= _FIRST_PERSON or account.pw_uid == os.getuid()
        if is_person and home != Path("/"):
            yield home.resolve()
