"""`dispatch: actions`: a server plans, and asks for a run of the repository's workflow that does the work."""

from __future__ import annotations

import pytest

from pushpals.model import JobState
from tests.action.hosted import Actions
from tests.stories.conftest import Builder
from tests.stories.town import FILES, Town

POLICY = "version: 1\ndispatch: actions\n"


def as_the_app(town: Town) -> Actions:
    """Return a workflow that waits for nothing but the server, and writes as its App."""
    key = town.settings.private_key
    assert key
    actions = Actions(
        town,
        inputs={"app-id": str(town.app.id)},
        secrets={"app-private-key": key.get_secret_value()},
    )
    actions.triggers = {"repository_dispatch": actions.triggers["repository_dispatch"]}
    return actions


@pytest.mark.thorough
async def test_a_run_takes_what_the_server_queued(new_town: Builder) -> None:
    town = await new_town(files={**FILES, ".github/pushpals.yml": POLICY})
    actions, issue = as_the_app(town), town.issue()

    def live() -> str:
        return next((run.summary or "" for run in town.checks() if run.name == "PushPals / 1-1"), "")

    async with town.server() as server:
        town.label(issue)
        await town.until(lambda: "for a workflow run (`dispatch: actions`), asked for at" in live())
        assert not town.model.asked
        shown: list[str] = []

        async def before(job: str, _artifacts: object) -> None:
            if job == "agent":
                await server.engine.elsewhere.look()
                await town.until(lambda: "Held by" in live())
                shown.append(live())

        actions.before = before
        [run] = await actions.pump()
        assert set(run.results.values()) == {"success"}, run.log()
        await town.concluded(issue)

    assert "Held by `workflow run 7001` since" in shown[0]
    [pull] = town.pulls()
    assert pull.author == "pushpals[bot]"
    assert len(town.comments(issue)) == 1
    assert [check.conclusion for check in town.checks()] == ["success", "success"]
    [job] = await town.jobs(issue)
    assert (job.state, job.attempt, len(job.runs_asked)) == (JobState.PUBLISHED, 1, 1)
