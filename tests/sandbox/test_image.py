"""The recipe for a sandbox image: built without network, run as PushPals runs any image, and looked into."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from bench.small_image import ensure_image
from pushpals.sandbox.docker_engine import LABEL
from pushpals.sandbox.docker_sandbox import DockerProvider
from tests.sandbox.conftest import LIMITS

RECIPE = Path(__file__).parents[2] / "sandbox_image"
USER = "65532:65532"

pytestmark = [pytest.mark.docker, pytest.mark.thorough]


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.DockerClient(timeout=300)) as client:
        yield client


@pytest.fixture(scope="module")
def recipe(client: docker.DockerClient) -> Iterator[str]:
    """Return the tag of an image built by the recipe, on a base made from this machine's own programs."""
    tag = f"pushpals-test-recipe:{id(client)}"
    client.images.build(
        path=str(RECIPE), tag=tag, rm=True, buildargs={"BASE": ensure_image(client)}, network_mode="none"
    )
    yield tag
    client.images.remove(tag, force=True)


def test_the_image_runs_as_nobody_of_rank(client: docker.DockerClient, recipe: str) -> None:
    config: dict[str, Any] = client.images.get(recipe).attrs["Config"]
    assert config["User"] == USER
    assert config["WorkingDir"] == "/workspace"
    granting = "find / -xdev -type f ( -perm -4000 -o -perm -2000 )"
    said = client.containers.run(recipe, granting.split(), remove=True, network_mode="none")
    assert said == b""


def test_packages_on_a_base_that_has_none_are_refused(client: docker.DockerClient, recipe: str) -> None:
    with pytest.raises(docker.errors.BuildError, match="non-zero code: 1"):
        client.images.build(
            path=str(RECIPE), rm=True, network_mode="none", buildargs={"BASE": recipe, "PACKAGES": "git"}
        )


async def test_pushpals_gives_a_container_of_it_no_rights_at_all(
    client: docker.DockerClient, recipe: str, workspace: Path
) -> None:
    sandbox = await DockerProvider(recipe).open(workspace, LIMITS)
    try:
        [container] = [
            each
            for each in client.containers.list(filters={"label": LABEL, "ancestor": recipe})
            if any(mount["Source"] == str(workspace) for mount in each.attrs["Mounts"])
        ]
        host: dict[str, Any] = container.attrs["HostConfig"]
        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert host["SecurityOpt"] == [
            "no-new-privileges"
        ]  # nothing else: the seccomp profile is the default
        assert (host["ReadonlyRootfs"], host["Privileged"], host["NetworkMode"]) == (True, False, "none")
        assert any(
            "seccomp" in each and "profile=default" in each for each in client.info()["SecurityOptions"]
        )

        status = (await sandbox.run("cat /proc/self/status; id -u; touch /etc/x; touch /workspace/x")).output
        lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(lines[kind], 16) == 0, kind
        assert (lines["NoNewPrivs"], lines["Seccomp"]) == ("1", "2")
        assert f"\n{os.getuid()}\n" in status
        assert "Read-only file system" in status
        assert (workspace / "x").exists()
    finally:
        await sandbox.close()
