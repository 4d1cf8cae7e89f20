"""What the pages read from git: the diff of a change, its commits, and the record of a job."""

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from pushpals.audit.chain import AuditEvent, Verified, read_events, verify
from pushpals.ledger import job_ref, request_ref
from pushpals.local.forge.entities import PullRequest, Repo
from pushpals.local.forge.errors import NotFoundError
from pushpals.local.forge.git import Git
from pushpals.local.forge.web import diff

JOB = r"\d{1,9}-\d{1,9}"
_JOB_AT_END = re.compile(rf"(?:^|/)({JOB})$")
_FILES = ("record.json", "plan.md", "report.md", "audit.jsonl", "patch.diff")
COMMITS = 250
"""How many commits a page lists at most."""
_DIFF = (
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--find-renames",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)


@dataclass(frozen=True)
class Entry:
    """A commit in a list. ``when`` is None for a date that no calendar has."""

    sha: str
    when: datetime | None
    author: str
    message: str

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]


@dataclass(frozen=True)
class Record:
    """The record of a job as it stands in the ledger, and the plan it follows."""

    job: str
    sha: str
    commits: list[Entry]
    files: dict[str, str]
    events: tuple[AuditEvent, ...] = ()
    audit: str = ""
    """Whether the audit trail holds, in words; ``holds`` says it as a fact."""
    holds: bool = True
    patch: list[diff.FileDiff] = field(default_factory=list)

    @property
    def state(self) -> str:
        """The state the record names, or nothing when it cannot be read."""
        try:
            return str(json.loads(self.files["record.json"])["state"])
        except (KeyError, TypeError, ValueError):
            return ""


async def log(git: Git, repo: Repo, head: str, base: str | None = None, limit: int = COMMITS) -> list[Entry]:
    """Commits on ``head`` that are not on ``base``, newest first."""
    # Messages may hold any character but NUL, so that is what ends each field.
    form = ("log", "-z", f"--max-count={limit}", "--format=%H%x00%cI%x00%an%x00%B")
    text = await git.run(repo, *form, head, *([f"^{base}"] if base else []), "--")
    fields = text.removesuffix("\0").split("\0") if text else []
    return [
        Entry(sha, _moment(when), author, message.strip("\n"))
        for sha, when, author, message in zip(*(fields[i::4] for i in range(4)), strict=True)
    ]


def _moment(text: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return None


def job_of(name: str | None) -> str | None:
    """The job that a branch or the external id of a check run belongs to."""
    found = _JOB_AT_END.search(name or "")
    return found[1] if found else None


async def jobs_of(git: Git, repo: Repo, number: int) -> list[str]:
    """The jobs of an issue, oldest first."""
    refs = await git.refs(repo, "refs/pushpals/jobs")
    names = [name.rpartition("/")[2] for name in refs]
    mine = [name for name in names if re.fullmatch(JOB, name) and name.partition("-")[0] == str(number)]
    return sorted(mine, key=lambda name: int(name.partition("-")[2]))


async def pull_diff(git: Git, repo: Repo, pull: PullRequest) -> str:
    """What a pull request changes, as git prints it; the same after it was merged."""
    return await git.run(repo, "diff", *_DIFF, f"{pull.base_sha}...{pull.head_sha}", "--")


async def commit_diff(git: Git, repo: Repo, sha: str) -> str:
    """What a commit changes against its first parent, as git prints it."""
    return await git.run(repo, "show", "--format=", "--diff-merges=first-parent", *_DIFF, sha, "--")


async def record_of(git: Git, repo: Repo, job: str) -> Record:
    """The record of a job. Raises NotFoundError when the repository has none."""
    sha = await git.resolve(repo, f"{job_ref(job)}^{{commit}}")
    if sha is None:
        raise NotFoundError(f"There is no record of a job {job} in {repo.full_name}.")
    # A plan lies with the request, for all of its jobs.
    places = {name: f"{sha}:{name}" for name in _FILES}
    places["plan.md"] = f"{request_ref(int(job.partition('-')[0]))}:plan.md"
    files = {
        name: await git.run(repo, "cat-file", "blob", blob)
        for name, place in places.items()
        if (blob := await git.resolve(repo, place)) is not None
    }
    commits = await log(git, repo, sha)
    return _with_audit(Record(job, sha, commits, files, patch=diff.parse(files.get("patch.diff", ""))))


def _with_audit(record: Record) -> Record:
    text = record.files.get("audit.jsonl")
    if text is None:
        return record
    checked = verify(text, record.job)
    holds = isinstance(checked, Verified)
    said = (
        f"{checked.count} events, unbroken"
        if isinstance(checked, Verified)
        else f"line {checked.line} {checked.why}"
    )
    try:
        events = read_events(text)
    except ValueError:
        events = ()
    return Record(record.job, record.sha, record.commits, record.files, events, said, holds, record.patch)
