"""Run commands of a model or a repository where they can harm nothing (docs/sandbox.md)."""

from pushpals.sandbox.api import (
    CommandResult,
    Ended,
    Limits,
    Sandbox,
    SandboxProvider,
    SandboxUnavailable,
)
from pushpals.sandbox.choose import choose
from pushpals.sandbox.files import FileTooLarge, UnsafePath, WorkspaceFiles
from pushpals.sandbox.scratch import remove_tree, scratch
from pushpals.sandbox.system import UnsafeExtraPath

__all__ = [
    "CommandResult",
    "Ended",
    "FileTooLarge",
    "Limits",
    "Sandbox",
    "SandboxProvider",
    "SandboxUnavailable",
    "UnsafeExtraPath",
    "UnsafePath",
    "WorkspaceFiles",
    "choose",
    "remove_tree",
    "scratch",
]
