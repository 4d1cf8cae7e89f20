"""A server's memory with a busy day in it: a process of its own that is filled, and then looks at itself.

`python -m bench.product.memory REPOSITORIES JOBS` prints the port of its door. After a line on its standard
input it fills all that `serve` keeps in memory, and prints how many bytes the process holds and held at most.
"""

# ruff: noqa: SLF001 - it fills what a server keeps to itself

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

from bench.product import load
from bench.product.counting import CountingGitHub, private_key
from bench.product.webhook_server import SECRET
from pushpals.git import Mirror
from pushpals.github import PUSH, AppAuth, CommentView, Endpoints, GitHub
from pushpals.github.transport import Transport
from pushpals.ledger import Entry, Ledger
from pushpals.loop.engine import Engine
from pushpals.loop.reconcile import Reconciler
from pushpals.loop.services import LEDGER_IDENTITY, Config, Repo, Services
from pushpals.model import Hint, Holder, JobRecord, JobState, Person, RepoRef, Report, SubjectRef, Task
from pushpals.server.door import Door
from pushpals.server.metrics import Metrics
from pushpals.server.report import Reporter

INSTALLATION = 7
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SAID = "It fails for names with a dot. " * 40
"""About 1,200 characters: the length of a long comment."""


def measured(repositories: int, jobs: int) -> tuple[int, int]:
    """Return what a filled server holds, and held at most, in bytes."""
    command = [sys.executable, "-m", "bench.product.memory", str(repositories), str(jobs)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018 - both are pipes
        try:
            port = int(child.stdout.readline())
            load.press(port, _deliveries(repositories, jobs), jobs)
            child.stdin.write("\n")
            child.stdin.flush()
            held, most = child.stdout.readline().split()
        finally:
            child.terminate()
    return int(held), int(most)


def _deliveries(repositories: int, jobs: int) -> list[bytes]:
    """Return signed deliveries, each of another issue."""
    made = []
    for number in range(jobs):
        name = _ref(number % repositories).name
        payload = {
            "action": "labeled",
            "label": {"name": "agent:ready"},
            "issue": {"number": number + 1, "title": "It fails", "body": SAID, "labels": []},
            "repository": {"name": name, "full_name": f"octo/{name}", "owner": {"login": "octo"}},
            "sender": {"login": "ada", "id": 3, "type": "User"},
            "installation": {"id": INSTALLATION},
        }
        body = json.dumps(payload).encode()
        mac = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        head = (
            "POST /webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"User-Agent: Hookshot\r\nX-GitHub-Event: issues\r\nX-GitHub-Delivery: d-{number}\r\n"
            f"X-Hub-Signature-256: sha256={mac}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


def _ref(number: int) -> RepoRef:
    return RepoRef(owner="octo", name=f"names-{number}")


async def _nobody() -> str | None:
    return None


class _Server:
    """Everything that `serve` keeps, without git on disk, a model or a sandbox."""

    def __init__(self, door: Door, folder: Path, repositories: int, jobs: int) -> None:
        self.refs = [_ref(n) for n in range(repositories)]
        self.jobs = jobs
        self.door = door
        self.github_side = CountingGitHub(NOW.timestamp, [str(ref) for ref in self.refs], limits=False)
        endpoints = Endpoints.at("http://github.example")
        self.github = GitHub(AppAuth(1, private_key()), endpoints, clock=NOW.timestamp)
        model = cast("Any", SimpleNamespace(name="none"))
        sandboxes = cast("Any", SimpleNamespace(describe=lambda: "none"))
        config = Config(state=folder, endpoints=endpoints)
        self.services = Services(self.github, model, sandboxes, config, Holder(instance="here", boot="1"))
        self.engine = Engine(self.services, door.queue.put)
        self.reconciler = Reconciler(self.engine, door.queue.put)
        self.metrics = Metrics()
        self.folder = folder

    async def fill(self) -> None:
        """Have it know all repositories and jobs, and be owed as much as it can be."""
        for number, ref in enumerate(self.refs):
            await self._repository(number, ref)
        for number in range(self.jobs):
            self._job(number, self.refs[number % len(self.refs)])
        hour = self.github._transport.creations[INSTALLATION]
        for number in range(self.jobs):
            hour.take(
                1, whose=f"octo/names-{number} addComment I_{number}", urgent=False, now=NOW.timestamp()
            )
        reporter = Reporter(
            "http://github.example",
            self.door.readiness,
            self.door.queue,
            NOW,
            polls=False,
            engine=self.engine,
        )
        self.metrics.readings.append(reporter.readings)
        self.metrics.text()
        reporter.report()

    async def _repository(self, number: int, ref: RepoRef) -> None:
        client = self.github.repo(ref, INSTALLATION)
        mirror = Mirror(self.folder / f"{number}.git", client.git_url, _nobody)
        self.services.adopt(Repo(ref, client, mirror, Ledger(mirror, LEDGER_IDENTITY)))
        await client.git_token(PUSH)
        await client.role_of("ada")
        view = await client.subject(1)
        said = tuple(
            CommentView(
                id=f"IC_{number}_{n}",
                database_id=n,
                author=Person(id=3, login="ada"),
                body=f"{n} {SAID}",
                created_at=NOW,
                last_edited_at=None,
                editor=None,
                mine=False,
                url="",
            )
            for n in range(80)
        )
        self.services.board.see(SubjectRef(repo=ref, number=1), _with(view, comments=said))
        jobs = {f"{n + 1}-1": f"{n:040x}" for n in range(number, self.jobs, len(self.refs))}
        self.engine.claims.look(ref, jobs)
        self.reconciler._seen[ref] = dict.fromkeys(range(60), NOW)
        self.reconciler._looked[ref] = 1
        for job, sha in jobs.items():
            self.reconciler._quiet[ref, job] = sha

    def _job(self, number: int, ref: RepoRef) -> None:
        record = JobRecord(
            id=f"{number + 1}-1",
            request=number + 1,
            cause=f"event-{number}",
            task=Task(goal=f"It fails for names with a dot, {number}", checks=("pytest -q",)),
            state=JobState.QUEUED,
            base="0" * 40,
            branch=f"agent/bug-fixer/{number + 1}-1",
            nonce="0" * 16,
            created_at=NOW,
            updated_at=NOW,
            report=Report(words=f"{number} {SAID}"),
        )
        subject = SubjectRef(repo=ref, number=number + 1)
        self.services.board.put(ref, Entry(f"refs/pushpals/jobs/{record.id}", "0" * 40, "0" * 40, record))
        self.services.overview.see(ref, record)
        self.engine._homes[SubjectRef(repo=ref, number=number + 100_000)] = subject
        self.engine.crew.wait_for_worker(Hint(ref=subject, installation=INSTALLATION), [record])
        self.door.queue.put_later(Hint(ref=subject, installation=INSTALLATION), 3_600.0)
        self.metrics.job_moved(None, record)


def _with(view: Any, **changes: object) -> Any:  # noqa: ANN401 - any frozen dataclass
    return type(view)(**{**vars(view), **changes})


def _status(name: str) -> int:
    """Return a line of this process's `/proc/self/status`, in bytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found  # noqa: S101 - Linux has it
    return 1024 * int(found[1])


async def _be(repositories: int, jobs: int) -> None:
    door = await Door.open(SECRET)
    print(door.url.rpartition(":")[2], flush=True)  # noqa: T201 - to who measures
    await asyncio.to_thread(sys.stdin.readline)
    if door.queue.depth != jobs:
        raise RuntimeError(f"{door.queue.depth} subjects wait, of {jobs}")
    with tempfile.TemporaryDirectory(prefix="pushpals-bench-") as folder:
        server = _Server(door, Path(folder), repositories, jobs)

        async def exchange(*asked: Any) -> Any:  # noqa: ANN401 - what `Transport._exchange` takes and returns
            return await server.github_side.exchange(*asked)

        with patch.object(Transport, "_exchange", exchange):
            await server.fill()
        print(_status("VmRSS"), _status("VmHWM"), flush=True)  # noqa: T201
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_be(int(sys.argv[1]), int(sys.argv[2])))
