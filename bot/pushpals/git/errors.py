"""What can go wrong with git, in the words of whoever has to act on it."""

from __future__ import annotations


class GitError(Exception):
    """A git command failed. Texts are redacted: no credential is ever part of one."""


class GitUnavailable(GitError):  # noqa: N818 - reads as what it is where it is caught
    """The remote could not be reached, or did not answer in time. Nothing moved; try again later."""


class GitDenied(GitError):  # noqa: N818
    """The remote knows us and says no, or says that there is no such repository."""


class RefMissing(GitError):  # noqa: N818
    """A ref that was named exactly does not exist on the remote."""


class LeaseLost(GitError):  # noqa: N818
    """A compare-and-swap was lost: `ref` is no longer where the caller saw it. Nothing moved."""

    def __init__(self, ref: str, now: str | None = None) -> None:
        """Say which `ref` moved, and to which sha (`now`; None: it is gone, or not known)."""
        super().__init__(f"{ref} moved while we worked (it is now {now or 'gone'}). Look again, then decide.")
        self.ref = ref
        self.now = now


class PushRefused(GitError):  # noqa: N818
    """The server refused a push by a rule of its own (protection, hook, permission). Nothing moved."""

    def __init__(self, reason: str) -> None:
        """Keep the server's own words as `reason`."""
        super().__init__(f"The server refused the push: {reason}. Check branch protection and rulesets.")
        self.reason = reason


class PatchDoesNotApply(GitError):  # noqa: N818
    """A patch does not fit its base, or changes other files than it says."""


class WorkspaceTooLarge(GitError):  # noqa: N818
    """A workspace holds more change than may be exported."""
