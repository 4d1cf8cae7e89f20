"""Tool calls written as text are taken as they are meant, and never bring anything down."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.llm import ToolCall, ToolSpec
from pushpals.workerpals.protocol import MOST_CALLS, Misread, describe, missing, parse_calls, tidy
from pushpals.workerpals.tools import SPECS

NAMES = tuple(spec.name for spec in SPECS)
READ = ToolCall("call_1", "read", {"path": "a.py"})


def fenced(text: str, word: str = "tool") -> str:
    return f"I shall look.\n```{word}\n{text}\n```\n"


@pytest.mark.parametrize(
    "answer",
    [
        fenced('{"name": "read", "arguments": {"path": "a.py"}}'),
        fenced('{"name": "read", "arguments": {"path": "a.py"}}', "json"),
        fenced('{"name": "read", "arguments": {"path": "a.py"}}', ""),
        '{"name": "read", "arguments": {"path": "a.py"}}',
        fenced('{"name": "read", "arguments": {"path": "a.py",},}'),
        fenced('{"tool": "read", "args": {"path": "a.py"}}'),
        fenced('{"name": "read", "path": "a.py"}'),
        fenced('{"read": {"path": "a.py"}}'),
        fenced("{'name': 'read', 'arguments': {'path': 'a.py'}}"),
        fenced('{"name": "read", "arguments": "{\\"path\\": \\"a.py\\"}"}'),
        fenced('{"type": "function", "function": {"name": "read", "arguments": "{\\"path\\": \\"a.py\\"}"}}'),
        fenced('[{"name": "read", "arguments": {"path": "a.py"}}]'),
        'Look: {braces} aren\'t calls. {"name": "read", "arguments": {"path": "a.py"}} Done.',
        '<tool_call>\n{"name": "read", "arguments": {"path": "a.py"}}\n</tool_call>',
    ],
)
def test_a_call_is_read_however_it_is_written(answer):
    assert parse_calls(answer, NAMES) == [READ]


def test_text_keeps_its_line_breaks_quotes_and_words_of_python():
    text = "def f():\n    return {\"a\": None}, True, '{'\n"
    written = json.dumps({"name": "write", "arguments": {"path": "a.py", "content": text}})
    [call] = parse_calls(fenced(written), NAMES)
    assert isinstance(call, ToolCall)
    assert call.arguments["content"] == text


def test_raw_line_breaks_inside_text_are_kept():
    [call] = parse_calls(fenced('{"name": "write", "arguments": {"path": "a", "content": "x\ny\n"}}'), NAMES)
    assert isinstance(call, ToolCall)
    assert call.arguments["content"] == "x\ny\n"


def test_several_calls_are_read_in_order_and_not_too_many():
    one = fenced('{"name": "list", "arguments": {}}')
    calls = parse_calls(one * (MOST_CALLS + 3), NAMES)
    assert [call.id for call in calls if isinstance(call, ToolCall)] == [
        f"call_{n}" for n in range(1, MOST_CALLS + 1)
    ]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ('{"name": "read", "arguments": {"path": "a.py"', "not valid JSON"),
        ('{"name": "read", "arguments": {"path": a.py}}', "not valid JSON"),
        ('{"name": "delete", "arguments": {}}', "There is no tool 'delete'. The tools are: read"),
        ('{"name": "read", "arguments": ["a.py"]}', "must be a JSON object"),
        ('{"name": "read", "arguments": ' + "[" * 5000, ""),
    ],
)
def test_what_cannot_be_understood_is_told(answer, told):
    [misread] = parse_calls(fenced(answer), NAMES)
    assert isinstance(misread, Misread)
    assert told in misread.text


@pytest.mark.parametrize("answer", ["", "No braces.", 'The dict {"path": 1} is fine.', "f(x) { return x; }"])
def test_what_is_no_call_is_none(answer):
    assert parse_calls(answer, NAMES) == []


@given(st.text(alphabet=st.sampled_from("{}[]\"'\\,: \nabcname readpath1-`"), max_size=200))
def test_no_text_brings_the_reader_down(text):
    for call in parse_calls(text, NAMES):
        assert isinstance(call, ToolCall | Misread)


@given(
    st.text(max_size=80),
    st.sampled_from(NAMES),
    st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=40) | st.integers(), max_size=4),
)
def test_every_call_written_well_is_read_back(before, name, arguments):
    written = json.dumps({"name": name, "arguments": arguments})
    calls = parse_calls(before.replace("{", "(").replace("[", "(") + "\n" + fenced(written), NAMES)
    assert calls == [ToolCall("call_1", name, arguments)]


@given(st.integers(0, 200), st.text(max_size=10))
def test_a_call_with_a_part_cut_out_brings_nothing_down(at, middle):
    written = json.dumps({"name": "write", "arguments": {"path": "a.py", "content": 'x = {"a": [1]}\n'}})
    parse_calls(fenced(written[:at] + middle + written[at + 3 :]), NAMES)


def test_arguments_are_checked_against_the_tool():
    read: ToolSpec = SPECS[0]
    assert missing(read, {"path": "a.py", "start": 3}) is None
    assert missing(read, {}) == "read needs `path`: path from the top of the repository."
    assert "has no argument `line`" in (missing(read, {"path": "a", "line": 1}) or "")
    assert missing(read, {"path": 3}) == "`path` of read must be text."
    assert missing(read, {"path": "a", "start": True}) == "`start` of read must be a whole number."


def test_small_mistakes_in_arguments_are_tidied():
    assert tidy(SPECS[0], {"path": "7", "start": " 12", "end": None}) == {"path": "7", "start": 12}


def test_the_description_names_every_tool_and_what_may_be_left_out():
    described = describe(SPECS)
    assert all(f"- {name}(" in described for name in NAMES)
    assert "start?: first line" in described
