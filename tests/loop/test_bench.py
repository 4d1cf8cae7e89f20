"""The bench that patches are judged on: real git, a real sandbox."""

from pathlib import Path

from pushpals.loop.bench import TreeBench
from pushpals.model import Task
from pushpals.sandbox import choose
from tests.git.remotes import BareRemote


async def test_each_check_runs_no_longer_than_its_task_allows(tmp_path: Path) -> None:
    remote = BareRemote(tmp_path)
    remote.commit({"README.md": b"hello\n"}, "First")
    mirror = await remote.mirror(tmp_path / "mirror.git")
    await mirror.fetch("+refs/heads/*:refs/heads/*")
    tree = await mirror.resolve("refs/heads/main")
    assert tree
    bench = TreeBench(mirror, await choose("bubblewrap", None, []), tmp_path / "scratch")
    endless = Task(goal="x", checks=("tail -f /dev/null", "test -f README.md"), check_minutes=(0.005, 10.0))
    slow, quick = await bench.check(tree, endless)
    assert (slow.ended, slow.ok, quick.ok) == ("timeout", False, True)
    assert (await bench.check(tree, Task(goal="x", checks=("test -f README.md",))))[0].ok
