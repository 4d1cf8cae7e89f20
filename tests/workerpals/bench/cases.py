"""Small bugs for measuring the agent: each case is one file with an issue, a check and a repository."""

from __future__ import annotations

from pathlib import Path

from pushpals.local.sample.markdown import Story, read_story

FOLDER = Path(__file__).parent / "cases"


def load(name: str) -> Story:
    """Read one case by its name."""
    return read_story((FOLDER / f"{name}.md").read_text(encoding="utf-8"))


def names() -> list[str]:
    """Return the names of all cases, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.md"))
