"""How GraphQL fields are answered: by a function registered for the type and field, else by attribute."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from graphql import GraphQLAbstractType, GraphQLResolveInfo

from pushpals.local.forge.app_entities import (
    App,
    CheckRun,
    CheckSuite,
    CommitStatus,
    Delivery,
    Installation,
    Token,
)
from pushpals.local.forge.auth import Grant
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
    TimelineEvent,
)
from pushpals.local.forge.errors import ForgeError, NotFoundError
from pushpals.local.forge.git import Git
from pushpals.local.forge.render import Renderer
from pushpals.local.forge.store import Store

MAX_PAGE = 100

_SNAKE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_EVENT_TYPES = {
    "labeled": "LabeledEvent",
    "unlabeled": "UnlabeledEvent",
    "closed": "ClosedEvent",
    "reopened": "ReopenedEvent",
    "merged": "MergedEvent",
    "ready_for_review": "ReadyForReviewEvent",
    "renamed": "RenamedTitleEvent",
}
_TYPES: dict[type, str] = {
    Repo: "Repository",
    Label: "Label",
    Issue: "Issue",
    PullRequest: "PullRequest",
    Comment: "IssueComment",
    Review: "PullRequestReview",
    ReviewThread: "PullRequestReviewThread",
    ReviewComment: "PullRequestReviewComment",
    CheckSuite: "CheckSuite",
    CheckRun: "CheckRun",
    CommitStatus: "StatusContext",
    App: "App",
}
_PRIVATE = (Token, Delivery, Installation)

Resolver = Callable[..., Any]
RESOLVERS: dict[tuple[str, str], Resolver] = {}
R = TypeVar("R", bound=Resolver)
E = TypeVar("E", bound=Entity)

Bounds = Any
"""The paging arguments of a connection: first, last, after, before."""


@dataclass
class Context:
    """What a GraphQL request is answered from, and what it changed."""

    store: Store
    git: Git
    renderer: Renderer
    grant: Grant
    rate: Mapping[str, Any]
    changed: bool = False


@dataclass(frozen=True)
class GitObject:
    """A git object of a repository; ``kind`` is its type in lower case."""

    repo: Repo
    oid: str
    kind: str


@dataclass(frozen=True)
class GitRef:
    """A ref of a repository by its full name."""

    repo: Repo
    full_name: str
    oid: str


@dataclass(frozen=True)
class Page:
    """One page of a connection."""

    nodes: Sequence[Any]
    page_info: Mapping[str, Any]
    total_count: int


class PaginationError(ForgeError):
    """A connection was asked for without bounds, or with impossible ones."""

    status = 200

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.type = kind


def resolver(types: str, field: str) -> Callable[[R], R]:
    """Register a function ``(source, context, **arguments)`` for a field of these blank-separated types."""

    def register(function: R) -> R:
        for name in types.split():
            RESOLVERS[name, field] = function
        return function

    return register


def attributes(types: str, **names: str) -> None:
    """Answer fields of these types by attributes that are called differently here."""
    for kind in types.split():
        for field, name in names.items():
            RESOLVERS[kind, field] = partial(_attribute, name)


def snake(value: Any) -> Any:  # noqa: ANN401 - any value of a GraphQL argument.
    """Argument names in Python's spelling, all the way down."""
    if isinstance(value, dict):
        return {_SNAKE.sub("_", key).lower(): snake(item) for key, item in value.items()}
    return [snake(item) for item in value] if isinstance(value, list) else value


def resolve_field(source: Any, info: GraphQLResolveInfo[Context], **arguments: Any) -> Any:  # noqa: ANN401
    """Answer any field: by its registered function, else by the attribute of that name."""
    function = RESOLVERS.get((info.parent_type.name, info.field_name))
    if function is not None:
        return function(source, info.context, **snake(arguments))
    if isinstance(source, Mapping):
        return source.get(info.field_name)
    return getattr(source, _SNAKE.sub("_", info.field_name).lower())


def resolve_type(value: Any, _info: GraphQLResolveInfo[Any], _abstract: GraphQLAbstractType) -> str:  # noqa: ANN401
    """The GraphQL type of a record."""
    if isinstance(value, TimelineEvent):
        return _EVENT_TYPES[value.kind]
    if isinstance(value, Account):
        return value.type
    if isinstance(value, GitObject):
        return value.kind.title()
    return _TYPES[type(value)]


def connection(
    name: str,
    items: Sequence[Any],
    *,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    before: str | None = None,
) -> Page:
    """One page of ``items``. Raises PaginationError without ``first`` or ``last``, or above 100."""
    size = first if first is not None else last
    if size is None:
        raise PaginationError(
            "MISSING_PAGINATION_BOUNDARIES",
            f"You must provide a `first` or `last` value to properly paginate the `{name}` connection.",
        )
    if not 0 <= size <= MAX_PAGE:
        raise PaginationError(
            "EXCESSIVE_PAGINATION",
            f"Requesting {size} records on the `{name}` connection exceeds the limit of {MAX_PAGE} records.",
        )
    low = _position(items, after) + 1 if after else 0
    high = _position(items, before) if before else len(items)
    start, stop = (low, min(high, low + size)) if first is not None else (max(low, high - size), high)
    nodes = items[start:stop]
    info = {
        "startCursor": cursor(nodes[0]) if nodes else None,
        "endCursor": cursor(nodes[-1]) if nodes else None,
        "hasPreviousPage": start > 0,
        "hasNextPage": stop < len(items),
    }
    return Page(nodes, info, len(items))


def cursor(item: Entity) -> str:
    """The opaque place of a record in any connection."""
    return base64.b64encode(f"cursor:v2:{item.id}".encode()).decode()


def lookup(context: Context, node_id: str, *kinds: type[E]) -> tuple[E, Repo]:
    """The record with a node id, of one of these kinds, and its repository. Raises NotFoundError."""
    names = " or ".join(_TYPES[kind] for kind in kinds) or "a"
    missing = NotFoundError(f"Could not resolve to {names} node with the global id of '{node_id}'.")
    try:
        found = context.store.node(node_id)
    except NotFoundError:
        raise missing from None
    repo = repo_of(context.store, found)
    if not isinstance(found, kinds) or repo is None or not context.grant.sees(repo):
        raise missing
    return found, repo


def repo_of(store: Store, record: Entity) -> Repo | None:
    """The repository a record belongs to, if it belongs to one."""
    if isinstance(record, Repo):
        return record
    if isinstance(record, _PRIVATE):
        return None
    return store.repos.get(getattr(record, "repo_id", 0))


def _attribute(name: str, source: object, _: Context) -> object:
    return getattr(source, name)


def _position(items: Sequence[Any], place: str) -> int:
    invalid = PaginationError("INVALID_CURSOR_ARGUMENTS", f"`{place}` does not appear to be a valid cursor.")
    try:
        wanted = int(base64.b64decode(place, validate=True).decode().removeprefix("cursor:v2:"))
    except (binascii.Error, ValueError):
        raise invalid from None
    for index, item in enumerate(items):
        if item.id == wanted:
            return index
    raise invalid
