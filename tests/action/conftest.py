"""Fixtures of the stories without a server."""

from __future__ import annotations

from tests.stories.conftest import new_town, town

__all__ = ["new_town", "town"]
