"""The lines worth hiding, and what may be put in their place."""

from pushpals.workerpals.blanks import blanks
from pushpals.workerpals.functions import split

CODE = '''def total(prices, rate=1):
    """Return the sum."""
    result = 0
    # Add them up.
    for price in prices:
        if price > 0:
            result += price
    return result * rate
'''
[UNIT] = split("a.py", CODE)


def lines() -> list[str]:
    return [blank.original.strip() for blank in blanks(UNIT)]


def test_returns_come_first_then_decisions_and_no_headers_or_comments():
    assert lines() == [
        "return result * rate",
        "for price in prices:",
        "if price > 0:",
        "result = 0",
        "result += price",
    ]


def test_how_a_line_begins_stays_in_sight():
    assert [blank.kept for blank in blanks(UNIT)] == [
        "    return ",
        "    for ",
        "        if ",
        "    result = ",
        "            result += ",
    ]


def test_the_gap_stands_between_what_is_kept_and_the_rest():
    before, after = blanks(UNIT)[1].around()
    assert before.endswith("    for ")
    assert after.startswith("\n        if price > 0:")


def test_a_filling_is_one_line_and_new():
    blank = blanks(UNIT)[0]
    assert blank.completed("result / rate\nprint()") == "    return result / rate"
    assert blank.completed("result * rate ") is None
    assert blank.completed(" \n") is None


def test_what_is_no_code_is_left_out():
    blank = blanks(UNIT)[0]
    assert blank.replaced("    return result / rate") == UNIT.source.replace("*", "/")
    assert blank.replaced("    return result *") is None


def test_other_languages_hide_no_header():
    [unit] = split("a.js", "function f(a) {\n  const b = a + 1;\n  return b;\n}\n")
    assert [blank.original.strip() for blank in blanks(unit)] == ["return b;", "const b = a + 1;"]
