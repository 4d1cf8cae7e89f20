from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pushpals.local.forge import apps
from tests.web.person import Somebody
from tests.web.town import Town


@pytest.fixture(scope="session")
def key_pair() -> tuple[str, str]:
    return apps.new_key()


@pytest.fixture(autouse=True)
def one_key(key_pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Making RSA keys is slow; one pair serves all Apps of a run."""
    monkeypatch.setattr(apps, "new_key", lambda: key_pair)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """A forge with pages, a repository of octo's where ada maintains, and a stranger, sam."""
    made = await Town.found(tmp_path)
    yield made
    await made.forge.close()


@pytest.fixture
async def somebody(town: Town) -> AsyncIterator[Somebody]:
    """A person at a browser; they act as ada, until they switch."""
    one = Somebody.at(town.forge.url)
    yield one
    await one.session.close()
