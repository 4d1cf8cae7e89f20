"""What is special to Docker: containers are marked, replaced when lost, and never left behind."""

import asyncio
import contextlib
import socketserver
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import docker
import pytest

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
    held = client.api.containers(all=True, filters={"label": LABEL})
    return [
        container["Labels"][LABEL]
        for container in held
        if any(mount["Source"] == str(workspace) for mount in container["Mounts"])
    ]


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


async def test_a_container_lost_between_commands_is_replaced(
    sandbox: Sandbox, workspace: Path, client: docker.DockerClient
) -> None:
    (lost,) = containers(client, workspace)
    client.api.remove_container(lost, force=True)
    assert (await sandbox.run("echo again")).output == "again\n"
    assert containers(client, workspace) not in ([], [lost])
    await sandbox.close()
    assert containers(client, workspace) == []


async def test_a_container_lost_during_a_command_ends_it_and_is_replaced(
    sandbox: Sandbox, workspace: Path, client: docker.DockerClient, marker: str
) -> None:
    task = asyncio.create_task(sandbox.run(f"sleep {marker}"))
    await until(lambda: alive(f"sleep\0{marker}"))
    client.api.remove_container(containers(client, workspace)[0], force=True)
    with contextlib.suppress(SandboxUnavailable):
        assert (await task).exit_code != 0
    assert (await sandbox.run("echo again")).output == "again\n"
    await sandbox.close()


class HastyEngine(socketserver.StreamRequestHandler):
    """Answers so fast that the output of a command arrives together with the headers."""

    def handle(self) -> None:
        while request := self.rfile.readline():
            fields = dict(line.split(b": ", 1) for line in iter(self.rfile.readline, b"\r\n"))
            self.rfile.read(int(fields.get(b"Content-Length", b"0")))
            if b"/start " in request:
                frame = b"\1\0\0\0\0\0\0\6hasty\n"
                self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + frame)
                return
            body = b'{"ApiVersion": "1.41", "ExitCode": 0}'
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def test_no_output_is_lost_when_it_comes_at_once() -> None:
    with (
        TemporaryDirectory() as directory,
        socketserver.ThreadingUnixStreamServer(f"{directory}/engine", HastyEngine) as server,
    ):
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        output = bytearray()
        with contextlib.closing(Engine(f"unix://{directory}/engine", "image")) as engine:
            assert engine.run("prepared", output.extend) == 0
        server.shutdown()
    assert output == b"hasty\n"


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
