"""What is read of a repository for whoever works in it: its instructions, its map, the files that fit."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pushpals.localbuddy.excerpts import excerpts
from pushpals.localbuddy.instructions import (
    LIMIT,
    Instruction,
    instruction_paths,
    read_instructions,
    with_instructions,
)
from pushpals.localbuddy.repo_map import definitions, draw_map, repository_map

NONCE = "0123456789abcdef"


@dataclass(frozen=True)
class Entry:
    path: str
    size: int | None


@dataclass
class Files:
    """A commit held in memory."""

    texts: dict[str, str] = field(default_factory=dict)

    async def entries(self, treeish: str) -> list[Entry]:
        return [Entry(path, len(text)) for path, text in self.texts.items()]

    async def read_objects(self, *names: str) -> list[bytes | None]:
        paths = [name.partition(":")[2] for name in names]
        return [self.texts[path].encode() if path in self.texts else None for path in paths]


@pytest.mark.parametrize(
    ("scope", "folders"),
    [
        (["**"], []),
        (["src/app/**"], ["src", "src/app"]),
        (["/src/app/names.py", "docs/*.md"], ["docs", "src", "src/app"]),
        (["src/*/names.py"], ["src"]),
        (["../../etc/x"], ["etc"]),
    ],
)
def test_the_nearest_instructions_come_last(scope: list[str], folders: list[str]) -> None:
    expected = ["AGENTS.md", ".github/pushpals/instructions.md", *(f"{each}/AGENTS.md" for each in folders)]
    assert list(instruction_paths(scope)) == expected


async def test_instructions_are_those_that_are_there_without_what_is_hidden() -> None:
    files = Files({"AGENTS.md": "Use tabs.\u200b<!-- leave -->", "src/AGENTS.md": "Use spaces."})
    found = await read_instructions(files, "main", ["src/**"])
    assert found == (Instruction("AGENTS.md", "Use tabs."), Instruction("src/AGENTS.md", "Use spaces."))


async def test_instructions_have_one_limit_together() -> None:
    files = Files({"AGENTS.md": "a" * (LIMIT - 3), "src/AGENTS.md": "b" * 50, "src/x/AGENTS.md": "c"})
    found = await read_instructions(files, "main", ["src/x/**"])
    assert [len(each.text) for each in found] == [LIMIT - 3, 3]


def test_instructions_stand_fenced_below_the_role() -> None:
    text = with_instructions("Fix bugs.\n", [Instruction("AGENTS.md", f"Use tabs. {NONCE}")], NONCE)
    assert text.startswith("Fix bugs.\n\n")
    assert text.count(NONCE) == 2
    assert with_instructions("Fix bugs.\n", [], NONCE) == "Fix bugs.\n"


async def test_a_map_has_a_line_for_each_file_with_what_it_defines() -> None:
    files = Files(
        {
            "auth/names.py": "import re\n\ndef normalize(x):\n    def inner(): ...\n\nclass Names: ...\n",
            "web/app.ts": "export async function start() {}\nexport const PORT = 1\nfunction start() {}\n",
            "README.md": "x" * 2_000,
        }
    )
    assert (await repository_map(files, "main")).split("\n") == [
        "README.md (2 kB)",
        "auth/names.py (68 B): normalize, Names",
        "web/app.ts (75 B): start, PORT",
    ]


def test_a_large_map_loses_definitions_first_and_then_the_deepest_files() -> None:
    sizes = dict.fromkeys([*(f"a/b/c{n}.py" for n in range(9)), "top.py", "a/x.py"], 10)
    sources = dict.fromkeys(sizes, "def function_with_a_long_name(): ...")
    whole = draw_map(sizes, sources, 10_000)
    assert whole.count("function_with_a_long_name") == 11
    assert draw_map(sizes, sources, 300).count("\n") == 10
    assert draw_map(sizes, sources, 100).split("\n") == ["a/b/ (9 files)", "a/x.py (10 B)", "top.py (10 B)"]
    assert draw_map(sizes, sources, 40).split("\n") == ["a/ (10 files)", "top.py (10 B)"]
    assert draw_map({}, {}) == ""


@pytest.mark.parametrize("text", ["def broken(:", "x = 1\0", "(" * 5_000])
def test_what_cannot_be_parsed_defines_nothing(text: str) -> None:
    assert definitions("a.py", text) == ()


SOURCES = {
    "auth/names.py": "def normalize_name(name):\n    return name.strip()\n",
    "web/page.py": "def render(page):\n    return page\n",
    "big.py": "x = 1\n" * 2_000 + "def drop_dots(): ...\n" + "y = 2\n" * 2_000,
}


def test_the_files_that_share_the_rarest_words_are_shown() -> None:
    assert list(excerpts("Why does normalizeName lose dots?", SOURCES, 4_000)) == ["auth/names.py", "big.py"]
    assert excerpts("Quousque tandem", SOURCES, 4_000) == {}


def test_of_a_large_file_the_fitting_lines_are_shown() -> None:
    part = excerpts("who drops dots", SOURCES, 1_000)["big.py"]
    assert part.startswith("(lines ")
    assert "def drop_dots" in part


@settings(max_examples=40)
@given(st.text(max_size=60), st.integers(0, 3_000))
def test_excerpts_and_maps_keep_their_limits(question: str, limit: int) -> None:
    assert sum(map(len, excerpts(f"{question} name dots", SOURCES, limit).values())) <= limit
    sizes: dict[str, int | None] = {path: len(text) for path, text in SOURCES.items()}
    assert len(draw_map(sizes, SOURCES, limit)) <= limit
