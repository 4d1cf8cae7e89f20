"""Fixtures of the first half hour."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.onboarding.home import Home, settle_in


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    """A new machine."""
    home = await settle_in(tmp_path)
    yield home
    await home.forge.close()
