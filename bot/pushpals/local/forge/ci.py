"""What CI does to a commit: check runs with logs, commit statuses; and people at the buttons."""

from collections.abc import Iterable

from pushpals.local.forge import apps, checks
from pushpals.local.forge.app_entities import App, CheckRun, CommitStatus
from pushpals.local.forge.branches import head_branch
from pushpals.local.forge.entities import Repo
from pushpals.local.forge.git import Git
from pushpals.local.forge.merging import merge_what_waits
from pushpals.local.forge.store import Store

ACTIONS = "github-actions"
"""The App as which a repository's workflows report."""


class Ci:
    """Part of :class:`People`: what a repository's own CI says, and the buttons of check runs."""

    store: Store
    git: Git

    async def ci(
        self,
        repo: Repo,
        sha: str,
        name: str,
        conclusion: str | None,
        *,
        title: str | None = None,
        log: str = "",
        annotations: Iterable[dict[str, object]] = (),
    ) -> CheckRun:
        """Report an Actions job on a commit: running (None), or with a conclusion, a log and annotations.

        A job of that name that still runs there goes on; else another one begins.
        """
        app = self._actions(repo)
        fields: checks.Fields = {"status": "in_progress", "log": log or None}
        if conclusion:
            summary = title or conclusion
            output = {"title": summary, "summary": summary, "annotations": list(annotations)}
            fields |= {"status": "completed", "conclusion": conclusion, "output": output}
        running = [
            run
            for run in self.store.runs_on(repo.id, sha)
            if (run.app_id, run.name, run.conclusion) == (app.id, name, None)
        ]
        if running:
            run = checks.update_run(self.store, app, running[-1], fields)
        else:
            branch = await head_branch(self.git, repo, sha)
            run = checks.create_run(self.store, app, repo, sha, name, fields, branch)
        await merge_what_waits(self.store, self.git, repo, sha)
        return run

    async def set_status(
        self, repo: Repo, actor: str, sha: str, context: str, state: checks.StatusState, description: str = ""
    ) -> CommitStatus:
        """Say something of a commit as older CI does."""
        heads = await self.git.refs(repo, "refs/heads")
        branches = [ref.removeprefix("refs/heads/") for ref, at in heads.items() if at == sha]
        commit = (await self.git.commits(repo, None, sha, limit=1))[0]
        status = checks.set_status(
            self.store,
            self.store.account(actor).login,
            repo,
            sha,
            context,
            state,
            description=description or None,
            commit=commit,
            branches=branches,
        )
        await merge_what_waits(self.store, self.git, repo, sha)
        return status

    def press_button(self, run: CheckRun, actor: str, identifier: str) -> None:
        """Press a button on a check run."""
        login = self.store.account(actor).login
        checks.press_button(self.store, login, self.store.fresh(run), identifier)

    def _actions(self, repo: Repo) -> App:
        found = (app for app in self.store.apps.values() if app.slug == ACTIONS)
        app = next(found, None)
        # It is never asked to prove who it is, so it needs no key.
        return app or apps.register(
            self.store,
            ACTIONS,
            "GitHub Actions",
            owner=repo.owner,
            permissions={"checks": "write"},
            events=(),
            webhook_url=None,
            webhook_secret="",
            public_key="",
        )
