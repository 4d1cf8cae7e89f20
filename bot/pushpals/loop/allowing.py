"""Let a command run in a job, and propose it for the repository's list: a person merges that, or does not."""

from __future__ import annotations

import difflib
import hashlib
import logging
from typing import TYPE_CHECKING

from pushpals.audit.prose import waits
from pushpals.git import Identity, LeaseLost, PushRefused, RefUpdate
from pushpals.github import AddComment, CreatePullRequest, WriteFailed
from pushpals.loop import steps
from pushpals.loop.hands import entry_of
from pushpals.loop.rounds import resume
from pushpals.model import FileChange, JobState, Patch
from pushpals.policy.amend import with_command
from pushpals.policy.repo_policy import POLICY_PATH

if TYPE_CHECKING:
    from pushpals.loop.hands import Hands
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import JobRecord, Person, Sha

log = logging.getLogger(__name__)


async def allow_always(step: steps.AllowAlways, s: Snapshot, hands: Hands) -> Snapshot:
    """Open the pull request that lists the command, then let the job go on as `resume` does."""
    job = entry_of(s, step.job).record
    if job.knows(step.cause) or job.state is not JobState.WAITING or not job.asks:
        return s
    await _propose(job, job.asks, step.by, s, hands)
    return await resume(steps.Resume(job.id, step.cause, step.by, allowed=(job.asks,)), s, hands)


async def _propose(job: JobRecord, command: str, by: Person, s: Snapshot, hands: Hands) -> None:
    """Open the pull request. Its branch names the command, so that one made twice is the same one."""
    mirror, base = hands.repo.mirror, s.ledger.base
    before = await mirror.read(base, POLICY_PATH)
    text = (before or b"").decode(errors="replace")
    amended = with_command(text, command)
    if amended == text:
        return
    if amended is None:
        await hands.repo.client.write(AddComment(s.view.id, waits.allow_by_hand(command)), urgent=True)
        return
    tree = await mirror.apply(_patch(base, before, amended))
    viewer = s.view.viewer
    author = Identity(viewer.login, f"{viewer.id}+{viewer.login}@users.noreply.github.com")
    title, when = waits.allow_title(command), job.updated_at
    commit = await mirror.commit(tree, [base], f"{title}\n", author=author, when=when)
    branch = f"pushpals/allow/{hashlib.sha256(command.encode()).hexdigest()[:12]}"
    try:
        await mirror.push([RefUpdate(f"refs/heads/{branch}", None, commit)])
    except LeaseLost:
        log.info("%s: %s was proposed before; GitHub knows the pull request", s.ref, branch)
    except PushRefused as refused:
        log.warning("%s: %s could not be pushed: %s", s.ref, branch, refused.reason)
        await hands.repo.client.write(AddComment(s.view.id, waits.allow_by_hand(command)), urgent=True)
        return
    opened = CreatePullRequest(
        repository_id=s.view.repository.id,
        base=await hands.repo.default_branch(),
        head=branch,
        title=title,
        body=waits.allow_body(job, command, by.login),
        draft=False,
    )
    failed = [result for result in await hands.repo.client.write(opened) if isinstance(result, WriteFailed)]
    if failed and failed[0].kind != "already_exists":
        raise failed[0]


def _patch(base: Sha, before: bytes | None, amended: str) -> Patch:
    """Return the change of the policy file, made or amended."""
    text = (before or b"").decode(errors="replace")
    new, old = before is None, "/dev/null" if before is None else f"a/{POLICY_PATH}"
    parts = difflib.unified_diff(
        text.splitlines(keepends=True), amended.splitlines(keepends=True), old, f"b/{POLICY_PATH}"
    )
    lines = [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in parts]
    made = "new file mode 100644\n" if new else ""
    diff = f"diff --git a/{POLICY_PATH} b/{POLICY_PATH}\n{made}{''.join(lines)}"
    change = FileChange(
        path=POLICY_PATH,
        status="added" if new else "modified",
        added=sum(line.startswith("+") for line in lines[2:]),
        removed=sum(line.startswith("-") for line in lines[2:]),
        mode="100644",
    )
    return Patch(base=base, diff=diff.encode(), files=(change,))
