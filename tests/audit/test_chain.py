"""The audit trail shows every tampering."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pushpals.audit.chain import (
    MAX_LINE_BYTES,
    AuditEvent,
    Broken,
    Chain,
    Verified,
    genesis,
    read_events,
    verify,
)

START = datetime(2026, 11, 20, 10, 42, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e9, 1e9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
EVENTS = st.builds(
    AuditEvent,
    at=st.integers(0, 10**6).map(lambda second: START + timedelta(seconds=second)),
    kind=st.sampled_from(["command", "model_call", "edit", "check", "refused", "state"]),
    zone=st.sampled_from(["control", "model", "sandbox"]),
    actor=st.text(max_size=10),
    text=st.text(max_size=40),
    attributes=st.dictionaries(st.text(max_size=5), JSON, max_size=3),
)
TRAILS = st.lists(EVENTS, min_size=1, max_size=6)


def written(events: list[AuditEvent], job_id: str = "42-1") -> tuple[list[str], str]:
    chain = Chain(job_id)
    return [chain.append(event) for event in events], chain.head


def three() -> list[str]:
    return written([AuditEvent(at=START, kind="command", text=f"run {n}") for n in range(3)])[0]


@given(TRAILS)
def test_what_was_written_verifies_and_is_read_back(events: list[AuditEvent]) -> None:
    lines, head = written(events)
    assert verify(lines, "42-1", head) == Verified(count=len(events), head=head)
    assert verify("\n".join(lines) + "\n", "42-1", head) == Verified(count=len(events), head=head)
    assert list(read_events(lines)) == events


@given(TRAILS, st.data())
def test_altering_any_character_is_found(events: list[AuditEvent], data: st.DataObject) -> None:
    lines, head = written(events)
    index = data.draw(st.integers(0, len(lines) - 1))
    at = data.draw(st.integers(0, len(lines[index]) - 1))
    char = data.draw(st.characters(codec="utf-8").filter(lambda char: char != lines[index][at]))
    lines[index] = lines[index][:at] + char + lines[index][at + 1 :]
    found = verify(lines, "42-1", head)
    assert isinstance(found, Broken)
    assert index + 1 <= found.line <= index + 2


@given(st.lists(EVENTS, min_size=3, max_size=6), st.data())
def test_dropping_swapping_doubling_and_inserting_are_found(
    events: list[AuditEvent], data: st.DataObject
) -> None:
    lines, head = written(events)
    index = data.draw(st.integers(0, len(lines) - 2))
    other = data.draw(st.integers(index + 1, len(lines) - 1))
    dropped = lines[:index] + lines[index + 1 :]
    swapped = [*lines]
    swapped[index], swapped[other] = lines[other], lines[index]
    doubled = lines[: index + 1] + lines[index:]
    foreign = [*lines[:other], written(events)[0][0], *lines[other:]]
    for tampered in (dropped, swapped, doubled, foreign):
        assert isinstance(verify(tampered, "42-1"), Broken)
        assert isinstance(verify(tampered, "42-1", head), Broken)


@given(TRAILS, st.integers(1, 6))
def test_cutting_off_the_end_is_found_by_the_head(events: list[AuditEvent], cut: int) -> None:
    lines, head = written(events)
    found = verify(lines[:-cut], "42-1", head)
    assert isinstance(found, Broken)
    assert "end is missing" in found.why


def test_a_trail_belongs_to_one_job() -> None:
    assert isinstance(verify(three(), "42-2"), Broken)


def test_an_empty_trail_is_the_beginning() -> None:
    assert verify([], "42-1") == verify("", "42-1") == Verified(count=0, head=genesis("42-1"))


@pytest.mark.parametrize("line", ["", "{}", "null", "not json", '{"seq":1}', "\ud800"])
def test_a_line_that_is_no_event_is_named(line: str) -> None:
    assert verify([*three()[:1], line], "42-1") == Broken(line=2, why="is not an audit event")
    with pytest.raises(ValueError, match="line 1 is not an audit event"):
        read_events([line])


@pytest.mark.parametrize(
    "respell",
    [
        lambda line: " " + line,
        lambda line: line.replace(":", ": ", 1),
        lambda line: line.replace('"seq":1', '"seq":1,"seq":1'),
        lambda line: json.dumps(dict(reversed(json.loads(line).items())), separators=(",", ":")),
        lambda line: line.replace('"seq":1', '"seq":1.0'),
    ],
)
def test_only_one_spelling_of_an_event_is_accepted(respell) -> None:
    line = three()[0]
    assert respell(line) != line
    assert isinstance(verify([respell(line)], "42-1"), Broken)


def test_a_chain_goes_on_where_it_ended() -> None:
    lines = three()
    chain = Chain.resume("42-1", lines[:2])
    event = AuditEvent(at=START, kind="command", text="run 2")
    assert chain.append(event) == lines[2]
    with pytest.raises(ValueError, match="broken at line 1"):
        Chain.resume("42-1", lines[1:])


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "run\n" + "x" * MAX_LINE_BYTES + "\nend"},
        {"attributes": {"output": "run\n" + "\U0001f40d" * 40_000 + "\nend"}},
        {"attributes": {"failing": [f"tests/test_names.py::test_{n}" for n in range(20_000)]}},
        {"attributes": {"deep": [{str(n): ["x" * 99] * 99} for n in range(999)]}},
        {"actor": "x" * MAX_LINE_BYTES},
    ],
    ids=["text", "characters of twelve bytes", "many names", "nested", "actor"],
)
def test_an_event_that_is_too_long_is_cut_and_the_chain_holds(changes: dict[str, object]) -> None:
    chain = Chain("42-1")
    lines = [
        chain.append(AuditEvent.model_validate({"at": START, "kind": "check", "text": "pytest", **changes})),
        chain.append(AuditEvent(at=START, kind="note", text="after it")),
    ]
    assert max(len(line.encode()) for line in lines) <= MAX_LINE_BYTES
    assert verify(lines, "42-1", chain.head) == Verified(count=2, head=chain.head)


def test_of_a_long_output_both_ends_are_recorded() -> None:
    output = "run\n" + "\U0001f40d" * 40_000 + "\nend"
    line = Chain("42-1").append(AuditEvent(at=START, kind="check", attributes={"output": output}))
    kept = read_events([line])[0].attributes["output"]
    assert isinstance(kept, str)
    assert kept.startswith("run\n")
    assert "characters are left out here" in kept
    assert kept.endswith("\nend")


def test_lines_hold_no_line_ends_whatever_the_text() -> None:
    line = Chain("42-1").append(AuditEvent(at=START, kind="note", text="a\nb\r\u2028\u0085c"))
    assert line.splitlines() == [line]
    assert read_events([line])[0].text == "a\nb\r\u2028\u0085c"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        AuditEvent(at=datetime(2026, 11, 20), kind="note")  # noqa: DTZ001 - that is the point
