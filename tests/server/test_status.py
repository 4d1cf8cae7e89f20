"""The status page, its JSON and the numbers: true, without secrets, and only for who sits at the machine."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pushpals.audit.prose.standing import standing
from pushpals.audit.redact import Redactor
from pushpals.github import Allowance, Created
from pushpals.loop.overview import Overview
from pushpals.model import (
    Failure,
    FailureKind,
    Holder,
    JobRecord,
    JobState,
    Person,
    Plan,
    Question,
    RepoRef,
    Request,
    RequestRecord,
    Risk,
    Task,
    Usage,
    WaitReason,
)
from pushpals.server import app
from pushpals.server.door import Door
from pushpals.server.metrics import Metrics
from pushpals.server.queue import HintQueue
from pushpals.server.readiness import Readiness
from pushpals.server.report import Reporter
from pushpals.server.settings import SettingsError
from pushpals.server.site import StatusSite, headline
from tests.server.deliveries import SECRET, hint
from tests.server.test_serve import held
from tests.stories.process import serving
from tests.stories.town import Town

NOW = datetime.now(UTC)
REPO = RepoRef.parse("octo/names")
HERE, THERE = Holder(instance="here", boot="1"), Holder(instance="elsewhere", boot="2")
KEY = "ghs_" + "a1B2c3D4e5" * 4


def job(name: str, state: JobState, **changes: Any) -> JobRecord:
    number = int(name.partition("-")[0])
    facts: dict[str, Any] = {
        "id": name,
        "request": number,
        "cause": "label",
        "task": Task(goal=f"Mend {name}"),
        "state": state,
        "base": "a" * 40,
        "branch": f"agent/bug-fixer/{name}",
        "nonce": "n",
        "updated_at": NOW,
        "created_at": NOW,
    }
    return JobRecord(**(facts | changes))


def reporter(*jobs: JobRecord, live: str = "turn 3 of 50", ready: bool = True) -> Reporter:
    """Return a reporter of a process that knows these jobs, and works on 1-1."""
    overview = Overview()
    for each in jobs:
        overview.see(REPO, each)
    services = SimpleNamespace(
        overview=overview,
        board=SimpleNamespace(view=lambda _ref: None, live={(REPO, "1-1"): live}),
        model=SimpleNamespace(name="small-coder"),
        sandboxes=SimpleNamespace(describe=lambda: "bubblewrap, no network"),
        config=SimpleNamespace(capacity=2),
        github=SimpleNamespace(
            allowances={(7, "rest"): Allowance(5000, 400, NOW.timestamp() + 600)},
            created=lambda: (Created(7, 490, 12, NOW.timestamp() + 30, 3, 9),),
        ),
        redactor=Redactor(),
    )
    crew = SimpleNamespace(working=lambda _repo: {"1-1"}, count=1, free=True)
    readiness = Readiness()
    for stage in ("sandbox", "model", "look around") if ready else ():
        readiness.done(stage)
    made = Reporter("https://github.example", readiness, HintQueue(), NOW, polls=True)
    made.engine = SimpleNamespace(services=services, crew=crew)  # type: ignore[assignment]
    return made


FAILURE = Failure(kind=FailureKind.CHECKS, cause="`pytest -q` is red.", next_step="Say more in the issue.")
FIVE = (
    job("1-1", JobState.RUNNING, holder=HERE, attempt=2),
    job("2-1", JobState.CLAIMED, holder=THERE),
    job("3-1", JobState.WAITING, waiting=WaitReason.COMMAND, asks="make docs"),
    job("4-1", JobState.PUBLISHED, usage=Usage(usd=0.25)),
    job("5-1", JobState.FAILED, failure=FAILURE),
    job("6-1", JobState.MERGED),
    job("7-1", JobState.FAILED, failure=FAILURE, updated_at=NOW - timedelta(days=8)),
    job("8-1", JobState.QUEUED, not_before=NOW + timedelta(hours=1), updated_at=NOW - timedelta(hours=2)),
)


@contextlib.asynccontextmanager
async def shown(made: Reporter, host: str = "127.0.0.1") -> AsyncIterator[tuple[str, aiohttp.ClientSession]]:
    metrics = Metrics()
    metrics.readings.append(made.readings)
    site = await StatusSite(made, metrics).open(host, 0)
    async with aiohttp.ClientSession() as session:
        yield site.url.replace("0.0.0.0", "127.0.0.1"), session  # noqa: S104 - the address it listens on
    await site.close()


async def text_of(session: aiohttp.ClientSession, url: str, **headers: str) -> tuple[int, str]:
    async with session.get(url, headers=headers) as answer:
        return answer.status, await answer.text()


def test_each_job_stands_in_the_list_where_one_would_look_for_it() -> None:
    report = reporter(*FIVE).report()
    lists = (report.asked, report.running, report.waiting, report.review, report.failed)
    shown = [[row.job for row in rows] for rows in lists]
    assert shown == [["3-1"], ["1-1", "2-1"], ["8-1"], ["4-1"], ["5-1"]]
    mine, other = report.running
    assert (mine.here, mine.detail, mine.attempt) == (True, "turn 3 of 50", 2)
    assert (other.here, other.holder, other.detail) == (
        False,
        "elsewhere",
        "is worked on by another process, elsewhere",
    )
    assert report.asked[0].detail == "waits for leave to run a command: make docs"
    assert report.waiting[0].detail.startswith("is tried again at ")
    assert (report.failed[0].detail, report.failed[0].next_step) == (
        "checks: `pytest -q` is red.",
        "Say more in the issue.",
    )
    assert report.running[0].url == "https://github.example/octo/names/issues/1"
    assert headline(report) == "1 waiting for you, 2 at work, 1 in line, 1 to review, 1 failed"


def test_a_plan_that_waits_for_a_yes_or_an_answer_is_among_what_waits_for_people() -> None:
    made = reporter()
    overview = made.engine.services.overview  # type: ignore[union-attr]
    settled = planned(1, Risk.LOW)
    question = Question(text="Which names?", asked_at=NOW)
    unsettled = [
        planned(2, Risk.HIGH),
        planned(3, Risk.LOW).model_copy(update={"question": question}),
        planned(4, Risk.HIGH).model_copy(update={"stopped": "The issue was closed."}),
        planned(5, Risk.LOW).model_copy(update={"drafted_by": HERE}),
    ]
    for each in (settled, *unsettled):
        overview.see_request(REPO, each)
    report = made.report()
    assert {row.subject: row.detail for row in report.asked} == {
        "octo/names#2": "waits for somebody's yes to the plan, risk high",
        "octo/names#3": "waits for an answer: Which names?",
    }
    assert [(row.subject, row.detail) for row in report.running] == [("octo/names#5", "is being planned")]
    lines = list(standing("octo/names", [settled, *unsettled], [], NOW, "https://github.example"))
    assert [line.split()[0] for line in lines if " plan " in line] == ["#2", "#3", "#5"]


def planned(number: int, risk: Risk) -> RequestRecord:
    asked = Request(
        number=number,
        title=f"Issue {number}",
        body="b",
        digest="d",
        asker=Person(id=1, login="ada"),
        cause="c",
        asked_at=NOW,
    )
    plan = Plan(tasks=(Task(goal="g"),), risk=risk)
    return RequestRecord(request=asked, plan=plan, policy_digest="p", base="a" * 40, created_at=NOW)


def test_long_lists_are_cut_and_say_so() -> None:
    report = reporter(*(job(f"{n}-1", JobState.QUEUED) for n in range(1, 26))).report()
    assert (len(report.waiting), report.more) == (20, 5)


def test_before_work_can_begin_it_says_what_is_missing() -> None:
    made = reporter(ready=False)
    made.engine = None
    report = made.report()
    assert report.missing == (
        "the sandbox is being tried",
        "the model is being opened",
        "the repositories have not all been looked at since the start",
    )
    assert headline(report) == "Getting ready"


async def test_the_page_escapes_what_strangers_wrote_and_hides_what_looks_like_a_key() -> None:
    nasty = job("1-1", JobState.RUNNING, holder=HERE, task=Task(goal=f"<script>alert(1)</script> {KEY}"))
    async with shown(reporter(nasty, live=f"ran echo {KEY}")) as (url, session):
        for path in ("/", "/status.json", "/metrics"):
            status, text = await text_of(session, url + path)
            assert status == 200
            assert KEY not in text
            assert "<script>" not in text or path == "/status.json"
        async with session.get(url) as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'")
            assert answer.headers["Cache-Control"] == "no-store"


async def test_json_is_had_by_its_name_or_by_asking_for_it() -> None:
    async with shown(reporter(*FIVE)) as (url, session):
        _, page = await text_of(session, url)
        assert page.startswith("<!doctype html>")
        async with session.get(url, headers={"Accept": "application/json"}) as answer:
            asked = await answer.json()
        async with session.get(f"{url}/status.json") as answer:
            named = await answer.json()
        assert asked["running"] == named["running"]
        assert [row["job"] for row in named["failed"]] == ["5-1"]


@pytest.mark.parametrize("name", ["evil.example", "169.254.169.254", "pushpals.internal:80"])
async def test_on_loopback_nobody_may_ask_by_another_name(name: str) -> None:
    """A page elsewhere whose name suddenly means 127.0.0.1 would read it in a browser here."""
    async with shown(reporter(*FIVE)) as (url, session):
        assert (await text_of(session, url, Host=name))[0] == 403
        assert (await text_of(session, url, Host="localhost:1"))[0] == 200
    async with shown(reporter(*FIVE), host="0.0.0.0") as (url, session):  # noqa: S104 - asked for
        assert (await text_of(session, url, Host=name))[0] == 200


async def numbers(session: aiohttp.ClientSession, url: str) -> dict[tuple[str, ...], float]:
    _, text = await text_of(session, f"{url}/metrics")
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_the_numbers_parse_and_name_nobody() -> None:
    made = reporter(*FIVE)
    await made.queue.put(hint(9))
    async with shown(made) as (url, session):
        found = await numbers(session, url)
        assert found["pushpals_ready",] == 1
        assert found["pushpals_queue_depth",] == 1
        assert found["pushpals_jobs", "waiting"] == 1
        assert found["pushpals_jobs", "running"] == 1
        assert found["pushpals_github_requests_left", "rest", "installation"] == 400
        assert [found[f"pushpals_github_{name}",] for name in ("creations_left", "writes_waiting")] == [12, 3]
        assert found["pushpals_github_writes_held_total",] == 9
        assert not any("octo" in part or "names" in part for key in found for part in key)


def test_what_is_done_to_jobs_is_counted_once() -> None:
    metrics = Metrics()

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    queued = job("1-1", JobState.QUEUED)
    later = NOW + timedelta(seconds=40)
    claimed = queued.model_copy(update={"state": JobState.CLAIMED, "updated_at": later})
    running = claimed.model_copy(update={"state": JobState.RUNNING})
    again = running.model_copy(
        update={
            "state": JobState.QUEUED,
            "failures": (FailureKind.MODEL,),
            "not_before": later + timedelta(seconds=15),
        }
    )
    reclaimed = again.model_copy(
        update={"state": JobState.CLAIMED, "updated_at": later + timedelta(seconds=20)}
    )
    proposed = reclaimed.model_copy(update={"state": JobState.PROPOSED})
    gated = proposed.model_copy(update={"state": JobState.GATED})
    published = gated.model_copy(update={"state": JobState.PUBLISHED, "usage": Usage(seconds=33.0)})
    life = [None, queued, claimed, running, running, again, reclaimed, proposed, gated, published, published]
    for before, after in itertools.pairwise(life):
        assert after
        metrics.job_moved(before, after)
    assert value("pushpals_job_moves_total", state="claimed") == 2
    assert value("pushpals_job_moves_total", state="published") == 1
    assert value("pushpals_job_retries_total", kind="model") == 1
    assert value("pushpals_job_wait_seconds_count") == 2
    assert value("pushpals_job_wait_seconds_sum") == 45.0
    assert value("pushpals_job_seconds_sum", state="published") == 33.0
    failed = running.model_copy(update={"state": JobState.FAILED, "failure": FAILURE})
    metrics.job_moved(running, failed)
    assert value("pushpals_job_failures_total", kind="checks") == 1


async def test_ready_only_when_sandbox_model_and_the_first_look_around_are_done(town: Town) -> None:
    door = await Door.open(SECRET)
    async with aiohttp.ClientSession() as session:
        status, text = await text_of(session, f"{door.url}/readyz")
        assert (status, len(text.splitlines())) == (503, 3)
        assert await text_of(session, f"{door.url}/healthz") == (200, "ok\n")
        door.readiness.done("sandbox")
        door.readiness.done("model")
        assert (await text_of(session, f"{door.url}/readyz"))[1] == (
            "not ready: the repositories have not all been looked at since the start\n"
        )
    await door.close()
    async with town.server() as server, aiohttp.ClientSession() as session:
        await server.reconciled.wait()
        assert server.readiness.missing == ("the sandbox is being tried", "the model is being opened")


async def test_a_running_server_tells_how_it_stands(town: Town, tmp_path: Path) -> None:
    """The whole process: the page is beside the webhooks' door, not behind it; nothing secret is on it."""
    issue = town.issue()
    never = asyncio.Event()
    town.model.hold = lambda messages: None if "foreman" in messages[0]["content"] else never
    async with serving(town, tmp_path) as process, aiohttp.ClientSession() as session:
        lines = [await process.line() for _ in range(2)]
        status = next(line for line in lines if line.startswith("status ")).split()[1]
        town.label(issue)
        await held(town, issue)
        async with asyncio.timeout(30):
            while "1 at work" not in (await text_of(session, status))[1]:
                pass
        _, page = await text_of(session, status)
        assert "octo/names#1" in page
        for path in ("status.json", "metrics", ""):
            assert (await text_of(session, process.url.replace("webhook", path)))[0] == 404
        assert (await text_of(session, process.url.replace("webhook", "readyz"))) == (200, "ready\n")
        found = await numbers(session, status.rstrip("/"))
        assert found["pushpals_deliveries_total", "webhook", "hint"] >= 1
        assert found["pushpals_model_call_seconds_count",] >= 1
        assert found["pushpals_github_requests_total", "graphql", "subject"] >= 1
        assert 0 < found["pushpals_github_requests_left", "graphql", "installation"] < 5000
        assert town.settings.private_key
        for secret in ("hush", town.settings.private_key.get_secret_value()[40:80]):
            assert secret not in page
        never.set()


async def test_a_taken_port_stops_only_who_asked_for_it(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    said: list[str] = []
    taken = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    site = StatusSite(reporter(), Metrics())
    follows = town.settings.model_copy(update={"port": port - 1})
    await app._open_site(follows, site, said.append)
    assert said == []
    assert "PUSHPALS_STATUS_PORT" in caplog.text
    with pytest.raises(SettingsError, match="PUSHPALS_STATUS=false"):
        await app._open_site(town.settings.model_copy(update={"status_port": port}), site, said.append)
    await app._open_site(town.settings.model_copy(update={"status": False}), site, said.append)
    assert (said, site.url) == ([], "")
    taken.close()
