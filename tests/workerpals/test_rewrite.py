"""A model's function is put in place of the old one, and nothing else changes."""

import pytest

from pushpals.workerpals.edits import EditError
from pushpals.workerpals.functions import split
from pushpals.workerpals.rewrite import Unchanged, code_blocks, require_parses, rewrite, same_meaning

TEXT = '''"""Names."""

import re

LIMIT = 3


class Store:
    def get(self, key):
        """Return it."""
        # Keys are folded.
        return self._kept[key]


def shout(text):
    """Return text in capitals."""
    return text.lower() + '!'
'''


def of(name: str, *more: str):
    units = {unit.name: unit for unit in split("a.py", TEXT)}
    return [units[one] for one in (name, *more)]


def answer(code: str) -> str:
    return f"Here it is:\n```python\n{code}\n```\nThat should do."


def test_only_the_line_that_means_something_else_changes():
    new = rewrite(TEXT, of("shout"), answer('def shout(text):\n    return text.upper() + "!"'))
    assert new == TEXT.replace("text.lower() + '!'", 'text.upper() + "!"')


def test_a_method_answered_as_a_function_finds_its_indentation():
    code = "def get(self, key):\n    return self._kept.get(key)"
    new = rewrite(TEXT, of("Store.get"), answer(code))
    assert new == TEXT.replace("self._kept[key]", "self._kept.get(key)")


def test_a_whole_file_or_class_is_taken_apart():
    new = rewrite(
        TEXT, of("shout"), answer(TEXT.replace("lower", "upper").replace("self._kept[key]", "None"))
    )
    assert new == TEXT.replace("lower", "upper")


def test_a_constant_shown_beside_it_may_change_too():
    new = rewrite(TEXT, of("shout", "LIMIT"), answer("LIMIT = 4"))
    assert new == TEXT.replace("LIMIT = 3", "LIMIT = 4")


def test_new_imports_and_helpers_come_along():
    helper = "import unicodedata\n\n\ndef fold(t):\n    return unicodedata.normalize('NFKC', t)\n\n\n"
    code = f"{helper}def shout(text):\n    return fold(text).upper()"
    new = rewrite(TEXT, of("shout"), answer(code))
    assert "import re\nimport unicodedata\n" in new
    assert new.index("def fold") < new.index("def shout")
    assert '"""Return text in capitals."""' in new


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("I would rather not.", "does not parse"),
        ("```python\nx = 1\n```", "holds no code for shout"),
        ("```python\ndef shout(text:\n    pass\n```", "does not parse"),
        ("", "holds no code for shout"),
    ],
)
def test_what_cannot_be_used_is_told(said, told):
    with pytest.raises(EditError, match=told) as caught:
        rewrite(TEXT, of("shout"), said)
    assert not isinstance(caught.value, Unchanged)


def test_the_same_function_again_is_told_as_such():
    with pytest.raises(Unchanged, match="leaves shout as it was"):
        rewrite(TEXT, of("shout"), answer('def shout(text):\n    return text.lower() + "!"'))


def test_other_languages_are_replaced_by_header():
    text = "function a() {\n  return 1;\n}\n\nfunction b() {\n  return 2;\n}\n"
    unit = next(unit for unit in split("a.js", text) if unit.name == "b")
    assert rewrite(text, [unit], "```js\nfunction b() {\n  return 3;\n}\n```") == text.replace("2", "3")
    with pytest.raises(EditError, match="no code for b"):
        rewrite(text, [unit], "```js\nreturn 3;\n```")


def test_code_is_found_in_fences_and_without():
    assert code_blocks("```py\na\n```\ntext\n```\nlonger\n```") == ["longer", "a"]
    assert code_blocks("```py\ncut off") == ["cut off"]
    assert code_blocks("plain\n") == ["plain"]


def test_meaning_is_compared_and_not_looks():
    assert same_meaning("a.py", 'x = "a"  # one\n', "x = 'a'\n")
    assert not same_meaning("a.py", "x = 1\n", "x = 2\n")
    assert not same_meaning("a.py", "x = (\n", "x = (\n")
    assert same_meaning("a.js", "f( a );\n", "f( a  );")


def test_only_python_must_parse():
    require_parses("a.js", "def f(:")
    with pytest.raises(EditError, match=r"a\.py would not parse"):
        require_parses("a.py", "def f(:")
