"""Commands that look at what was done, and tidy up. As in `cli`, rooms are imported when a command runs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pushpals.model import RepoRef
    from pushpals.server.onboard import Source
    from pushpals.server.settings import Settings


@dataclass(frozen=True)
class Terminal:
    """What a command needs of the command line it is part of."""

    settings: Callable[..., Settings]
    run: Callable[[Coroutine[Any, Any, int]], int]
    """Runs to the end; errors made for people are shown as such."""
    progress: Callable[[], Callable[[int, int], None]]
    """Makes a progress bar for a download."""


def _repository(_context: click.Context, _parameter: click.Parameter, value: str | None) -> RepoRef | None:
    from pushpals.model import RepoRef  # noqa: PLC0415 - start-up time

    try:
        return RepoRef.parse(value) if value else None
    except ValueError:
        raise click.BadParameter(f"{value!r} is not OWNER/REPO, such as octo/names.") from None


def _repositories(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[RepoRef, ...]:
    found = (_repository(context, parameter, each) for each in value)
    return tuple(each for each in found if each is not None)


as_json = click.option("--json", "as_json", is_flag=True, help="For machines.")


@click.command(short_help="Say what runs, waits and failed.")
@click.argument("repository", metavar="[OWNER/REPO]", required=False, callback=_repository)
@as_json
@click.pass_obj
def status(terminal: Terminal, repository: RepoRef | None, *, as_json: bool) -> None:
    """Say what runs, waits and failed, in one repository or in all of the App's.

    It reads the ledger, so it works without a server too. With --json, one object a line for each job.
    """
    from pushpals.server import looking  # noqa: PLC0415 - start-up time

    sys.exit(terminal.run(looking.status(terminal.settings(), repository, click.echo, as_json=as_json)))


@click.command(short_help="Say how quick, how good and how dear the work was.")
@click.argument("repository", metavar="OWNER/REPO", callback=_repository)
@click.option("--since", default="30d", show_default=True, help="Days, such as 90d, or a date.")
@as_json
@click.pass_obj
def metrics(terminal: Terminal, repository: RepoRef, since: str, *, as_json: bool) -> None:
    """Say how quick, how good and how dear the work on a repository was.

    From the ledger, and what became of the pull requests.
    """
    from pushpals.server import looking  # noqa: PLC0415 - start-up time

    try:
        begin = looking.since_of(since, datetime.now(UTC))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from None
    work = looking.metrics(terminal.settings(), repository, begin, click.echo, as_json=as_json)
    sys.exit(terminal.run(work))


@click.command(short_help="Tidy up branches, mirrors and records nobody needs.")
@click.argument("repository", metavar="[OWNER/REPO]", required=False, callback=_repository)
@click.option("--yes", is_flag=True, help="Delete what is listed. Without it nothing is deleted.")
@click.option(
    "--days",
    type=click.IntRange(min=0),
    default=30,
    show_default=True,
    help="Age of branches of work that ended without a merge. Merged ones go at once.",
)
@click.option(
    "--records-days",
    type=click.IntRange(min=1),
    help="Also delete records of closed issues that have not changed for so long. They are the audit trail.",
)
@click.pass_obj
def gc(
    terminal: Terminal, repository: RepoRef | None, *, yes: bool, days: int, records_days: int | None
) -> None:
    """List what nobody needs any more; delete it with --yes.

    Branches of ended work from which no pull request is open, exactly as PushPals left them; mirrors of
    repositories that are gone, and leftover workspaces; records only with --records-days.
    """
    from pushpals.server import tidy  # noqa: PLC0415 - start-up time

    records = timedelta(days=records_days) if records_days is not None else None
    old = tidy.Old(timedelta(days=days), records)
    sys.exit(terminal.run(tidy.gc(terminal.settings(), repository, old, click.echo, really=yes)))


@click.command(short_help="Make the GitHub App, keep its key, look at everything.")
@click.option("--org", metavar="NAME", help="Make it for this organisation instead of for you.")
@click.option("--github-url", help="A GitHub Enterprise Server, such as https://github.example.com.")
@click.option("--webhook-url", help="Where GitHub can reach this machine. Without it no address is needed.")
@click.option("--name", help="Name of the App; it can be changed on the page.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8767,
    show_default=True,
    help="Port of the page; 0: any free one.",
)
@click.option("--no-model", is_flag=True, help="Do not ask the model for an answer at the end.")
@click.pass_obj
def setup(terminal: Terminal, /, **given: Any) -> None:
    """Make the GitHub App in the browser, keep its key on this machine, and look at everything.

    What it finds done already it does not do again. Exit code 0: all is well. 1: something is not.
    """
    from pushpals.server.setup import Wanted, set_up  # noqa: PLC0415 - start-up time

    ask_model = not given.pop("no_model")
    github_url = given.pop("github_url")
    try:
        settings = terminal.settings(github_url=github_url)
        wanted = Wanted(github_url=settings.github_url, **given)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--webhook-url") from None
    work = set_up(wanted, terminal.settings, click.echo, terminal.progress(), ask_model=ask_model)
    sys.exit(terminal.run(work))


def _source(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Source | None:
    from pushpals.server.onboard import Source  # noqa: PLC0415 - start-up time

    try:
        return Source.parse(value) if value else None
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


@click.command(short_help="Bring PushPals to a repository, with one pull request.")
@click.argument("repository", metavar="OWNER/REPO", callback=_repository)
@click.option("--dry-run", is_flag=True, help="Only show it, and what would have become of the last issues.")
@click.option("--label", default="agent:ready", show_default=True, help="The label that starts work.")
@click.option(
    "--actions",
    "source",
    metavar="OWNER/REPO@COMMIT",
    callback=_source,
    help="Offer the workflow for GitHub Actions too; where PushPals lives.",
)
@click.pass_obj
def init(
    terminal: Terminal, /, repository: RepoRef, *, dry_run: bool, label: str, source: Source | None
) -> None:
    """Open one pull request with a policy file made for the repository, an issue form and the label.

    It tells what would have become of the last ten issues. Run twice, it opens no second one.
    """
    from pushpals.server.onboard import initialise  # noqa: PLC0415 - start-up time

    work = initialise(terminal.settings(), repository, label, source, click.echo, really=not dry_run)
    sys.exit(terminal.run(work))


@click.command(short_help="Work on queued jobs, with a server elsewhere.")
@click.option(
    "--repo",
    "repositories",
    metavar="OWNER/REPO",
    multiple=True,
    callback=_repositories,
    help="Look at this repository; several times for several. All of the App's unless given.",
)
@click.option("--once", is_flag=True, help="End when nothing waits any more.")
@click.option("--model", help="Model to ask for.")
@click.option("--model-url", help="Base address of an OpenAI-compatible endpoint.")
@click.pass_obj
def worker(
    terminal: Terminal,
    /,
    repositories: tuple[RepoRef, ...],
    *,
    once: bool,
    model: str | None,
    model_url: str | None,
) -> None:
    """Work on the jobs of repositories whose policy says `dispatch: worker`.

    It claims a job, works, and proposes what came of it; the server that queued it judges and publishes that.
    Start as many as you like, on any machines. SIGTERM lets jobs under way end (PUSHPALS_DRAIN_SECONDS).
    """
    from pushpals.server.worker import run_worker  # noqa: PLC0415 - start-up time

    settings = terminal.settings(model=model, model_url=model_url)
    work = run_worker(settings, repositories, click.echo, terminal.progress(), once=once)
    sys.exit(terminal.run(work))


@click.command(short_help="Tell a job's life from its record, offline.")
@click.argument("job")
@click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="A git repository that holds refs/pushpals/*; the one here unless given.",
)
@click.option("--full", is_flag=True, help="All that is on record of each event: answers, outputs, diffs.")
@as_json
@click.pass_obj
def timeline(terminal: Terminal, job: str, repo: Path, *, full: bool, as_json: bool) -> None:
    """Tell a job's life from its record, offline, such as 42-1.

    First fetch it: git fetch origin '+refs/pushpals/*:refs/pushpals/*'

    Exit code 0: and all of the record holds. 1: it does not, or there is none.
    """
    if not re.fullmatch(r"[0-9]+-[0-9]+", job):
        raise click.UsageError(f"{job!r} is not the name of a job, such as 42-1.")
    from pushpals.server.replay import replay  # noqa: PLC0415 - start-up time

    sys.exit(terminal.run(replay(repo, job, click.echo, full=full, as_json=as_json)))
