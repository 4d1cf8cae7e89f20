"""`pushpals`, the command line. Rooms are imported when their command runs, so that `--help` is instant."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pushpals import __version__
from pushpals.server import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from pushpals.server.settings import Settings

EXIT_INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="pushpals")
@click.pass_context
def main(context: click.Context) -> None:
    """A software team that lives in a GitHub repository."""
    context.obj = commands.Terminal(_settings, _run, _progress)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a model."""
    command = click.option("--model", help="Model to ask for; `replay` plays the shipped recording.")(command)
    return click.option("--model-url", help="Base address of an OpenAI-compatible endpoint.")(command)


@main.command(short_help="Label an issue, get a pull request, all on this machine.")
@click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Work on a copy of this git repository.",
)
@click.option("--issue", help="The issue's title, and its text from the second line on. Needed with --repo.")
@click.option("--check", help="Command that must pass, such as 'pytest -q'. Detected if not given.")
@click.option("--serve", is_flag=True, help="Keep everything running afterwards, with the web pages.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=0, help="Port of the local forge; any free one if 0."
)
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path), hidden=True)
@model_options
def demo(
    *,
    repo: Path | None,
    issue: str | None,
    check: str | None,
    serve: bool,
    port: int,
    record: Path | None,
    **model: str | None,
) -> None:
    """Label an issue, get a pull request: the main job once, all on this machine.

    Exit code 0: a pull request is open, its checks pass, its record verifies.
    3: one is open, but the evidence is thin. 1: none is.
    """
    from pushpals.local.demo.run import Demo, copied_story, sample_story  # noqa: PLC0415 - start-up time
    from pushpals.local.demo.screen import Screen  # noqa: PLC0415 - start-up time
    from pushpals.loop.services import StateLock  # noqa: PLC0415 - start-up time
    from pushpals.sandbox import remove_tree  # noqa: PLC0415 - start-up time

    if repo is None and (issue or check):
        raise click.UsageError("--issue and --check go with --repo. Add --repo PATH, or leave them out.")
    if repo is not None and not (issue or "").strip():
        raise click.UsageError("--repo needs --issue TEXT: what should be different, in a user's words.")
    settings = _settings(**model)
    home = settings.state / "demo"

    async def run() -> int:
        lock = StateLock.take(home)  # another demo may be running: its folder is not taken away under it
        try:
            await remove_tree(home / "run")
            (home / "run").mkdir(mode=0o700)
            if repo is None:
                story = sample_story(home / "run" / "sample")
            else:
                story = copied_story(repo, str(issue), check)
            demo = Demo(settings, home / "run", Screen(sys.stdout), port=port, record=record)
            return await demo.run(story, serve=serve)
        finally:
            lock.release()

    sys.exit(_run(run()))


