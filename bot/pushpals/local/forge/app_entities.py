"""What Apps own: their registration, installations, tokens and check runs, and the webhooks sent to them."""

from datetime import datetime
from typing import Literal

from pushpals.local.forge.entities import Entity, Record


class CheckSuite(Entity):
    """All check runs one App made on one commit."""

    repo_id: int
    app_id: int
    head_sha: str
    head_branch: str | None = None
    created_at: datetime


class CommitStatus(Entity):
    """What somebody says of a commit under a name, as older CI does; ``state`` is lower case, as in REST."""

    repo_id: int
    sha: str
    context: str
    state: Literal["error", "failure", "pending", "success"]
    description: str | None = None
    target_url: str | None = None
    creator: str
    created_at: datetime


class Annotation(Record):
    """A remark of a check run on lines of a file."""

    path: str
    start_line: int
    end_line: int
    annotation_level: Literal["notice", "warning", "failure"]
    message: str
    title: str | None = None
    raw_details: str | None = None


class CheckAction(Record):
    """A button on a check run."""

    label: str
    description: str
    identifier: str


class CheckRun(Entity):
    """A check run; ``status`` and ``conclusion`` are lower case, as in REST."""

    repo_id: int
    suite_id: int
    app_id: int
    head_sha: str
    name: str
    external_id: str | None = None
    details_url: str | None = None
    status: str = "queued"
    conclusion: str | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations: tuple[Annotation, ...] = ()
    actions: tuple[CheckAction, ...] = ()
    log: str | None = None
    """The log of the Actions job behind it, if there is one."""


class App(Entity):
    """A registered GitHub App. Its private key is handed out once and not kept."""

    slug: str
    name: str
    owner: str
    permissions: dict[str, str]
    events: tuple[str, ...]
    webhook_url: str | None
    webhook_secret: str
    public_key: str
    created_at: datetime

    @property
    def bot(self) -> str:
        """Login of the App's own user."""
        return f"{self.slug}[bot]"


class Installation(Entity):
    """An App installed on selected repositories of one account."""

    app_id: int
    account: str
    repo_ids: tuple[int, ...]
    permissions: dict[str, str]
    events: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


class Token(Entity):
    """An installation token; only its SHA-256 digest is kept."""

    digest: str
    installation_id: int
    repo_ids: tuple[int, ...]
    permissions: dict[str, str]
    expires_at: datetime


class Delivery(Entity):
    """A webhook delivery.

    ``status_code`` is None until an answer comes; ``status`` is then its reason, or else what failed.
    """

    guid: str
    app_id: int
    installation_id: int
    repo_id: int
    event: str
    action: str | None
    payload: str
    redelivery: bool = False
    created_at: datetime
    status: str = "pending"
    status_code: int | None = None
    delivered_at: datetime | None = None
    """When it was tried; None while it is pending."""
    seconds: float = 0.0
    """How long that took."""
