"""The image itself: whose it is, what is in it, and what its second use refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import docker
import pytest

from pushpals import __version__

pytestmark = [pytest.mark.docker, pytest.mark.thorough, pytest.mark.timeout(900)]


def run(client: docker.DockerClient, image: str, *command: str, **options: Any) -> tuple[int, str]:
    """Run a command in a container without network; return its exit code and what it said."""
    container = client.containers.create(image, command=list(command), network_mode="none", **options)
    try:
        container.start()
        code = container.wait(timeout=120)["StatusCode"]
        return code, container.logs().decode()
    finally:
        container.remove(force=True)


def test_it_is_nobodys_and_holds_nothing_that_installs(client: docker.DockerClient, image: str) -> None:
    config: dict[str, Any] = client.images.get(image).attrs["Config"]
    assert (config["User"], config["Cmd"]) == ("65532:65532", ["worker"])
    assert not [variable for variable in config["Env"] if "KEY" in variable or "TOKEN" in variable]
    rights = "find / -xdev -type f \\( -perm -4000 -o -perm -2000 \\) 2> /dev/null"
    look = f"{rights}; ls -d /build /opt/pushpals/bin/pip*; id -u"
    code, said = run(client, image, "-c", look, entrypoint="/bin/sh")
    assert code == 0
    assert [line for line in said.splitlines() if not line.startswith("ls:")] == ["65532"]
    assert run(client, image, "--version") == (0, f"pushpals, version {__version__}\n")


def test_a_runner_needs_a_base_that_has_one(client: docker.DockerClient, image: str, tmp_path: Path) -> None:
    code, said = run(client, image, "runner")
    assert code == 2
    assert "Build the image on a base that has it" in said
    home = tmp_path / "runner"
    home.mkdir()
    tmp_path.chmod(0o755)  # the user of the container is another
    # Stands in for the runner of Actions, which is GitHub's: it tells what it was given, and how.
    (home / "run.sh").write_text(
        '#!/bin/sh\necho "arguments: $#; configuration: $ACTIONS_RUNNER_INPUT_JITCONFIG"\n'
    )
    (home / "run.sh").chmod(0o755)
    volumes = {str(tmp_path): {"bind": "/given", "mode": "ro"}}
    given: dict[str, Any] = {"volumes": volumes, "environment": {"RUNNER_HOME": "/given/runner"}}
    code, said = run(client, image, "runner", **given)
    assert (code, "No just-in-time configuration" in said) == (2, True)
    (tmp_path / "jit").write_text("c2VjcmV0\n")
    given["environment"]["PUSHPALS_JIT_CONFIG_FILE"] = "/given/jit"
    assert run(client, image, "runner", **given) == (0, "arguments: 0; configuration: c2VjcmV0\n")
