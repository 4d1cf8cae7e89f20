"""A recorded run can be played again without the model, and says so when it is not the same run."""

import json

import pytest

from pushpals.llm import GREEDY, Completion, Message, ModelError, RecordingModel, ReplayModel, ToolCall
from pushpals.llm.recording import digest_of


class Scripted:
    name = "scripted-7b"
    native_tools = False
    context_tokens = 8_192
    fills = True

    def __init__(self, *answers: Completion | ModelError) -> None:
        self.answers = list(answers)
        self.closed = False

    async def complete(self, messages, *, tools=(), sampling=GREEDY) -> Completion:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def fill(self, prefix, suffix, *, sampling=GREEDY):
        return await self.complete([])

    async def close(self):
        self.closed = True


def user(text: str) -> list[Message]:
    return [Message("user", text)]


@pytest.fixture
async def recording(tmp_path):
    path = tmp_path / "run.jsonl"
    call = ToolCall("1", "read", {"path": "a.py"})
    answers = [
        Completion("one", tokens_in=10, tokens_out=2, model="scripted-7b"),
        Completion("", (call,), "tool_calls", 20, 4, 10, model="scripted-7b"),
        Completion("three", model="scripted-7b"),
    ]
    model = RecordingModel(Scripted(*answers), path)
    await model.complete(user("first"))
    await model.complete(user("second, in 3.41 s"))
    await model.complete([*user("third"), Message("assistant", "ok"), *user("fourth")])
    return path


async def test_a_recorded_run_plays_back_as_it_was(recording):
    replay = ReplayModel(recording)
    assert (replay.name, replay.native_tools, replay.context_tokens) == (
        "replay of scripted-7b",
        False,
        8_192,
    )

    first = await replay.complete(user("first"))
    assert (first.text, first.tokens_in, first.tokens_out, first.usd) == ("one", 10, 2, 0.0)
    assert first.model == "replay of scripted-7b"
    second = await replay.complete(user("second, in 0.07 s"))
    assert second.tool_calls == (ToolCall("1", "read", {"path": "a.py"}),)
    assert (await replay.complete([*user("x"), Message("assistant", "y"), *user("z")])).text == "three"


async def test_a_run_taken_up_in_the_middle_finds_its_place(recording):
    replay = ReplayModel(recording)
    assert (await replay.complete(user("second, in 9 s"))).finish_reason == "tool_calls"


async def test_a_run_that_leaves_the_recording_is_told(recording):
    replay = ReplayModel(recording)
    with pytest.raises(ModelError, match="has left the recorded one") as caught:
        await replay.complete([*user("first"), Message("assistant", "no")])
    assert caught.value.cause == "refused"


async def test_a_recording_ends(recording):
    replay = ReplayModel(recording)
    for text in ("first", "second, in 1 s"):
        await replay.complete(user(text))
    with pytest.raises(ModelError, match=r"3 answers, 1 not used"):
        await replay.complete(user("first"))


async def test_gaps_play_back_like_conversations(tmp_path):
    path = tmp_path / "run.jsonl"
    model = RecordingModel(Scripted(Completion("a + b"), Completion("hello")), path)
    await model.fill("return ", "\n# 3.2 s")
    await model.complete(user("hi"))

    replay = ReplayModel(path)
    assert replay.fills
    assert (await replay.fill("return ", "\n# 4.1 s")).text == "a + b"
    with pytest.raises(ModelError, match="has left the recorded one"):
        await replay.fill("return ", "\n# 4.1 s")
    assert (await replay.complete(user("hi"))).text == "hello"


async def test_errors_are_passed_on_and_not_recorded(tmp_path):
    path = tmp_path / "run.jsonl"
    inner = Scripted(ModelError("timeout", "Slow.", "Wait."), Completion("later"))
    model = RecordingModel(inner, path)
    with pytest.raises(ModelError, match="Slow"):
        await model.complete(user("hello"))
    await model.complete(user("hello"))
    await model.close()
    assert inner.closed
    assert [json.loads(line).get("text") for line in path.read_text().splitlines()] == [None, "later"]


@pytest.mark.parametrize(
    "content", ["", "hello", "[1]\n", '{"recording": 99}\n', '{"recording": 1, "model": "m"}\n{}\n']
)
def test_what_is_no_recording_is_refused(tmp_path, content):
    path = tmp_path / "run.jsonl"
    path.write_text(content)
    with pytest.raises(ModelError, match=r"run\.jsonl cannot be played"):
        ReplayModel(path)


def test_a_missing_recording_is_refused(tmp_path):
    with pytest.raises(ModelError, match="No such file"):
        ReplayModel(tmp_path / "none.jsonl")


def test_digests_look_past_what_differs_between_runs():
    here = user("in /tmp/pp-a1/src: 5 passed in 0.31s at 9c1e55aab2 <data-7f3a9b2c>")
    there = user("in /tmp/pp-zz/src:  5 passed in 0.29s at 0b77f1d2e4 <data-00aa11bb>")
    assert digest_of(here) == digest_of(there)
    assert digest_of(here) != digest_of(user("in /tmp/pp-a1/src: passed"))
