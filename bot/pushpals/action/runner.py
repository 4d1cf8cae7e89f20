"""What a runner gives a step, and takes from it (GitHub documentation, "Variables reference")."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pushpals.model import Hint, Holder, JobId, RepoRef, SubjectRef
from pushpals.server.hints import Delivery, hint_of
from pushpals.server.settings import SettingsError

INSTANCE = "actions"
"""Who holds what runs of workflows claim, in every repository: a run goes on where another ended."""


@dataclass(frozen=True)
class Runner:
    """One job of a run, as its environment tells."""

    repo: RepoRef
    run: str
    event: str
    payload: Mapping[str, Any] = field(repr=False)
    folder: Path
    """Folder of this job alone; it is gone when the job ends."""
    files: Mapping[str, str]
    """Where outputs and the summary go."""
    job: str = ""
    """`<job>@<commit of its claim>`, in the jobs of a run that are about one."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Runner:
        """Read the environment of a step. Raises SettingsError for one that is no runner's."""
        try:
            payload = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_bytes())
            folder = Path(environ["RUNNER_TEMP"]).absolute() / "pushpals"
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return cls(
                repo=RepoRef.parse(environ["GITHUB_REPOSITORY"]),
                run=environ["GITHUB_RUN_ID"],
                event=environ["GITHUB_EVENT_NAME"],
                payload=payload if isinstance(payload, dict) else {},
                folder=folder,
                files={name: environ[f"GITHUB_{name}"] for name in ("OUTPUT", "STEP_SUMMARY")},
                job=environ.get("PUSHPALS_JOB", ""),
            )
        except (KeyError, ValueError, OSError) as error:
            raise SettingsError(f"This is not a runner of GitHub Actions: {error!r} is missing.") from None

    @property
    def holder(self) -> Holder:
        """Who the jobs of this run are, to the ledger: one and the same."""
        return Holder(instance=INSTANCE, boot=self.run, name=f"workflow run {self.run}")

    def claim(self) -> tuple[SubjectRef, JobId, str]:
        """Return the subject, job and commit that this job is about. Raises SettingsError when it is none."""
        job, _, sha = self.job.partition("@")
        number, dash, k = job.partition("-")
        if not (number.isdecimal() and dash and k.isdecimal() and sha):
            raise SettingsError(f"{self.job!r} names no claimed job, such as 42-1@<commit>.")
        return SubjectRef(repo=self.repo, number=int(number)), job, sha

    def hint(self, app_id: int, now: datetime) -> Hint | None:
        """Return where to look, by the event that started the run; None for nowhere in particular."""
        if number := self._asked():
            return Hint(ref=SubjectRef(repo=self.repo, number=number))
        delivery = Delivery(self.event, f"run-{self.run}", now, app_id=app_id)
        found = hint_of(delivery, self.payload)
        # A run has its own credentials, whoever's installation the event was told to.
        return found.model_copy(update={"installation": None}) if found else None

    def _asked(self) -> int | None:
        """Return the number that somebody gave when starting the run by hand, or by another run."""
        by = {"workflow_dispatch": "inputs", "repository_dispatch": "client_payload"}.get(self.event, "")
        given = str((self.payload.get(by) or {}).get("issue") or "")
        return int(given) if given.isdecimal() and 0 < int(given) < 2**31 else None

    def from_a_fork(self) -> bool:
        """True when the event is about a pull request from elsewhere, and no words of people."""
        pull = self.payload.get("pull_request")
        if not isinstance(pull, dict):
            return False
        head = (pull.get("head") or {}).get("repo") or {}
        return str(head.get("full_name", "")).casefold() != str(self.repo).casefold()

    def output(self, name: str, value: str) -> None:
        """Set an output of the step; it is one line."""
        self._append("OUTPUT", f"{name}={' '.join(value.split())}\n")

    def say(self, line: str) -> None:
        """Tell people, in the log and on the run's page."""
        line = " ".join(line.split())
        sys.stdout.write(f"{line}\n")
        self._append("STEP_SUMMARY", f"{line}\n\n")

    def error(self, text: str) -> None:
        """Tell what stopped the step. In a log, what begins with `::` is a command to the runner."""
        line = " ".join(text.split()).replace("::", ": :")
        sys.stdout.write(f"::error title=PushPals::{line}\n")
        self._append("STEP_SUMMARY", f"**Stopped.** {line}\n\n")

    def _append(self, name: str, text: str) -> None:
        with Path(self.files[name]).open("a", encoding="utf-8") as file:
            file.write(text)
