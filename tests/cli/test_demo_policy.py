"""`pushpals demo --repo` under the repository's own policy: it is obeyed, and the demo always ends."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from pushpals.local.demo.policy import role_to_start, with_check
from pushpals.local.demo.run import Demo, copied_story
from pushpals.local.demo.screen import Screen
from pushpals.local.demo.world import World
from pushpals.policy.parse import parse_policy
from pushpals.policy.repo_policy import Access, RepoPolicy
from pushpals.server.settings import Settings, SettingsError
from tests.cli.terminal import Ran, pushpals
from tests.stories.scripted import ScriptedModel
from tests.stories.town import FILES

ISSUE = "Login fails for names with a dot\n\nI am `ada.lovelace` and cannot log in."


def own(folder: Path, policy: str) -> Path:
    """Write a repository of a person's own, with a policy."""
    for path, text in {**FILES, ".github/pushpals.yml": policy}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


async def demo(home: Path, model: ScriptedModel, policy: str, *more: str) -> Ran:
    """Run the demo on a repository with this policy."""
    repo = own(home / "names", policy)
    chosen = ("--model-url", model.url, "--model", "scripted")
    return await pushpals(
        "demo", "--repo", str(repo), "--issue", ISSUE, *more, *chosen, home=home, RETRY_FACTOR="0"
    )


@pytest.mark.parametrize("roles", ["[admin]", pytest.param("[release team]", marks=pytest.mark.thorough)])
async def test_label_and_role_are_the_policys(tmp_path: Path, model: ScriptedModel, roles: str) -> None:
    ran = await demo(tmp_path, model, f"trigger:\n  label: please\naccess:\n  roles: {roles}\n")
    assert ran.code == 0, ran.out + ran.err
    assert '#1 "Login fails for names with a dot" labelled please' in ran.out
    assert "Proven" in ran.out


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("version: 1\ncheks: []\n", "Nothing was started: `.github/pushpals.yml` is not valid (line 2: "),
        ("access:\n  roles: []\n", "a role that this repository's policy gives to nobody"),
    ],
)
async def test_a_refusal_ends_it_with_what_was_said(
    tmp_path: Path, model: ScriptedModel, policy: str, said: str
) -> None:
    ran = await demo(tmp_path, model, policy)
    assert ran.code == 1, ran.out + ran.err
    assert said in ran.out.partition("No pull request. The issue says, at http://127.0.0.1")[2]
    assert model.asked == []


async def test_a_check_leaves_the_rest_of_the_policy_in_force(tmp_path: Path, model: ScriptedModel) -> None:
    policy = 'limits:\n  lines: 1  # hands off\nchecks: ["false"]\n'
    ran = await demo(tmp_path, model, policy, "--check", "python3 -m unittest -v")
    assert ran.code == 1, ran.out + ran.err
    assert "python3 -m unittest -v" in ran.out
    assert "limits.lines" in ran.out.partition("No pull request.")[2]
    assert (tmp_path / "names/.github/pushpals.yml").read_text() == policy


async def test_a_check_is_not_added_to_a_policy_that_cannot_be_read(
    tmp_path: Path, model: ScriptedModel
) -> None:
    ran = await demo(tmp_path, model, "version: 1\ncheks: []\n", "--check", "python3 -m unittest")
    assert ran.code == 1
    assert "--check cannot be added to .github/pushpals.yml, which is not valid (line 2, " in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "# nothing yet\n",
        "checks:\n  - run: make test\n    timeout_minutes: 3\n",
        "budget:\n  usd: .inf\n",
        'trigger:\n  label: "yes"\naccess:\n  roles: ["admin", "release team"]\n',
        'scope:\n  write: ["src/é/**", "a b: c"]\n  unprotect: [.gitattributes]\nlimits:\n  files: 3\n',
        "checks:\n",
    ],
)
@pytest.mark.parametrize("command", ["pytest -q", "python -c 'print(\"a: b\")' # c", "yes", "x" * 500])
def test_a_check_changes_the_checks_alone(text: str | None, command: str) -> None:
    before, after = parse_policy(text), parse_policy(with_check(text, command))
    assert isinstance(before, RepoPolicy)
    assert isinstance(after, RepoPolicy)
    assert [check.run for check in after.checks] == [command]
    assert after.model_dump(exclude={"checks"}) == before.model_dump(exclude={"checks"})


@pytest.mark.parametrize("command", ["", " pytest", "make\nmake test", "x" * 2000])
def test_what_cannot_be_a_check_is_told(command: str) -> None:
    with pytest.raises(SettingsError, match="Give one command line"):
        with_check(None, command)


def test_a_role_that_may_start_work() -> None:
    for roles, role in (
        (("write",), ("maintain", None)),
        (("admin",), ("admin", None)),
        (("release team",), ("release team", "write")),
        (("release team", "admin"), ("admin", None)),
        ((), ("maintain", None)),
    ):
        assert role_to_start(RepoPolicy(access=Access(roles=roles))) == role


async def in_process(tmp_path: Path, model: ScriptedModel) -> tuple[Demo, io.StringIO]:
    settings = Settings(state=tmp_path / "state", model_url=model.url, model="scripted", sandbox="bubblewrap")
    out = io.StringIO()
    return Demo(settings, tmp_path / "demo", Screen(out)), out


async def test_it_does_not_wait_for_ever(
    tmp_path: Path, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(World, "patience", 0.0)
    model.silent = True
    told, out = await in_process(tmp_path, model)
    code = await told.run(copied_story(own(tmp_path / "names", ""), ISSUE, None))
    assert code == 1
    assert "Nothing came of it within 0 minutes. Look at http://127.0.0.1" in out.getvalue()


async def test_it_ends_with_its_server(
    tmp_path: Path, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_self: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("pushpals.loop.reconcile.Reconciler.run", broken)
    told, _ = await in_process(tmp_path, model)
    with pytest.raises(ZeroDivisionError):
        await told.run(copied_story(own(tmp_path / "names", ""), ISSUE, None))
