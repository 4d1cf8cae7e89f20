"""Files are split into functions, whatever language they are in."""

import pytest

from pushpals.workerpals.functions import is_test, language_of, split

PYTHON = '''import re

LIMIT = 3


@cache
def outer(a):
    """Doc."""

    def inner():
        return 1

    return inner


class Store:
    SIZE = 1

    async def get(self, key):
        return key


if True:
    def late():
        pass
'''
JS = """const limit = 3;

function plain(a) {
  if (a) { return '}'; } // }
  return `}`;
}

const arrow = async (b) => {
  return b;
};
const short = (c) => c + 1;

class Store {
  get(key) {
    return key;
  }
}
exports.named = function () { return 1; };
"""
GO = """package names

func Plain(s string) string {
	return s
}

func (n *Names) Method() { n.x = '{' }
"""
RUST = """fn plain<'a>(s: &'a str) -> &'a str {
    s
}

impl Names {
    pub fn method(&self) -> char { '{' }
}
"""
JAVA = """class Names {
    public static String plain(String s) {
        return s;
    }
}
"""
RUBY = """def plain(s)
  s
end
"""


def shape(path: str, text: str) -> list[tuple[str, int, int]]:
    return [(unit.name, unit.start, unit.end) for unit in split(path, text)]


def test_python():
    assert shape("a.py", PYTHON) == [
        ("LIMIT", 3, 3),
        ("outer", 6, 13),
        ("Store.SIZE", 17, 17),
        ("Store.get", 19, 20),
        ("late", 24, 25),
    ]


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (
            "a.js",
            JS,
            [("plain", 3, 6), ("arrow", 8, 10), ("short", 11, 11), ("get", 14, 16), ("named", 18, 18)],
        ),
        ("a.go", GO, [("Plain", 3, 5), ("Method", 7, 7)]),
        ("a.rs", RUST, [("plain", 1, 3), ("method", 6, 6)]),
        ("A.java", JAVA, [("plain", 2, 4)]),
        ("a.rb", RUBY, [("plain", 1, 3)]),
    ],
)
def test_other_languages(path, text, found):
    assert shape(path, text) == found


def test_every_unit_is_the_text_that_stands_there():
    for path, text in (("a.py", PYTHON), ("a.js", JS), ("a.go", GO), ("a.rs", RUST), ("A.java", JAVA)):
        for unit in split(path, text):
            assert unit.source == "\n".join(text.splitlines()[unit.start - 1 : unit.end])


@pytest.mark.parametrize("text", ["def f(:", "\x00", "class"])
def test_python_that_does_not_parse_has_none(text):
    assert split("a.py", text) == []


@pytest.mark.parametrize("path", ["a.unknown", "README", "a.md"])
def test_unknown_languages_have_none(path):
    assert (language_of(path), split(path, "function f() {}")) == ("", [])


@pytest.mark.parametrize(
    "path",
    ["tests/a.py", "test_a.py", "a/b_test.go", "a.spec.ts", "x/__tests__/a.js", "conftest.py", "spec/a.rb"],
)
def test_tests_are_told_by_their_paths(path):
    assert is_test(path)


@pytest.mark.parametrize("path", ["src/latest.py", "contest.py", "a/testing.go", "protest/a.py"])
def test_what_only_sounds_like_a_test_is_none(path):
    assert not is_test(path)
