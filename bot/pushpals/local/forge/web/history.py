"""What the pages read from git: the diff of a change, its commits, and the record of a job."""

import json
import re
from dataclasses import dataclass, field

from pushpals.audit.chain import AuditEvent, Verified, read_events, verify
from pushpals.ledger import job_ref
from pushpals.local.forge.entities import PullRequest, Repo
from pushpals.local.forge.errors import NotFoundError
from pushpals.local.forge.git import Commit, Git
from pushpals.local.forge.web import diff

JOB = r"\d{1,9}-\d{1,9}"
_JOB_AT_END = re.compile(rf"(?:^|/)({JOB})$")
_FILES = ("record.json", "plan.md", "report.md", "audit.jsonl", "patch.diff")
_COMMITS = 250
_DIFF = (
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--find-renames",
    "--src-prefix=a/",
    "--dst-prefix=b/",
)


@dataclass(frozen=True)
class Record:
    """The record of a job, as it stands in the ledger."""

    job: str
    sha: str
    commits: list[Commit]
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
    names = (await git.run(repo, "ls-tree", "-z", "--name-only", sha)).split("\0")
    files = {
        name: await git.run(repo, "cat-file", "blob", f"{sha}:{name}") for name in _FILES if name in names
    }
    commits = await git.commits(repo, None, sha, _COMMITS)
    return _with_audit(Record(job, sha, commits[::-1], files, patch=diff.parse(files.get("patch.diff", ""))))


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
