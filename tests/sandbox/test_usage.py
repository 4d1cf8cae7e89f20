"""What a command uses is measured as a whole, on processes and files that are really there."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushpals.sandbox import Limits
from pushpals.sandbox.cgroup import GroupParent, command_group, find_parent
from pushpals.sandbox.usage import tree_usage, written_since
from tests.sandbox.conftest import dead_pid, names, said, until

MIB = 1024 * 1024


@pytest.fixture
def family() -> Iterator[subprocess.Popen[bytes]]:
    """A shell with two children, each of which holds 30 MiB."""
    hold = "head -c 30M /dev/zero | tail -c 30M | (sleep 60; cat)"
    argv = ["sh", "-c", f"({hold}) & ({hold}) & wait"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        yield process
        subprocess.run(["pkill", "-9", "--session", str(process.pid)], check=True)


async def test_a_tree_is_measured_with_all_its_descendants(family: subprocess.Popen[bytes]) -> None:
    await until(lambda: tree_usage(family.pid, enough=0).memory > 60 * MIB)
    usage = tree_usage(family.pid, enough=0)
    assert 60 * MIB < usage.memory < 90 * MIB
    assert 5 <= usage.threads <= 15
    assert tree_usage(family.pid, enough=10**12).memory >= usage.memory


def test_a_tree_that_is_gone_uses_nothing() -> None:
    usage = tree_usage(dead_pid(), enough=0)
    assert (usage.threads, usage.memory) == (0, 0)


def test_only_what_changed_is_counted_and_links_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_bytes(b"x" * 100_000)
    (tmp_path / "link").symlink_to("/usr")
    assert 100_000 <= written_since(tmp_path, 0) < 200_000
    assert written_since(tmp_path, time.time() + 60) == 0
    assert written_since(tmp_path / "missing", 0) == 0


def control_group(path: Path, *, passes_on: str = "") -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "cgroup.procs").touch()
    (path / "cgroup.subtree_control").write_text(passes_on)
    return path


def membership(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "membership"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_version_2_groups_are_made_beside_our_own(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    user = control_group(mount / "user", passes_on="cpu memory pids")
    control_group(mount / "user" / "ours")
    found = find_parent(membership(tmp_path, "0::/user/ours"), mount)
    assert found == GroupParent(user, bounds_memory=True)


def test_groups_without_the_controllers_are_of_no_use(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    control_group(mount / "user", passes_on="cpu pids")
    control_group(mount / "user" / "ours")
    assert find_parent(membership(tmp_path, "0::/user/ours"), mount) is None
    assert find_parent(membership(tmp_path, "4:memory:/", "0::/elsewhere"), mount) is None


def test_version_1_serves_for_the_number_of_processes(tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    ours = control_group(mount / "pids" / "ours")
    found = find_parent(membership(tmp_path, "8:pids:/ours", "4:memory:/", "0::/"), mount)
    assert found == GroupParent(ours, bounds_memory=False)


async def test_a_group_carries_the_limits_and_tells_of_killing(tmp_path: Path) -> None:
    parent = GroupParent(control_group(tmp_path / "parent"), bounds_memory=True)
    limits = Limits(memory_mb=64, processes=10)
    async with command_group(parent, limits) as group:
        assert (group.path / "memory.max").read_text() == str(64 * MIB)
        assert (group.path / "pids.max").read_text() == "10"
        assert said(group.joining(["echo", "a b"])) == "a b\n"
        assert (group.path / "cgroup.procs").read_text() == "0\n"
        (group.path / "memory.events").write_text("low 0\noom 1\noom_kill 0\n")
        assert not group.out_of_memory()
        (group.path / "memory.events").write_text("low 0\noom 1\noom_kill 2\n")
        assert group.out_of_memory()
        for file in group.path.iterdir():  # the kernel's go with their group
            file.unlink()
    assert names(parent.path) == ["cgroup.procs", "cgroup.subtree_control"]


def test_groups_of_the_dead_are_removed(tmp_path: Path, family: subprocess.Popen[bytes]) -> None:
    for maker in (dead_pid(), family.pid):
        (tmp_path / f"pushpals-{maker}-abc").mkdir()
    (tmp_path / "another").mkdir()
    GroupParent(tmp_path, bounds_memory=True).remove_leftovers()
    assert names(tmp_path) == ["another", f"pushpals-{family.pid}-abc"]
