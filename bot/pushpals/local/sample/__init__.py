"""The demo's sample: a small repository with a failing test, and an issue in a user's words."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pushpals.local.sample.markdown import read_story, unpack

NAME = "dotted-names"


@dataclass(frozen=True)
class Sample:
    """The sample repository, unpacked."""

    name: str
    folder: Path
    title: str
    body: str
    check: str
    """The command that fails now, and passes once the bug is fixed."""


def sample(folder: Path) -> Sample:
    """Write the sample's files below `folder`, which is made if need be. They are not under git yet."""
    story = read_story((files("pushpals.local.sample") / f"{NAME}.md").read_text(encoding="utf-8"))
    unpack(story.files, folder)
    return Sample(NAME, folder, story.title, story.body, story.check)
