"""People's hands: what a person does on GitHub's pages, as calls for the demo, the pages and tests."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from pushpals.local.forge import accounts, apps, issues
from pushpals.local.forge.app_entities import App, Installation
from pushpals.local.forge.code import Code
from pushpals.local.forge.entities import (
    Account,
    AccountType,
    Comment,
    Issue,
    Label,
    PullRequest,
    ReactionContent,
    Repo,
    Review,
    ReviewComment,
    Subject,
)
from pushpals.local.forge.git import Files
from pushpals.local.forge.hooks import Hooks

AnySubject = Issue | PullRequest
S = TypeVar("S", Issue, PullRequest)


class People(Code):
    """Every call names the acting account by login, keeps GitHub's rules, and fires GitHub's webhooks.

    Calls raise the errors of ``pushpals.local.forge.errors``. They return the new state of what they changed.
    """

    hooks: Hooks

    # Setting up

    def create_user(self, login: str, *, kind: AccountType = "User", name: str | None = None) -> Account:
        """Add a person (or an organization)."""
        return accounts.create_account(self.store, login, kind=kind, name=name)

    async def create_repo(
        self,
        owner: str,
        name: str,
        source: Path | Files,
        *,
        private: bool = False,
        description: str | None = None,
    ) -> Repo:
        """Add a repository: a copy of the git repository at a path, else the folder's or the given files.

        The default branch is the one checked out at the path, else ``main``.
        """
        branch = await self.git.branch_of(source) if isinstance(source, Path) else None
        account = self.store.account(owner)
        with self.store.transaction():
            repo = accounts.record_repo(
                self.store,
                owner,
                name,
                private=private,
                description=description,
                default_branch=branch or "main",
            )
        await self.git.create(repo, source, account)
        return repo

    def set_role(self, repo: Repo, login: str, role: str, base: str | None = None) -> Repo:
        """Make somebody a collaborator: with a built-in role, or a custom one that extends ``base``."""
        return accounts.set_role(self.store, repo, login, role, base)

    def create_label(self, repo: Repo, name: str, color: str = "ededed", description: str = "") -> Label:
        """Add a label to a repository (or find the one of that name)."""
        return accounts.ensure_label(self.store, repo, name, color, description)

    async def register_app(
        self,
        slug: str,
        name: str,
        *,
        owner: str,
        permissions: Mapping[str, str],
        events: Iterable[str],
        webhook_url: str | None = None,
        webhook_secret: str = "",
    ) -> tuple[App, str]:
        """Register a GitHub App; return it and its private key (PEM), which is shown this once only."""
        private, public = await asyncio.to_thread(apps.new_key)
        app = apps.register(
            self.store,
            slug,
            name,
            owner=owner,
            permissions=permissions,
            events=events,
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
            public_key=public,
        )
        self.hooks.watch(app)
        return app, private

    def set_webhook(self, app: App, url: str | None, secret: str | None = None) -> App:
        """Change where an App's webhooks go (None stops them) and, if given, their secret."""
        update = {"webhook_url": url} | ({"webhook_secret": secret} if secret is not None else {})
        with self.store.transaction():
            return self.store.put(self.store.fresh(app).model_copy(update=update))

    def install(self, app: App, repos: Iterable[Repo]) -> Installation:
        """Install an App on repositories of one account, or extend its installation there."""
        return apps.install(self.store, app, repos)

    def job_token(self, repo: Repo, permissions: Mapping[str, str]) -> str:
        """Make the GITHUB_TOKEN of a workflow's job with these permissions."""
        return apps.job_token(self.store, repo, permissions)

    # Issues and conversations

    def create_issue(
        self, repo: Repo, actor: str, title: str, body: str = "", labels: Iterable[str] = ()
    ) -> Issue:
        """Open an issue, with labels on it."""
        chosen = tuple(self.create_label(repo, name) for name in labels)
        return issues.open_issue(self.store, self._login(actor), repo, title, body, chosen)

    def edit_issue(self, subject: S, actor: str, *, title: str | None = None, body: str | None = None) -> S:
        """Change title or body of an issue or pull request; the actor need not be its author."""
        return issues.edit_subject(self.store, self._login(actor), subject, title=title, body=body)

    def add_label(self, subject: S, actor: str, name: str) -> S:
        """Put a label on, made if the repository has none of that name."""
        label = self.create_label(self._repo_of(subject), name)
        return issues.add_label(self.store, self._login(actor), subject, label)

    def remove_label(self, subject: S, actor: str, name: str) -> S:
        """Take a label off."""
        label = self.create_label(self._repo_of(subject), name)
        return issues.remove_label(self.store, self._login(actor), subject, label)

    def close_issue(self, subject: S, actor: str) -> S:
        """Close an issue or pull request."""
        return issues.set_state(self.store, self._login(actor), subject, closed=True)

    def reopen_issue(self, subject: S, actor: str) -> S:
        """Reopen an issue or pull request."""
        return issues.set_state(self.store, self._login(actor), subject, closed=False)

    def comment(self, subject: AnySubject, actor: str, body: str) -> Comment:
        """Comment on an issue or pull request."""
        return issues.add_comment(self.store, self._login(actor), subject, body)

    def edit_comment(self, comment: Comment, actor: str, body: str) -> Comment:
        """Change a comment; an actor who is not its author becomes its ``editor``."""
        return issues.edit_comment(self.store, self._login(actor), comment, body)

    def delete_comment(self, comment: Comment, actor: str) -> None:
        """Remove a comment."""
        issues.delete_comment(self.store, self._login(actor), comment)

    def react(
        self, target: AnySubject | Comment | Review | ReviewComment, actor: str, content: ReactionContent
    ) -> None:
        """React to an issue, pull request, comment or review."""
        issues.add_reaction(self.store, self._login(actor), target, content)

    def _repo_of(self, subject: Subject) -> Repo:
        return self.store.repos[subject.repo_id]
