"""The forge's tables and the questions asked of them: everything that only reads."""

from collections.abc import Callable
from typing import Any, TypeVar

from pushpals.local.forge.app_entities import (
    App,
    CheckRun,
    CheckSuite,
    CommitStatus,
    Delivery,
    Installation,
    Token,
)
from pushpals.local.forge.entities import (
    Account,
    Comment,
    Entity,
    Issue,
    Label,
    PullRequest,
    Repo,
    Review,
    ReviewComment,
    ReviewThread,
    Role,
    TimelineEvent,
)
from pushpals.local.forge.errors import NotFoundError

E = TypeVar("E", bound=Entity)


class Tables:
    """Every record by id, one typed table for each kind, and the usual lookups."""

    def __init__(self) -> None:
        """Begin empty."""
        self.accounts: dict[int, Account] = {}
        self.repos: dict[int, Repo] = {}
        self.labels: dict[int, Label] = {}
        self.issues: dict[int, Issue] = {}
        self.pulls: dict[int, PullRequest] = {}
        self.comments: dict[int, Comment] = {}
        self.reviews: dict[int, Review] = {}
        self.threads: dict[int, ReviewThread] = {}
        self.review_comments: dict[int, ReviewComment] = {}
        self.timeline: dict[int, TimelineEvent] = {}
        self.suites: dict[int, CheckSuite] = {}
        self.runs: dict[int, CheckRun] = {}
        self.statuses: dict[int, CommitStatus] = {}
        self.apps: dict[int, App] = {}
        self.installations: dict[int, Installation] = {}
        self.tokens: dict[int, Token] = {}
        self.deliveries: dict[int, Delivery] = {}
        self._tables: dict[type[Entity], dict[int, Any]] = {
            Account: self.accounts,
            Repo: self.repos,
            Label: self.labels,
            Issue: self.issues,
            PullRequest: self.pulls,
            Comment: self.comments,
            Review: self.reviews,
            ReviewThread: self.threads,
            ReviewComment: self.review_comments,
            TimelineEvent: self.timeline,
            CheckSuite: self.suites,
            CheckRun: self.runs,
            CommitStatus: self.statuses,
            App: self.apps,
            Installation: self.installations,
            Token: self.tokens,
            Delivery: self.deliveries,
        }
        self._nodes: dict[str, Entity] = {}

    def node(self, node_id: str) -> Entity:
        """The record with this node id. Raises NotFoundError."""
        try:
            return self._nodes[node_id]
        except KeyError:
            raise NotFoundError(node_id) from None

    def fresh(self, record: E) -> E:
        """The record as it is now. Raises NotFoundError if it was removed."""
        found: E | None = self._tables[type(record)].get(record.id)
        if found is None:
            raise NotFoundError(f"{type(record).__name__} {record.id} is gone")
        return found

    def account(self, login: str) -> Account:
        """The account with this login (case does not matter). Raises NotFoundError."""
        return _only(self.accounts, lambda account: account.login.lower() == login.lower(), login)

    def repo(self, owner: str, name: str) -> Repo:
        """The repository ``owner/name`` (case does not matter). Raises NotFoundError."""
        full = f"{owner}/{name}".lower()
        return _only(self.repos, lambda repo: repo.full_name.lower() == full, full)

    def subject(self, repo_id: int, number: int) -> Issue | PullRequest:
        """The issue or pull request with this number. Raises NotFoundError."""
        for subject in self.subjects(repo_id):
            if subject.number == number:
                return subject
        raise NotFoundError(f"#{number}")

    def subjects(self, repo_id: int) -> list[Issue | PullRequest]:
        """Issues and pull requests of a repository, oldest first."""
        both: list[Issue | PullRequest] = [*self.issues.values(), *self.pulls.values()]
        return sorted((s for s in both if s.repo_id == repo_id), key=lambda s: s.number)

    def label(self, repo_id: int, name: str) -> Label | None:
        """The label of a repository by name (case does not matter), if there is one."""
        found = (x for x in self.labels.values() if x.repo_id == repo_id and x.name.lower() == name.lower())
        return next(found, None)

    def labels_of(self, subject: Issue | PullRequest) -> list[Label]:
        """The labels on an issue or pull request, in the order they were added."""
        return [self.labels[i] for i in subject.label_ids if i in self.labels]

    def comments_of(self, subject: Issue | PullRequest) -> list[Comment]:
        """Its comments, oldest first."""
        return _of(self.comments, subject)

    def reviews_of(self, pull: PullRequest) -> list[Review]:
        """Its reviews, oldest first."""
        return _of(self.reviews, pull)

    def threads_of(self, pull: PullRequest) -> list[ReviewThread]:
        """Its review threads, oldest first."""
        return _of(self.threads, pull)

    def comments_in(self, thread: ReviewThread) -> list[ReviewComment]:
        """The comments of a review thread, oldest first."""
        return [c for c in self.review_comments.values() if c.thread_id == thread.id]

    def timeline_of(self, subject: Issue | PullRequest) -> list[TimelineEvent]:
        """Its events, oldest first."""
        return _of(self.timeline, subject)

    def runs_on(self, repo_id: int, head_sha: str) -> list[CheckRun]:
        """Check runs on a commit, oldest first."""
        return [run for run in self.runs.values() if run.repo_id == repo_id and run.head_sha == head_sha]

    def contexts_on(self, repo_id: int, sha: str) -> list[CheckRun | CommitStatus]:
        """What counts of a commit: the latest check run of each name and App, the latest of each status."""
        runs = {(run.app_id, run.name): run for run in self.runs_on(repo_id, sha)}
        said = (s for s in self.statuses.values() if (s.repo_id, s.sha) == (repo_id, sha))
        return [*runs.values(), *{status.context: status for status in said}.values()]

    def rollup(self, repo_id: int, sha: str) -> str | None:
        """What all of that amounts to: SUCCESS, PENDING or FAILURE; None when nobody says anything."""
        states = {_state(context) for context in self.contexts_on(repo_id, sha)}
        return next((state for state in ("FAILURE", "PENDING", "SUCCESS") if state in states), None)

    def role(self, repo: Repo, login: str) -> Role:
        """The role of an account: the one it was given, else everybody's (read if public, else none)."""
        if login.lower() == repo.owner.lower():
            return Role(name="admin", base="admin")
        everyone = Role(name="none", base="none") if repo.private else Role(name="read", base="read")
        return repo.roles.get(login.lower(), everyone)

    def installation_of(self, app_id: int, repo_id: int) -> Installation | None:
        """The installation through which an App sees a repository, if it does."""
        found = (x for x in self.installations.values() if x.app_id == app_id and repo_id in x.repo_ids)
        return next(found, None)


def _only(table: dict[int, E], wanted: Callable[[E], bool], name: str) -> E:
    for record in table.values():
        if wanted(record):
            return record
    raise NotFoundError(name)


def _state(context: CheckRun | CommitStatus) -> str:
    if isinstance(context, CommitStatus):
        return "FAILURE" if context.state == "error" else context.state.upper()
    if context.status != "completed":
        return "PENDING"
    return "SUCCESS" if context.conclusion in {"success", "neutral", "skipped"} else "FAILURE"


A = TypeVar("A", Comment, Review, ReviewThread, TimelineEvent)


def _of(table: dict[int, A], subject: Issue | PullRequest) -> list[A]:
    return [x for x in table.values() if x.repo_id == subject.repo_id and x.number == subject.number]
