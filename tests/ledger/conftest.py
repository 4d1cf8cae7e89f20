from pathlib import Path

import pytest

from pushpals.git import Identity
from pushpals.ledger import Ledger
from tests.git.remotes import BareRemote
from tests.ledger.records import BOT


@pytest.fixture
def remote(tmp_path: Path) -> BareRemote:
    """A bare repository with one commit on main."""
    remote = BareRemote(tmp_path)
    remote.commit({"README.md": b"hello\n"}, "First")
    return remote


@pytest.fixture
async def ledger(remote: BareRemote, tmp_path: Path) -> Ledger:
    """The ledger of `remote`."""
    return Ledger(await remote.mirror(tmp_path / "mirror.git"), BOT)


@pytest.fixture
async def rival(remote: BareRemote, tmp_path: Path) -> Ledger:
    """The same ledger, seen by another process on another machine."""
    return Ledger(await remote.mirror(tmp_path / "rival.git"), Identity("Rival", "rival@example.org"))
