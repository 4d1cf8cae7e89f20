"""A stand-in for GitHub Actions: runs the real files of this repository, step by step, on the local forge.

What is not like on GitHub: jobs run one after the other, artifacts are a folder, concurrency groups hold
nothing up, and PushPals is installed already.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from pushpals.local.forge.app_entities import Delivery
from tests.action.expressions import Evaluator, shown
from tests.stories.town import Town

ROOT = Path(__file__).parents[2]
LEVELS = ("none", "read", "write")
WATCHED = (
    *("issues", "issue_comment", "pull_request", "pull_request_review", "pull_request_review_comment"),
    *("check_run", "repository_dispatch"),
)
BOT = "github-actions[bot]"
Between = Callable[[str, Path], Awaitable[None]]


def load(file: Path) -> dict[Any, Any]:
    loaded = yaml.safe_load(file.read_text())
    assert isinstance(loaded, dict)
    return loaded


@dataclass
class Step:
    """One step as it ran."""

    job: str
    name: str
    env: Mapping[str, str]
    code: int
    log: str


@dataclass
class Run:
    """One run of the workflow, as it went."""

    event: str
    results: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    tokens: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    summary: str = ""

    def log(self) -> str:
        return "\n".join(f"[{step.job} / {step.name}: {step.code}]\n{step.log}" for step in self.steps)


class Actions:
    """Runs the example workflow of a repository on what happens there.

    `before(job, artifacts)` is awaited before each job: what happens in between, or a machine that was taken
    over and hands on what it likes.
    """

    def __init__(
        self,
        town: Town,
        *,
        inputs: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self.town = town
        caller = load(ROOT / "bot/pushpals/server/workflow.yml")
        self.triggers: Mapping[str, Any] = caller[True]  # YAML 1.1 reads `on` as yes
        [self.call] = caller["jobs"].values()
        self.workflow = load(ROOT / ".github/workflows/agent.yml")
        self.action = load(ROOT / "action/action.yml")
        self.inputs = {"model-url": town.model.url, "model": "scripted", **(inputs or {})}
        self.secrets = {"model-key": "sk-test-key", **(secrets or {})}
        self.runs: list[Run] = []
        self.before: Between = _nothing
        self._numbers = count(7001)
        self._seen: set[int] = set()
        town.forge.set_webhook(town.watcher(WATCHED), "http://127.0.0.1:9/nobody")

    async def pump(self, most: int = 9) -> list[Run]:
        """Let the workflow run for everything that happened, and for what comes of that."""
        ran: list[Run] = []
        while delivery := self._next():
            assert len(ran) < most, [run.event for run in ran]
            payload = json.loads(delivery.payload)
            payload.pop("installation", None)  # what workflows get is not told to an App
            ran.append(await self.run(delivery.event, payload))
        return ran

    def _next(self) -> Delivery | None:
        waiting = [d for d in self.town.forge.store.deliveries.values() if d.id not in self._seen]
        for delivery in sorted(waiting, key=lambda d: d.id):
            self._seen.add(delivery.id)
            if delivery.app_id == self.town.watcher(WATCHED).id and self._triggers(delivery):
                return delivery
        return None

    def _triggers(self, delivery: Delivery) -> bool:
        by_token = json.loads(delivery.payload)["sender"]["login"] == BOT
        if by_token and delivery.event != "repository_dispatch":
            return False  # what a GITHUB_TOKEN does starts no run
        wanted = self.triggers.get(delivery.event)
        return wanted is not None and delivery.action in wanted["types"]

    async def run(self, event: str, payload: Mapping[str, Any]) -> Run:
        """Run the workflow once."""
        number = next(self._numbers)
        folder = self.town.folder / f"run-{number}"
        (folder / "artifacts").mkdir(parents=True)
        (folder / "event.json").write_text(json.dumps(payload))
        run = Run(event)
        self.runs.append(run)
        needs: dict[str, dict[str, Any]] = {}
        github = {
            "event": payload,
            "event_name": event,
            "repository": self.town.repo.full_name,
            "run_id": str(number),
            "server_url": self.town.forge.url,
        }
        for name, job in self.workflow["jobs"].items():
            before = [needs[other]["result"] for other in _list(job.get("needs"))]
            status = "success" if set(before) <= {"success"} else "failure"
            contexts = {"github": github, "inputs": self.inputs, "secrets": self.secrets, "needs": needs}
            if not Evaluator(contexts, status).holds(job.get("if")):
                needs[name] = {"result": "skipped", "outputs": {}}
                run.results[name] = "skipped"
                continue
            results: list[str] = []
            outputs: dict[str, Any] = {}
            for matrix in _matrix(job, contexts):
                await self.before(name, folder / "artifacts")
                one = _Job(self, run, name, job, folder, {**contexts, "matrix": matrix})
                results.append(await one.run())
                outputs |= one.outputs()
            result = "success" if set(results) == {"success"} else "failure"
            needs[name] = {"result": result, "outputs": outputs}
            run.results[name] = result
        return run


class _Job:
    """One job of a run, on a machine of its own."""

    def __init__(
        self,
        actions: Actions,
        run: Run,
        name: str,
        job: Mapping[str, Any],
        folder: Path,
        contexts: Mapping[str, Any],
    ) -> None:
        self.actions, self.record, self.name, self.job, self.folder = actions, run, name, job, folder
        self.home = folder / f"{name}-{contexts['matrix'].get('job', '')}"
        self.steps: dict[str, dict[str, Any]] = {}
        permissions = {key.replace("_", "-"): level for key, level in job["permissions"].items()}
        granted = actions.call["permissions"]
        for key, level in permissions.items():  # GitHub refuses the whole workflow otherwise
            assert LEVELS.index(level) <= LEVELS.index(granted.get(key, "none")), (name, key)
        self.token = actions.town.forge.job_token(actions.town.repo, permissions)
        run.tokens[name] = (self.token, permissions)
        runner = {"temp": str(self.home / "temp"), "os": "Linux"}
        github = {**contexts["github"], "token": self.token}
        self.contexts = {**contexts, "github": github, "runner": runner, "steps": self.steps}
        (self.home / "temp").mkdir(parents=True)
        (self.home / "home").mkdir()

    async def run(self) -> str:
        status = "success"
        for step in self.job["steps"]:
            status = await self._step(step, self.contexts, self.steps, status)
        return status

    def outputs(self) -> dict[str, Any]:
        declared = self.job.get("outputs") or {}
        return {name: Evaluator(self.contexts).fill(value) for name, value in declared.items()}

    async def _step(
        self,
        step: Mapping[str, Any],
        contexts: Mapping[str, Any],
        known: dict[str, dict[str, Any]],
        status: str,
    ) -> str:
        evaluator = Evaluator(contexts, status)
        if not evaluator.holds(step.get("if")):
            return status
        given = {key: shown(evaluator.fill(value)) for key, value in (step.get("with") or {}).items()}
        uses = str(step.get("uses", "")).split("@")[0]
        outputs: dict[str, str] = {}
        if uses == "$/action":
            done, outputs = await self._composite(given)
        elif uses == "actions/upload-artifact":
            done = _upload(self.folder / "artifacts" / given["name"], Path(given["path"]))
        elif uses == "actions/download-artifact":
            done = _download(self.folder / "artifacts" / given["name"], Path(given["path"]))
        else:
            assert not uses, uses
            done, outputs = await self._bash(step, evaluator)
        if "id" in step:
            known[step["id"]] = {"outputs": outputs, "outcome": "success" if done else "failure"}
        return status if done or step.get("continue-on-error") else "failure"

    async def _composite(self, given: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
        action = self.actions.action
        assert set(given) <= set(action["inputs"])
        missing = {name for name, about in action["inputs"].items() if about.get("required")} - set(given)
        assert not missing, missing
        inputs = {name: given.get(name, about.get("default", "")) for name, about in action["inputs"].items()}
        steps: dict[str, dict[str, Any]] = {}
        github = {**self.contexts["github"], "action_path": str(ROOT / "action")}
        # An action sees its inputs, and neither the secrets nor what other jobs put out.
        contexts = {"inputs": inputs, "github": github, "runner": self.contexts["runner"], "steps": steps}
        status = "success"
        for step in action["runs"]["steps"]:
            status = await self._step(step, contexts, steps, status)
        outputs = {
            name: shown(Evaluator(contexts).fill(about["value"])) for name, about in action["outputs"].items()
        }
        return status == "success", outputs

    async def _bash(self, step: Mapping[str, Any], evaluator: Evaluator) -> tuple[bool, dict[str, str]]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
        own = {key: shown(evaluator.fill(value)) for key, value in (step.get("env") or {}).items()}
        files = {
            name: self.home / f"{name}-{len(self.record.steps)}" for name in ("output", "summary", "env")
        }
        for file in files.values():
            file.touch()
        script = self.home / f"step-{len(self.record.steps)}.sh"
        script.write_text(step["run"])
        env = {**self._environment(files), **own}
        process = await asyncio.create_subprocess_exec(
            *("bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)),
            cwd=self.home / "home",
            env=env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        code = process.returncode or 0
        self.record.steps.append(Step(self.name, step["name"], own, code, out.decode()))
        self.record.summary += files["summary"].read_text()
        lines = files["output"].read_text().splitlines()
        return code == 0, {key: value for key, _, value in (line.partition("=") for line in lines)}

    def _environment(self, files: Mapping[str, Path]) -> dict[str, str]:
        github = self.contexts["github"]
        return {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_API_URL": f"{github['server_url']}/api/v3",
            "GITHUB_ENV": str(files["env"]),
            "GITHUB_EVENT_NAME": github["event_name"],
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_REPOSITORY": github["repository"],
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": github["run_id"],
            "GITHUB_SERVER_URL": github["server_url"],
            "GITHUB_STEP_SUMMARY": str(files["summary"]),
            "GITHUB_WORKSPACE": str(self.home / "home"),
            "HOME": str(self.home / "home"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": self.contexts["runner"]["temp"],
        }


def _upload(to: Path, file: Path) -> bool:
    if not file.is_file():
        return False
    to.mkdir()
    shutil.copy(file, to / file.name)
    return True


def _download(there: Path, to: Path) -> bool:
    if not there.is_dir():
        return False
    shutil.copytree(there, to, dirs_exist_ok=True)
    return True


def _matrix(job: Mapping[str, Any], contexts: Mapping[str, Any]) -> list[dict[str, Any]]:
    if "strategy" not in job:
        return [{}]
    found = Evaluator(contexts).fill(job["strategy"]["matrix"]["include"])
    assert isinstance(found, list)
    return found


def _list(value: object) -> list[str]:
    return (
        [value]
        if isinstance(value, str)
        else [str(each) for each in value]
        if isinstance(value, list)
        else []
    )


async def _nothing(_job: str, _artifacts: Path) -> None:
    """Let nothing happen."""
