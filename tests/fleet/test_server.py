"""The server in a container, as docs/operating.md starts it: ready, at work, and gone when told."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import aiohttp
import docker
import pytest

from tests.fleet.crew import hire
from tests.fleet.network import Network
from tests.stories.town import Town

pytestmark = [pytest.mark.docker, pytest.mark.thorough, pytest.mark.timeout(900)]


@pytest.fixture
def dispatch() -> str:
    return "inline"


async def answers(url: str) -> int:
    """Return the status of an answer; 0 for none."""
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status
    except aiohttp.ClientError:
        return 0


async def test_it_serves_from_a_container(
    client: docker.DockerClient, image: str, town: Town, wire: Network
) -> None:
    town.forge.set_webhook(town.app, "http://127.0.0.1:9/nobody")  # what is sent is logged, and read there
    server = await hire(
        client,
        image,
        town,
        wire,
        "server",
        "serve",
        "--poll",
        PUSHPALS_HOST="0.0.0.0",  # noqa: S104 - inside, on a wire of its own
        PUSHPALS_STATUS="false",
    )
    try:
        await server.start()
        async with asyncio.timeout(120.0):
            while await answers(f"http://{server.address}:8765/readyz") != HTTPStatus.OK:  # noqa: ASYNC110
                await asyncio.sleep(0.5)
        issue = town.issue()
        town.label(issue)
        await town.until(town.pulls, seconds=120.0)
        await town.concluded(issue, seconds=60.0)
        await server.call("stop", timeout=30)
        assert await server.exit_code() == 0
        said = server.logs()
        assert "Stopping. Work under way is taken up again at the next start." in said
        key = town.settings.private_key
        assert key
        assert key.get_secret_value().splitlines()[1] not in said
    finally:
        await server.call("remove", force=True)
