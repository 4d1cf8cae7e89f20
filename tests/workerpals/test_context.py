"""The conversation grows no faster than the work, keeps its beginning, and fits."""

from hypothesis import given
from hypothesis import strategies as st

from pushpals.llm import Message, ToolCall
from pushpals.workerpals.context import (
    BATCH,
    CHARACTERS_PER_TOKEN,
    KEPT,
    RESERVED,
    SHORT,
    Answered,
    Conversation,
    Turn,
)

OPENING = [Message("system", "rules"), Message("user", "task")]


def turn(number: int, text: str, *, native: bool = False) -> Turn:
    call = ToolCall(f"id-{number}", "read", {"path": f"{number}.py"})
    said = Message("assistant", f"look at {number}", tool_calls=(call,) if native else ())
    return Turn(said, (Answered(call, text),))


def long(number: int, size: int = 3_000) -> str:
    return f"{number}.py, lines 1 to 100\n" + "x = 1\n" * (size // 6)


def size(messages: list[Message]) -> int:
    return sum(len(message.content) for message in messages)


def test_the_newest_answers_are_whole_and_older_ones_are_one_line():
    talk = Conversation(OPENING, 100_000)
    for number in range(40):
        talk.add(turn(number, long(number)))
    answers = [message.content for message in talk.messages() if message.role == "user"][1:]
    whole = [text for text in answers if len(text) > SHORT * 2]
    assert KEPT <= len(whole) < KEPT + BATCH
    assert answers[-KEPT:] == whole[-KEPT:]
    assert "0.py, lines 1 to 100 [… 500 more lines, condensed; look again if needed]" in answers[0]


def test_what_is_sent_grows_with_the_work_and_not_with_its_square():
    def sent(turns: int) -> int:
        talk, total = Conversation(OPENING, 1_000_000), 0
        for number in range(turns):
            talk.add(turn(number, long(number)))
            total += size(talk.messages())
        return total

    assert sent(80) < 2.5 * sent(40)


def test_between_two_batches_the_beginning_stays_as_it_was():
    talk = Conversation(OPENING, 1_000_000)
    before = talk.messages()
    changed = 0
    for number in range(64):
        talk.add(turn(number, long(number), native=True))
        now = talk.messages()
        changed += now[: len(before)] != before
        before = now
    assert changed == (64 - KEPT) // BATCH


def test_a_native_answer_names_its_call_and_a_note_follows():
    talk = Conversation(OPENING, 100_000)
    talk.add(Turn(turn(1, "short", native=True).said, turn(1, "short").answers, "All checks pass now."))
    said, answer, note = talk.messages()[2:]
    assert said.tool_calls[0].id == answer.tool_call_id == "id-1"
    assert (answer.role, answer.content) == ("tool", "short")
    assert (note.role, note.content) == ("user", "All checks pass now.")


def test_a_text_answer_is_one_message_with_all_that_is_to_say():
    talk = Conversation(OPENING, 100_000)
    talk.add(Turn(Message("assistant", "hm"), (), "Call a tool."))
    talk.add(Turn(Message("assistant", "hm"), ()))
    assert [message.content for message in talk.messages()[2:]] == ["hm", "Call a tool.", "hm", "Go on."]


@given(st.lists(st.integers(0, 30_000), min_size=1, max_size=20), st.integers(4_096, 32_768))
def test_it_fits_the_context_whatever_the_tools_say(sizes, context):
    talk = Conversation(OPENING, context)
    for number, length in enumerate(sizes):
        talk.add(turn(number, "y" * length))
        messages = talk.messages()
        assert size(messages) <= max(RESERVED, context - RESERVED) * CHARACTERS_PER_TOKEN + 200
        assert messages[:2] == OPENING
        assert f"look at {number}" in messages[-2].content
