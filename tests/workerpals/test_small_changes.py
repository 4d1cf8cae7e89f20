"""Small changes are code that means something else; the one that mends a common mistake is among them."""

import ast

import pytest

from pushpals.workerpals.functions import split
from pushpals.workerpals.small_changes import SmallChange, small_changes

BUSY = '''def report(rows, width=10, strict=False):
    """Return lines."""
    lines = []
    for number, row in enumerate(rows):
        name = row.get("näme", None)
        if not name or len(name) > width and number != 0:
            continue
        lines.append(f"{name:>8} {max(number, 1) - 1}")
    return lines[1:] if strict else lines
'''


def changes_of(text: str) -> list[SmallChange]:
    return [change for unit in split("a.py", text) for change in small_changes(unit, text)]


def test_every_change_is_code_that_means_something_else_and_is_told_once():
    changes = changes_of(BUSY)
    meanings = [ast.dump(ast.parse(change.applied(BUSY))) for change in changes]
    assert len(meanings) > 50
    assert len(set(meanings)) == len(meanings)
    assert ast.dump(ast.parse(BUSY)) not in meanings
    assert [change.rank for change in changes] == sorted(change.rank for change in changes)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("return a < b", "return a <= b"),
        ("return a and b", "return a or b"),
        ("return a - b", "return b - a"),
        ("return a if b else c", "return c if b else a"),
        ("return c[a + 1]", "return c[a]"),
        ("return a", "return b"),
        ("return c[1:]", "return c[0:]"),
        ("return c.isalpha()", "return c.isalnum()"),
        ("if a:\n        return b", "if not a:\n        return b"),
        ("d = c\n    return d", "d = list(c)\n    return d"),
        ("return f'{a:>10}'", "return f'{a:<10}'"),
        ("return enumerate(a)", "return enumerate(a, 1)"),
        ("return a.get(b) or c", "return a.get(b)"),
        ("return True", "return False"),
        ("return len('é'), a < b", "return len('é'), a <= b"),
    ],
)
def test_common_mistakes_are_one_change_away(wrong: str, right: str):
    wrong, right = (f"def f(a, b, c):\n    {body}\n" for body in (wrong, right))
    assert ast.dump(ast.parse(right)) in {
        ast.dump(ast.parse(change.applied(wrong))) for change in changes_of(wrong)
    }


@pytest.mark.parametrize(
    ("path", "text"), [("a.js", "function f(a) { return a < 1 }\n"), ("a.py", "def f(:\n")]
)
def test_other_languages_and_what_does_not_parse_have_none(path: str, text: str):
    assert [change for unit in split(path, text) for change in small_changes(unit, text)] == []
