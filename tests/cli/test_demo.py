"""`pushpals demo`: the main job once, and an exit code that is true."""

from __future__ import annotations

import functools
import io
import os
import re
from pathlib import Path

import pytest

from pushpals.local.demo.run import Demo, copied_story, sample_story
from pushpals.local.demo.screen import Screen
from pushpals.local.model import Surroundings
from pushpals.loop.services import StateLock
from pushpals.server.settings import Settings
from tests.cli.terminal import Ran, pushpals
from tests.stories.scripted import ScriptedModel
from tests.stories.town import FILES, FIX

SAMPLE_FIX = '''```python
def normalize_name(name):
    """Return the form under which a name is kept and looked up.

    Letters, digits, dots, dashes and underscores stay; everything else is dropped.
    """
    text = unicodedata.normalize("NFKC", name).strip().lower()
    return re.sub(r"[^\\w.-]", "", text)
```
'''
REQUESTS = re.compile(r"(\d+) GitHub requests, after (\d+) at the start")


def repository(folder: Path, files: dict[str, str]) -> Path:
    """Write files into a folder, which need not be a git repository."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


async def demo(*arguments: str, home: Path, model: ScriptedModel) -> Ran:
    """Run the demo with a scripted model."""
    return await pushpals("demo", *arguments, "--model-url", model.url, "--model", "scripted", home=home)


async def test_the_sample_becomes_a_proven_pull_request(tmp_path: Path, model: ScriptedModel) -> None:
    model.replies = [SAMPLE_FIX]
    ran = await demo(home=tmp_path, model=model)
    assert (ran.code, ran.err) == (0, ""), ran.out
    head, _, tail = ran.out.partition("labelled agent:ready\n")
    assert head.startswith("PushPals demo · everything on this machine, nothing leaves it\n")
    for row in (
        "model     scripted at http://127.0.0.1",
        "forge     http://127.0.0.1",
        "sandbox   bubblewrap",
    ):
        assert row in head
    assert re.search(r"^  work      turn 1 ", tail, re.MULTILINE)
    assert re.search(r"^Pull request #2  http://127\S+/pull/2   check run: success$", tail, re.MULTILINE)
    assert '+    return re.sub(r"[^\\w.-]", "", text)' in tail
    assert "checked   python -m unittest on a fresh clone of the head: " in tail
    assert "\nProven: open, passing, and its record verifies. " in tail
    cost = REQUESTS.search(tail)
    assert cost
    assert int(cost[1]) <= 12

    [record] = re.findall(r"pushpals (audit verify 1-1 --repo \S+)", tail)
    verified = await pushpals(*record.split(), home=tmp_path)
    assert verified.code == 0
    assert re.fullmatch(r"ok    1-1: \d+ commits, \d+ audit events, state published\n", verified.out)


async def test_a_repository_of_ones_own(tmp_path: Path, model: ScriptedModel) -> None:
    own = repository(tmp_path / "my-names", dict(FILES))
    issue = "Login fails for names with a dot\n\nI am `ada.lovelace` and cannot log in."
    arguments = ("--repo", str(own), "--issue", issue, "--check", "python3 -m unittest -v")
    ran = await demo(*arguments, home=tmp_path, model=model)
    assert ran.code == 0, ran.out + ran.err
    assert "/octo/my-names" in ran.out
    assert '#1 "Login fails for names with a dot" labelled agent:ready' in ran.out
    assert "checked   python3 -m unittest -v on a fresh clone of the head: 2 passed" in ran.out
    assert {path: (own / path).read_text() for path in FILES} == FILES  # the original is left as it was


async def test_thin_evidence_is_no_proof(tmp_path: Path, model: ScriptedModel) -> None:
    files = {path: text for path, text in FILES.items() if not path.startswith("tests/")}
    own = repository(tmp_path / "names", files)
    issue = "normalize_name loses dots\n\n`normalize_name` drops dots from names."
    ran = await demo("--repo", str(own), "--issue", issue, home=tmp_path, model=model)
    assert ran.code == 3, ran.out + ran.err
    assert "check run: neutral" in ran.out
    assert "not so    the repository has no checks" in ran.out
    assert "Proven" not in ran.out


async def test_no_pull_request_is_said_with_the_reason(tmp_path: Path, model: ScriptedModel) -> None:
    model.replies = [FIX.replace(' or c == "."', "")]
    own = repository(tmp_path / "names", dict(FILES))
    ran = await demo("--repo", str(own), "--issue", "Dots\n\nare lost", home=tmp_path, model=model)
    assert ran.code == 1, ran.out + ran.err
    assert "No pull request. The issue says, at http://127.0.0.1" in ran.out
    assert "/pushpals retry" in ran.out.partition("No pull request.")[2]


async def test_a_recording_is_played_back_without_a_model(
    tmp_path: Path, model: ScriptedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.replies = [SAMPLE_FIX]
    recording = tmp_path / "recording.jsonl"
    assert (await demo("--record", str(recording), home=tmp_path, model=model)).code == 0
    asked = len(model.asked)

    for name in [name for name in os.environ if name.startswith(("PUSHPALS_", "OPENAI_"))]:
        monkeypatch.delenv(name)
    played = functools.partial(Surroundings, recording=recording)
    monkeypatch.setattr("pushpals.server.wiring.Surroundings", played)
    out, folder = io.StringIO(), tmp_path / "replay"
    settings = Settings(state=tmp_path / "replay-state", model="replay", sandbox="bubblewrap")
    code = await Demo(settings, folder, Screen(out)).run(sample_story(folder / "sample"))
    assert code == 0, out.getvalue()
    assert "replay of scripted: recorded answers, no model runs" in out.getvalue()
    assert len(model.asked) == asked


@pytest.mark.thorough
async def test_the_demo_starts_anew_each_time(tmp_path: Path, model: ScriptedModel) -> None:
    model.replies = [SAMPLE_FIX]
    leftover = tmp_path / "state" / "demo" / "run" / "leftover"
    leftover.mkdir(parents=True)
    assert (await demo(home=tmp_path, model=model)).code == 0
    assert not leftover.exists()


async def test_a_second_demo_leaves_the_first_ones_folder_alone(tmp_path: Path, model: ScriptedModel) -> None:
    theirs = tmp_path / "state" / "demo" / "run" / "theirs"
    theirs.mkdir(parents=True)
    first = StateLock.take(tmp_path / "state" / "demo")
    ran = await demo(home=tmp_path, model=model)
    first.release()
    assert ran.code == 1
    assert "is in use by another PushPals process. Stop that one, or set PUSHPALS_STATE." in ran.err
    assert theirs.exists()


@pytest.mark.parametrize(
    ("folder", "name"), [("my project", "my-project"), ("..odd", "odd"), ("x" * 200, "x" * 200), ("été", "t")]
)
def test_a_copy_has_a_name_that_github_would_give_it(tmp_path: Path, folder: str, name: str) -> None:
    (tmp_path / folder).mkdir()
    story = copied_story(tmp_path / folder, "It fails\n\nAlways.", None)
    assert (story.name, story.title, story.body) == (name[:100], "It fails", "Always.")
