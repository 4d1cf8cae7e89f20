"""Search and replace survives small mistakes, and never guesses."""

import contextlib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pushpals.workerpals.edits import EditError, replace

TEXT = """class Store:
    def get(self, key):
        value = self._kept.get(key)
        return value

    def put(self, key, value):
        self._kept[key] = value
"""


@pytest.mark.parametrize(
    ("old", "how"),
    [
        ("        return value\n", "exactly"),
        ("        value = self._kept.get(key)   \n        return value  ", "but for trailing spaces"),
        ("value = self._kept.get(key)\nreturn value", "but for indentation"),
        ("\n\n    value = self._kept.get(key)\n    return value\n\n", "but for indentation"),
        ("        value = self._keept.get(key)\n        return value", "nearly"),
    ],
)
def test_the_place_is_found_with_small_mistakes(old, how):
    indent = old.strip("\n")[: len(old.strip("\n")) - len(old.strip("\n").lstrip())]
    new = f"{indent}return self._kept.get(key)"
    edited = replace(TEXT, old, new if how != "exactly" else "        return self._kept.get(key)\n")
    assert edited.how == how
    assert "        return self._kept.get(key)\n\n    def put" in edited.text
    assert edited.text.endswith("self._kept[key] = value\n")


@pytest.mark.parametrize(
    ("old", "told"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ("self._kept", "stands in 2 places"),
        ("return nothing at all", "not in the file"),
        ("        return value\n", "nothing would change"),
    ],
)
def test_what_does_not_fit_is_told_and_not_guessed(old, told):
    with pytest.raises(EditError, match=told):
        replace(TEXT, old, old if "nothing" in told else "x")


def test_lines_that_look_alike_are_not_guessed_between():
    text = "a = compute(first, second, third)\nb = compute(first, second, third)\n"
    with pytest.raises(EditError, match="2 places"):
        replace(text, "c = compute(first, second, third)", "x")


def test_line_ends_stay_as_they_were():
    edited = replace("one\r\n  two\r\nthree\r\n", "two", "2").text
    assert edited == "one\r\n  2\r\nthree\r\n"
    assert replace("one\r\n  two\r\nthree\r\n", "one\n  two", "1\n  2").text == "1\r\n  2\r\nthree\r\n"


LINES = st.lists(st.text(st.sampled_from("abcxyz =()_"), min_size=1, max_size=12), min_size=1, max_size=8)


@given(LINES, st.integers(0, 7), st.integers(1, 3), st.text(st.sampled_from("nope\n"), max_size=12))
def test_an_exact_quote_is_replaced_and_all_else_stays(lines, at, size, new):
    text = "\n".join(lines) + "\n"
    old = "\n".join(lines[at : at + size])
    assume(old.strip())
    assume(text.count(old) == 1)
    assume(old != new)
    before, _, after = text.partition(old)
    assert replace(text, old, new).text == before + new + after


@given(st.text(max_size=200), st.text(max_size=60), st.text(max_size=60))
def test_no_edit_brings_anything_down_but_an_edit_error(text, old, new):
    with contextlib.suppress(EditError):
        assert replace(text, old, new).how


@given(LINES, st.integers(1, 8))
def test_a_quote_moved_sideways_is_moved_back(lines, by):
    lines = [f"line{n} {line.strip()}".rstrip() for n, line in enumerate(lines)]
    text = "def f():\n" + "".join(f"    {line}\n" for line in lines)
    moved = "".join(" " * (4 + by) + line + "\n" for line in lines)
    new = " " * (4 + by) + "pass\n"
    assert replace(text, moved, new).text == "def f():\n    pass\n"
