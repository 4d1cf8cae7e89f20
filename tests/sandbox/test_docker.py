"""What is special to Docker: containers are marked, replaced when lost, and never left behind."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import NotFound

from pushpals.sandbox import Sandbox, SandboxProvider, SandboxUnavailable
from pushpals.sandbox import docker_engine as engine_module
from pushpals.sandbox.docker_engine import DEFAULT_HOST, LABEL, Engine
from tests.sandbox.conftest import LIMITS, alive, dead_pid, until

pytestmark = pytest.mark.docker


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.DockerClient()) as client:
        yield client


@pytest.fixture
async def sandbox(docker_provider: SandboxProvider, workspace: Path) -> Sandbox:
    return await docker_provider.open(workspace, LIMITS)


def containers(client: docker.DockerClient, workspace: Path) -> list[str]:
    """Return the names of the containers that hold a workspace."""
    found = []
    for container in client.containers.list(all=True, filters={"label": LABEL}):
        with contextlib.suppress(NotFound):
            container.reload()
            if any(mount["Source"] == str(workspace) for mount in container.attrs["Mounts"]):
                found.append(str(container.name))
    return found


async def test_the_container_goes_when_the_sandbox_is_closed(
    sandbox: Sandbox, workspace: Path, client: docker.DockerClient
) -> None:
    assert len(containers(client, workspace)) == 1
    await sandbox.close()
    assert containers(client, workspace) == []
    with pytest.raises(SandboxUnavailable, match="was closed"):
        await sandbox.run("true")


async def test_the_container_goes_when_opening_is_cancelled(
    docker_provider: SandboxProvider, workspace: Path, client: docker.DockerClient
) -> None:
    for pause in (0, 0.02, 0.1, 0.2):
        opening = asyncio.create_task(docker_provider.open(workspace, LIMITS))
        await asyncio.sleep(pause)
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await opening).close()
    await until(lambda: containers(client, workspace) == [])


async def test_a_lost_container_is_replaced(
    sandbox: Sandbox, workspace: Path, client: docker.DockerClient, marker: str
) -> None:
    task = asyncio.create_task(sandbox.run(f"sleep {marker}"))
    await until(lambda: alive(f"sleep\0{marker}"))
    client.api.remove_container(containers(client, workspace)[0], force=True)
    await task
    assert (await sandbox.run("echo again")).output == "again\n"
    await sandbox.close()


async def test_containers_of_the_dead_are_removed_and_others_left_alone(
    docker_provider: SandboxProvider,
    sandbox: Sandbox,
    image: str,
    workspace: Path,
    client: docker.DockerClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = containers(client, workspace)
    *here, _, _ = engine_module._owner().split(" ")
    monkeypatch.setattr(engine_module, "_owner", lambda: " ".join([*here, str(dead_pid()), "1"]))
    engine = Engine(DEFAULT_HOST, image)
    with contextlib.closing(engine):
        engine.start(f"{before[0]}-orphan", workspace, LIMITS)
    monkeypatch.undo()
    assert len(containers(client, workspace)) == 2
    await docker_provider.check()
    assert containers(client, workspace) == before
    await sandbox.close()


async def test_a_workspace_that_cannot_be_used_is_explained(
    docker_provider: SandboxProvider, tmp_path: Path
) -> None:
    with pytest.raises(SandboxUnavailable, match=r"(?s)Docker:.*missing"):
        await docker_provider.open(tmp_path / "missing", LIMITS)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if closed.stat().st_uid == 0:
        # Root's permissions are those of the mode, because its capabilities are dropped.
        with pytest.raises(SandboxUnavailable, match="cannot write to"):
            await docker_provider.open(closed, LIMITS)
