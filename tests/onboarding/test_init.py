"""`pushpals init`: one pull request that brings PushPals to a repository, and a first issue after it."""

from __future__ import annotations

import pytest

from pushpals.local.forge.app_entities import App
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import RepoPolicy
from pushpals.server.needs import APP_EVENTS, APP_PERMISSIONS
from pushpals.server.onboard import Source
from tests.onboarding.home import Home
from tests.stories.scripted import ScriptedModel
from tests.stories.town import FIX, LABEL, TITLE

POLICY, FORM = ".github/pushpals.yml", ".github/ISSUE_TEMPLATE/pushpals.yml"
HOSTILE = 'Break `it` <img src=x> @ada | "quotes" \u202e [x](http://evil.example)'


async def installed(home: Home) -> App:
    """Set the App up, as `pushpals setup` leaves it."""
    app, key = await home.forge.register_app(
        "pushpals", "PushPals", owner="octo", permissions=APP_PERMISSIONS, events=APP_EVENTS,
        webhook_url="http://127.0.0.1:9/nobody",
    )  # fmt: skip
    home.forge.install(app, [home.repo])
    home.config.mkdir(parents=True, mode=0o700)
    file = home.config / f"app-{app.id}.pem"
    file.touch(mode=0o600)
    file.write_text(key)
    settings = {
        "GITHUB_URL": home.forge.url, "APP_ID": app.id, "PRIVATE_KEY_FILE": file, "POLL": "true",
    }  # fmt: skip
    lines = (f"PUSHPALS_{name}={value}\n" for name, value in settings.items())
    (home.config / "env").write_text("".join(lines))
    return app


async def init(home: Home, *options: str, repo: str = "octo/names") -> tuple[int, str]:
    async with home.pushpals("init", repo, *options) as command:
        return await command.end()


async def file_at(home: Home, branch: str, path: str) -> str | None:
    if await home.forge.git.resolve(home.repo, f"{branch}:{path}") is None:
        return None
    return await home.forge.git.run(home.repo, "show", f"{branch}:{path}")


async def test_one_pull_request_and_then_the_first_issue(home: Home) -> None:
    forge = home.forge
    await installed(home)
    forge.create_issue(home.repo, "ada", "Say hello in the greeting")
    by_form = "### Goal\n\nShorter names\n\n### Risk\n\nmedium\n"
    forge.create_issue(home.repo, "ada", "Shorten all names", by_form)
    forge.create_issue(home.repo, "ada", HOSTILE)
    code, said = await init(home)
    assert code == 0, said

    [pull] = forge.store.pulls.values()
    assert f"Read it and merge it: {forge.url}/octo/names/pull/{pull.number}\n" in said
    assert (pull.title, pull.head_ref, pull.author) == (
        "Bring in PushPals",
        "pushpals/onboarding",
        "pushpals[bot]",
    )
    policy = parse_policy(await file_at(home, pull.head_ref, POLICY))
    assert isinstance(policy, RepoPolicy)
    assert [check.run for check in policy.checks] == ["python -m unittest"]
    assert await file_at(home, pull.head_ref, FORM)
    label = forge.store.label(home.repo.id, LABEL)
    assert label
    rows = [line for line in pull.body.splitlines() if line.startswith("| #")]
    assert [row.split(" ")[1] for row in rows] == ["#3", "#2", "#1"]
    assert "work would begin at once" in rows[2]
    assert "`python -m unittest`" in rows[2]
    assert "wait" in rows[1]
    assert "<img" not in rows[0]
    assert "evil.example)" not in rows[0]
    assert "\u202e" not in pull.body
    assert "@ada" not in pull.body.replace("@\u200bada", "").replace("`@ada`", "")
    assert "To undo: revert this pull request" in pull.body

    again, said = await init(home)
    assert (again, len(forge.store.pulls)) == (0, 1)
    assert f"/pull/{pull.number}" in said

    await forge.merge(pull, "octo")
    code, said = await init(home)
    assert (code, "octo/names has all of it already." in said) == (0, True), said

    model = await ScriptedModel([FIX]).start()
    issue = forge.create_issue(home.repo, "ada", TITLE, "Names with a dot are cut.")
    given = {"MODEL_URL": model.url, "MODEL": "scripted", "PORT": "0", "POLL_QUICK_SECONDS": "0.5"}
    async with home.pushpals("serve", **given) as serve:
        await serve.line("PushPals reads the deliveries at")
        forge.add_label(issue, "ada", LABEL)
        first = await forge.until(
            lambda: next((p for p in forge.store.pulls.values() if p.number > issue.number), None),
            timeout=60.0,
        )
    assert first
    assert first.head_ref.startswith("agent/")
    await model.close()


async def test_a_dry_run_writes_nothing(home: Home) -> None:
    await installed(home)
    home.forge.create_issue(home.repo, "ada", "Say hello in the greeting")
    code, said = await init(home, "--dry-run")
    assert (code, "Nothing was written." in said) == (0, True), said
    assert "#1 Say hello in the greeting\n    work would begin at once\n" in said
    assert '- "python -m unittest" # `tests/test_names.py` is written for unittest' in said
    assert not home.forge.store.pulls
    assert home.forge.store.label(home.repo.id, LABEL) is None


async def test_what_is_there_stays(home: Home) -> None:
    await installed(home)
    mine = "version: 1\ntrigger:\n  label: pals\nchecks: [make test]\n"
    await home.forge.push(home.repo, "octo", {POLICY: mine})
    code, said = await init(home, "--actions", f"octo/pushpals@{'a' * 40}")
    assert code == 0, said
    [pull] = home.forge.store.pulls.values()
    assert await file_at(home, pull.head_ref, POLICY) == mine
    assert home.forge.store.label(home.repo.id, "pals")
    assert (
        f"{home.forge.url}/octo/names/new/pushpals/onboarding?filename=.github%2Fworkflows%2Fpushpals.yml"
        in pull.body
    )
    assert f"octo%2Fpushpals%2F.github%2Fworkflows%2Fagent.yml%40{'a' * 40}" in pull.body


async def test_people_who_said_no_are_heard(home: Home) -> None:
    await installed(home)
    assert (await init(home))[0] == 0
    [pull] = home.forge.store.pulls.values()
    home.forge.close_issue(pull, "octo")
    code, said = await init(home)
    assert (code, "was closed without merging, so no other is opened" in said) == (1, True), said
    assert len(home.forge.store.pulls) == 1


@pytest.mark.parametrize(
    ("files", "repo", "why"),
    [
        ({POLICY: "version: 1\ncheks: []\n"}, "octo/names", f"{POLICY} is there and cannot be read: line 2"),
        ({}, "octo/elsewhere", "The App is not installed on octo/elsewhere."),
        ({}, "nonsense", "'nonsense' is not OWNER/REPO"),
    ],
)
async def test_what_stands_in_the_way_is_told(home: Home, files: dict[str, str], repo: str, why: str) -> None:
    await installed(home)
    if files:
        await home.forge.push(home.repo, "octo", files)
    code, said = await init(home, repo=repo)
    assert (code != 0, why in said) == (True, True), said
    assert not home.forge.store.pulls


def test_a_branch_is_no_place_for_a_workflow_to_point_at() -> None:
    with pytest.raises(ValueError, match="with all 40 characters of the commit"):
        Source.parse("octo/pushpals@main")