def _settings(**given: object) -> Settings:
    """Return the settings: options of the command line, then the environment, then what `setup` wrote."""
    from pydantic import ValidationError  # noqa: PLC0415 - start-up time

    from pushpals.server.settings import Settings, config_folder  # noqa: PLC0415 - start-up time

    known = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(_env_file=config_folder() / "env", **known)  # type: ignore[arg-type]
    except ValidationError as error:
        rows = [
            f"PUSHPALS_{'_'.join(map(str, e['loc'])).upper()}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        ]
        raise click.ClickException("A setting is not valid.\n" + "\n".join(rows)) from None


def _run(work: Coroutine[Any, Any, int]) -> int:
    """Run to the end; errors made for people are shown as such, everything else as a defect."""
    import asyncio  # noqa: PLC0415 - start-up time

    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except _made_for_people() as error:
        raise click.ClickException(str(error)) from None


def _made_for_people() -> tuple[type[Exception], ...]:
    """Return the errors whose message tells a person what to do; asked for only when there is one."""
    from pushpals.git import GitError  # noqa: PLC0415 - start-up time
    from pushpals.github import GitHubError  # noqa: PLC0415 - start-up time
    from pushpals.ledger import LedgerError  # noqa: PLC0415 - start-up time
    from pushpals.llm import ModelError  # noqa: PLC0415 - start-up time
    from pushpals.loop.services import StateBusy  # noqa: PLC0415 - start-up time
    from pushpals.sandbox import SandboxUnavailable, UnsafeExtraPath  # noqa: PLC0415 - start-up time
    from pushpals.server.settings import SettingsError  # noqa: PLC0415 - start-up time

    return (
        GitError,
        GitHubError,
        LedgerError,
        ModelError,
        SandboxUnavailable,
        SettingsError,
        StateBusy,
        UnsafeExtraPath,
        OSError,
    )


@main.command(short_help="Serve a GitHub App, with or without a public address.")
@click.option("--host", help="Address to listen on; loopback unless told otherwise.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Port to listen on (8765).")
@click.option(
    "--poll", is_flag=True, default=None, help="Read the App's log of deliveries: no address is needed."
)
@model_options
def serve(**given: Any) -> None:
    """Serve a GitHub App: the team at work for every repository it is installed on."""
    from pushpals.server.serve import serve as run  # noqa: PLC0415 - start-up time

    sys.exit(_run(run(_settings(**given), click.echo, _progress())))


@main.command("run", short_help="Do what is owed to one labelled issue, here and now.")
@click.argument("issue", metavar="OWNER/REPO#NUMBER")
@model_options
def run_command(issue: str, **given: Any) -> None:
    """Do what is owed to one labelled issue, here and now, and show it turn by turn.

    Exit code 0: a pull request is open, or somebody else is at work on it. 1: neither.
    """
    from pushpals.local.demo.screen import Screen  # noqa: PLC0415 - start-up time
    from pushpals.model import RepoRef, SubjectRef  # noqa: PLC0415 - start-up time
    from pushpals.server.once import run_once  # noqa: PLC0415 - start-up time

    name, _, number = issue.rpartition("#")
    try:
        ref = SubjectRef(repo=RepoRef.parse(name), number=int(number))
    except ValueError:
        raise click.UsageError(f"{issue!r} is not OWNER/REPO#NUMBER, such as octo/names#42.") from None
    screen = Screen(sys.stdout)
    sys.exit(_run(run_once(_settings(**given), ref, screen.say, screen.progress, screen.event)))


@main.command(short_help="Look at what the others need, and say what to do.")
@click.option("--no-model", is_flag=True, help="Do not ask the model for an answer.")
@model_options
def doctor(*, no_model: bool, **given: Any) -> None:
    """Look at everything the other commands need, and say what to do about what fails.

    Exit code 0: all is well. 1: something is not.
    """
    from pushpals.server.doctor import examine  # noqa: PLC0415 - start-up time

    async def run() -> int:
        well = True
        async for finding in examine(_settings(**given), _progress(), ask_model=not no_model):
            well &= finding.ok
            click.echo("\n".join(finding.lines()))
        return 0 if well else 1

    sys.exit(_run(run()))


@main.group()
def audit() -> None:
    """Look at the record of a job."""


audit.add_command(commands.timeline)
for command in (
    commands.setup,
    commands.init,
    commands.worker,
    commands.status,
    commands.metrics,
    commands.gc,
):
    main.add_command(command)


@audit.command()
@click.argument("job")
@click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="A git repository that holds refs/pushpals/*; the one here unless given.",
)
def verify(job: str, repo: Path) -> None:
    """Verify a job's record offline, such as 42-1.

    First fetch it: git fetch origin '+refs/pushpals/*:refs/pushpals/*'

    Exit code 0: all of it holds. 1: it does not, and each line says where.
    """
    if not re.fullmatch(r"[0-9]+-[0-9]+", job):
        raise click.UsageError(f"{job!r} is not the name of a job, such as 42-1.")
    from pushpals.git import Mirror  # noqa: PLC0415 - start-up time
    from pushpals.ledger.verify import verify_job  # noqa: PLC0415 - start-up time

    async def run() -> int:
        found = await verify_job(Mirror.of_clone(repo), job)
        for problem in found.problems:
            click.echo(f"FAIL  {problem}")
        if not found.problems:
            state = found.record.state if found.record else "unknown"
            click.echo(f"ok    {job}: {found.commits} commits, {found.events} audit events, state {state}")
        return 1 if found.problems else 0

    sys.exit(_run(run()))


def _progress() -> Callable[[int, int], None]:
    """Return a progress bar for the download of the embedded model, on standard error."""
    from pushpals.local.demo.screen import Screen  # noqa: PLC0415 - start-up time

    return Screen(sys.stderr).progress
