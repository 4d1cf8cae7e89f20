"""What people and Apps do to issues, and to pull requests where the two are alike."""

from typing import Any, TypeVar

from pushpals.local.forge.entities import (
    Authored,
    Comment,
    Edit,
    Issue,
    Label,
    PullRequest,
    Reaction,
    ReactionContent,
    Repo,
    Subject,
    TimelineEvent,
)
from pushpals.local.forge.errors import UnprocessableError
from pushpals.local.forge.store import Event, Store

MAX_BODY = 65_536
MAX_TITLE = 256

S = TypeVar("S", bound=Subject)
T = TypeVar("T", bound=Authored)
AnySubject = Issue | PullRequest


def check_body(body: str, *, blank: bool = True) -> str:
    """The body itself. Raises UnprocessableError if it is too long, or blank where that is not allowed."""
    if len(body) > MAX_BODY:
        raise UnprocessableError(f"Body is too long (maximum is {MAX_BODY} characters)")
    if not blank and not body.strip():
        raise UnprocessableError("Body can't be blank")
    return body


def check_title(title: str) -> str:
    """The title. Raises UnprocessableError if blank or too long."""
    if not title.strip():
        raise UnprocessableError("Title can't be blank")
    if len(title) > MAX_TITLE:
        raise UnprocessableError(f"Title is too long (maximum is {MAX_TITLE} characters)")
    return title


def next_number(store: Store, repo: Repo) -> int:
    """Take the repository's next issue or pull request number, inside the running transaction."""
    number = store.repos[repo.id].next_number
    store.put(store.repos[repo.id].model_copy(update={"next_number": number + 1}))
    return number


def notify(store: Store, actor: str, action: str, subject: Subject, **parts: Any) -> None:
    """Tell the webhooks about an issue or pull request."""
    repo = store.repos[subject.repo_id]
    if isinstance(subject, PullRequest):
        parts = {"number": subject.number, "pull_request": subject, **parts}
        store.emit(Event("pull_request", action, repo, actor, parts))
    else:
        store.emit(Event("issues", action, repo, actor, {"issue": subject, **parts}))


def log(store: Store, actor: str, kind: str, subject: Subject, **more: Any) -> TimelineEvent:
    """Write an event on the timeline of an issue or pull request, inside the running transaction."""
    return store.put(
        TimelineEvent(
            **store.identity(TimelineEvent, subject.repo_id),
            repo_id=subject.repo_id,
            number=subject.number,
            kind=kind,
            actor=actor,
            created_at=store.now(),
            **more,
        )
    )


def open_issue(
    store: Store, actor: str, repo: Repo, title: str, body: str = "", labels: tuple[Label, ...] = ()
) -> Issue:
    """Open an issue, with labels on it."""
    with store.transaction():
        now = store.now()
        issue = store.put(
            Issue(
                **store.identity(Issue, repo.id),
                repo_id=repo.id,
                number=next_number(store, repo),
                title=check_title(title),
                body=check_body(body),
                author=actor,
                created_at=now,
                updated_at=now,
            )
        )
        notify(store, actor, "opened", issue)
        for label in labels:
            issue = add_label(store, actor, issue, label)
        return issue


def edit_subject(
    store: Store, actor: str, subject: S, *, title: str | None = None, body: str | None = None
) -> S:
    """Change the title or the body; an unchanged value is no edit."""
    subject = store.fresh(subject)
    with store.transaction():
        changes: dict[str, Any] = {}
        new = subject
        if title is not None and title != subject.title:
            changes["title"] = {"from": subject.title}
            new = new.model_copy(update={"title": check_title(title)})
            log(store, actor, "renamed", subject, before=subject.title, after=title)
        if body is not None and body != subject.body:
            changes["body"] = {"from": subject.body}
            new = rewritten(store, actor, new, check_body(body))
        if not changes:
            return subject
        new = store.put(new.model_copy(update={"updated_at": store.now()}))
        notify(store, actor, "edited", new, changes=changes)
        return new


