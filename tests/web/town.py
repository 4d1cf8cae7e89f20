"""A forge with pages, and a town that lives on it: people, issues, and what PushPals left there.

Everything PushPals wrote is rendered by the product's own prose from the product's own records.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from pushpals.audit import prose
from pushpals.audit.chain import AuditEvent, Chain, Kind, Zone
from pushpals.ledger import job_ref, request_ref
from pushpals.ledger.encoding import canonical
from pushpals.local.forge import checks, issues
from pushpals.local.forge.app_entities import App, CheckRun
from pushpals.local.forge.entities import Comment, Issue, PullRequest, ReactionContent, Repo
from pushpals.local.forge.server import Forge
from pushpals.local.forge.web import routes
from pushpals.local.sample import sample
from pushpals.model import (
    CheckResult,
    Evidence,
    FileChange,
    JobRecord,
    JobState,
    Person,
    Plan,
    Report,
    Request,
    RequestRecord,
    Risk,
    Task,
    Usage,
)

BRANCH = "agent/bug-fixer/1-1"
CHECK = "python3 -m unittest"
GOAL = "Keep dots in `normalize_name`"
TEST = "tests.test_names.NormalizeName.test_dot"
OLD, NEW = r'[^\w-]", "", text)', r'[^\w.-]", "", text)'


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 10, 40, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@dataclass
class Town:
    forge: Forge
    clock: Clock
    repo: Repo
    app: App

    @classmethod
    async def found(cls, folder: Path) -> Self:
        """People, a repository and an App; nobody has said anything yet."""
        clock = Clock()
        forge = await Forge.start(folder / "forge", clock=clock, pages=routes)
        for login in ("octo", "ada", "sam"):
            forge.create_user(login)
        story = sample(folder / "sample")
        repo = await forge.create_repo(
            "octo", story.name, story.folder, description="The accounts of a small web shop"
        )
        repo = forge.set_role(repo, "ada", "maintain")
        permissions = {"contents": "write", "issues": "write", "pull_requests": "write", "checks": "write"}
        app, _ = await forge.register_app(
            "pushpals", "PushPals", owner="octo", permissions=permissions, events=["check_run"]
        )
        forge.install(app, [repo])
        return cls(forge, clock, repo, app)

    @property
    def page(self) -> str:
        return f"/{self.repo.full_name}"

    # What PushPals does

    async def main(self) -> str:
        return await self.forge.git.sha(self.repo, "refs/heads/main")

    def open_bug(self) -> Issue:
        body = (
            "I signed up as `ada.lovelace` and that worked, but now I cannot log in any more. "
            "It says there is no such account.\n\nMy colleague `bob` has no problems, and `grace-hopper` is "
            "fine too. It seems to be the dot."
        )
        self.forge.create_label(self.repo, "agent:ready", "1f6f5c", "PushPals may work on this")
        self.forge.create_label(self.repo, "bug", "d73a4a")
        return self.forge.create_issue(self.repo, "sam", "Login fails for names with a dot", body)

    async def start_work(self, issue: Issue, title: str = "Turn 3 of 50: edit auth/names.py") -> CheckRun:
        fields = {
            "external_id": f"{issue.number}-1",
            "status": "in_progress",
            "output": {"title": title, "summary": "Bug Fixer on: keep dots\n\nturn 3 of 50"},
        }
        name = f"PushPals / {issue.number}-1"
        return checks.create_run(self.forge.store, self.app, self.repo, await self.main(), name, fields)

    def report_progress(self, run: CheckRun, title: str) -> CheckRun:
        fields = {"output": {"title": title, "summary": "Bug Fixer on: keep dots"}}
        return checks.update_run(self.forge.store, self.app, run, fields)

    def comment(self, issue: Issue, body: str) -> Comment:
        return issues.add_comment(self.forge.store, self.app.bot, issue, body)

    async def push_fix(self) -> str:
        path = "auth/names.py"
        before = await self.forge.git.run(self.repo, "show", f"main:{path}")
        tests = await self.forge.git.run(self.repo, "show", "main:tests/test_names.py")
        assert OLD in before
        more = "\n\nclass Dots(unittest.TestCase):\n    def test_two_dots(self):\n"
        more += '        self.assertEqual(normalize_name("ada.king.lovelace"), "ada.king.lovelace")\n'
        files = {path: before.replace(OLD, NEW), "tests/test_names.py": tests + more}
        message = f"{GOAL}\n\nFixes #1\n\nPushPals-Job: 1-1\n"
        return await self.forge.push(self.repo, self.app.bot, files, branch=BRANCH, message=message)

    async def deliver(self, issue: Issue) -> PullRequest:
        """All of a job: the branch, the pull request, its check run, the comment, the record."""
        base, head = await self.main(), await self.push_fix()
        tree = await self.forge.git.sha(self.repo, f"{head}^{{tree}}")
        request, job = records(issue, base, head, tree)
        body = prose.pull_body(request, job)
        pull = await self.forge.create_pull(
            self.repo, self.app.bot, prose.pull_title(request, job), BRANCH, body=body
        )
        fields = {
            "external_id": job.id,
            "conclusion": "success",
            "output": {"title": prose.check_title(job, "success"), "summary": prose.check_summary(job)},
        }
        checks.create_run(self.forge.store, self.app, self.repo, head, f"PushPals / {job.id}", fields)
        await self.write_record(request, job)
        self.forge.react(issue, self.app.bot, ReactionContent.EYES)
        first = self.comment(issue, prose.PROGRESS_MARK + "\nPlanning.")
        said = prose.progress_comment(request, [job], {job.id: pull.number})
        self.forge.edit_comment(first, self.app.bot, said)
        return pull

    async def write_record(self, request: RequestRecord, job: JobRecord) -> None:
        """The refs of a request and its job, as the ledger writes them."""
        chain = Chain(job.id)
        lines = [chain.append(event) for event in life_of(job)]
        diff = await self.forge.git.run(self.repo, "diff", "--binary", "--full-index", f"main...{job.head}")
        queued = job.model_copy(update={"state": JobState.QUEUED, "head": None, "tree": None})
        files: dict[str, bytes] = {
            "record.json": canonical(job),
            "report.md": prose.pull_body(request, job).encode(),
            "audit.jsonl": "".join(f"{line}\n" for line in lines).encode(),
            "patch.diff": diff.encode(),
        }
        plan = {"record.json": canonical(request), "plan.md": prose.plan_markdown(request).encode()}
        await self.commit_record(request_ref(request.request.number), plan, "ada asked for #1.")
        ref = job_ref(job.id)
        await self.commit_record(ref, {"record.json": canonical(queued)}, f"Job {job.id} is queued.")
        await self.commit_record(ref, files, f"Published {str(job.head)[:12]} on {job.branch}.")

    async def commit_record(self, ref: str, files: dict[str, bytes], message: str) -> None:
        git = self.forge.git
        parent = await git.resolve(self.repo, ref)
        stamp = int(self.clock.now.timestamp())
        text = f"{message}\n".encode()
        stream = (
            f"feature done\ncommit {ref}\ncommitter pushpals <pushpals@example.com> {stamp} +0000\n".encode()
        )
        stream += b"data %d\n%b\n" % (len(text), text) + (f"from {parent}\n".encode() if parent else b"")
        for name, content in files.items():
            stream += f"M 100644 inline {name}\ndata {len(content)}\n".encode() + content + b"\n"
        await git.run(self.repo, "fast-import", "--quiet", stdin=stream + b"done\n")


def records(issue: Issue, base: str, head: str, tree: str) -> tuple[RequestRecord, JobRecord]:
    """What the ledger holds of a delivered job."""
    task = Task(goal=GOAL, acceptance=(f"`{TEST}` passes",), scope=("auth/**", "tests/**"), checks=(CHECK,))
    request = Request(
        number=issue.number,
        title=issue.title,
        body=issue.body,
        digest=Request.digest_of(issue.title, issue.body),
        asker=Person(id=1002, login="ada"),
        cause="LE_1",
        asked_at=issue.created_at,
    )
    failing = CheckResult(command=CHECK, exit_code=1, failed=1, passed=13, failing=(TEST,))
    passing = CheckResult(command=CHECK, exit_code=0, passed=15)
    report = Report(
        words="I let the dot stay when a name is normalized, and added a test with two dots.",
        files=(
            FileChange(path="auth/names.py", status="modified", added=1, removed=1, mode="100644"),
            FileChange(path="tests/test_names.py", status="modified", added=5, removed=0, mode="100644"),
        ),
        evidence=Evidence(tree=tree, base=(failing,), head=(passing,)),
        follow_ups=("Accounts made before this change keep their old names.",),
    )
    usage = Usage(
        turns=4,
        model_calls=4,
        tokens_in=31_000,
        tokens_out=1_900,
        usd=0.0,
        seconds=41.0,
        commands=6,
        model="qwen2.5-coder-1.5b-instruct",
    )
    job = JobRecord(
        id=f"{issue.number}-1",
        request=issue.number,
        cause="LE_1",
        task=task,
        state=JobState.PUBLISHED,
        base=base,
        branch=BRANCH,
        attempt=1,
        nonce="0f1e2d3c4b5a6978",
        created_at=issue.created_at,
        updated_at=issue.created_at + timedelta(minutes=1),
        tree=tree,
        head=head,
        usage=usage,
        report=report,
    )
    plan = Plan(tasks=(task,), risk=Risk.LOW)
    record = RequestRecord(
        request=request, plan=plan, base=base, policy_digest="0" * 64, created_at=issue.created_at
    )
    return record, job


def life_of(job: JobRecord) -> list[AuditEvent]:
    """The audit of a delivered job."""
    told: list[tuple[Kind, Zone, str]] = [
        ("state", "control", f"Job {job.id} is queued for Bug Fixer."),
        ("state", "control", "Claimed, attempt 1."),
        ("check", "sandbox", f"{CHECK}: 1 failed, 13 passed (before the change)"),
        ("model_call", "model", "The dot is dropped here.\n```edit\nauth/names.py\n```"),
        ("edit", "sandbox", "auth/names.py: 1 line changed"),
        ("refused", "model", "May not write .github/workflows/ci.yml: it is protected."),
        ("check", "sandbox", f"{CHECK}: 15 passed (after the change)"),
        ("gate", "control", "scope ok · secrets ok · review ok"),
        ("publish", "control", f"Published on {job.branch}."),
    ]
    start = job.created_at
    return [
        AuditEvent(
            at=start + timedelta(seconds=4 * i),
            kind=kind,
            zone=zone,
            actor="pushpals" if zone == "control" else "bug_fixer",
            text=text,
            attributes={"tokens_in": 7800, "tokens_out": 470} if kind == "model_call" else {},
        )
        for i, (kind, zone, text) in enumerate(told)
    ]