def add_label(store: Store, actor: str, subject: S, label: Label) -> S:
    """Put a label on; a label already there is no change."""
    subject = store.fresh(subject)
    if label.id in subject.label_ids:
        return subject
    with store.transaction():
        update = {"label_ids": (*subject.label_ids, label.id), "updated_at": store.now()}
        new = store.put(subject.model_copy(update=update))
        log(store, actor, "labeled", new, label_id=label.id)
        notify(store, actor, "labeled", new, label=label)
        return new


def remove_label(store: Store, actor: str, subject: S, label: Label) -> S:
    """Take a label off; a label that is not there is no change."""
    subject = store.fresh(subject)
    if label.id not in subject.label_ids:
        return subject
    with store.transaction():
        left = tuple(i for i in subject.label_ids if i != label.id)
        new = store.put(subject.model_copy(update={"label_ids": left, "updated_at": store.now()}))
        log(store, actor, "unlabeled", new, label_id=label.id)
        notify(store, actor, "unlabeled", new, label=label)
        return new


def set_state(store: Store, actor: str, subject: S, *, closed: bool, reason: str | None = None) -> S:
    """Close or reopen; no change is no event. Raises UnprocessableError for a merged pull request."""
    subject = store.fresh(subject)
    if (subject.state == "closed") == closed:
        return subject
    if isinstance(subject, PullRequest) and subject.merged_at:
        raise UnprocessableError("Could not reopen the pull request: it is merged")
    with store.transaction():
        now = store.now()
        is_issue = isinstance(subject, Issue)
        update: dict[str, Any] = {
            "state": "closed" if closed else "open",
            "state_reason": ((reason or "completed") if closed else "reopened") if is_issue else None,
            "closed_at": now if closed else None,
            "closed_by": actor if closed else None,
            "updated_at": now,
        }
        new = store.put(subject.model_copy(update=update))
        action = "closed" if closed else "reopened"
        log(store, actor, action, new)
        notify(store, actor, action, new)
        return new


def add_comment(store: Store, actor: str, subject: AnySubject, body: str) -> Comment:
    """Comment on an issue or pull request."""
    with store.transaction():
        now = store.now()
        comment = store.put(
            Comment(
                **store.identity(Comment, subject.repo_id),
                repo_id=subject.repo_id,
                number=subject.number,
                author=actor,
                body=check_body(body, blank=False),
                created_at=now,
                updated_at=now,
            )
        )
        store.put(store.fresh(subject).model_copy(update={"updated_at": now}))
        _notify_comment(store, actor, "created", comment)
        return comment


def edit_comment(store: Store, actor: str, comment: Comment, body: str) -> Comment:
    """Change a comment's body; the same body is no edit."""
    comment = store.fresh(comment)
    if body == comment.body:
        return comment
    with store.transaction():
        new = store.put(rewritten(store, actor, comment, check_body(body, blank=False)))
        _notify_comment(store, actor, "edited", new, changes={"body": {"from": comment.body}})
        return new


def delete_comment(store: Store, actor: str, comment: Comment) -> None:
    """Remove a comment."""
    with store.transaction():
        store.drop(comment)
        _notify_comment(store, actor, "deleted", comment)


def add_reaction(store: Store, actor: str, target: T, content: ReactionContent) -> tuple[T, Reaction]:
    """React; the same reaction again is no change."""
    target = store.fresh(target)
    for reaction in target.reactions:
        if reaction.user == actor and reaction.content == content:
            return target, reaction
    with store.transaction():
        number: int = store.identity(Comment)["id"]
        reaction = Reaction(id=number, user=actor, content=content, created_at=store.now())
        return store.put(target.model_copy(update={"reactions": (*target.reactions, reaction)})), reaction


def rewritten(store: Store, actor: str, text: T, body: str) -> T:
    """A text with another body, and on record who wrote it; to be put inside the running transaction."""
    edit = Edit(editor=actor, edited_at=store.now(), previous=text.body)
    update = {"body": body, "edits": (*text.edits, edit), "updated_at": edit.edited_at}
    return text.model_copy(update=update)


def _notify_comment(store: Store, actor: str, action: str, comment: Comment, **parts: Any) -> None:
    repo = store.repos[comment.repo_id]
    subject = store.subject(comment.repo_id, comment.number)
    parts = {"issue": subject, "comment": comment, **parts}
    store.emit(Event("issue_comment", action, repo, actor, parts))
