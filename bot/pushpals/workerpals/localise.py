"""Find the functions a bug is most likely in, from failing tests, tracebacks and the request's words.

Evidence is added up: a frame of a traceback says most, then a call by the failing test, then a name in
the request, then words shared with the request, weighted by how rare they are (BM25: Robertson and
Zaragoza, "The Probabilistic Relevance Framework", 2009, with its usual constants).
"""

from __future__ import annotations

import ast
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pushpals.workerpals.functions import Unit, is_test, language_of, split

DEEPEST_FRAME = 9.0
FRAME = 6.0
CALLED_BY_TEST = 5.0
CALLED_BY_SUSPECT = 3.0
NAMED_IN_REQUEST = 4.0
SHARED_WORDS = 3.0
CONSTANT = 0.5
"""What a constant's score is multiplied with: most are shown anyway, beside the functions that use them."""

_K1 = 1.2
_B = 0.75
_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z\u00df-\u024f]+|\d+")
# fmt: off
_COMMON = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "can", "do", "does", "for", "from", "get",
    "has", "have", "i", "if", "in", "into", "is", "it", "its", "me", "my", "no", "not", "of", "on", "one",
    "or", "our", "return", "returns", "self", "set", "should", "that", "the", "their", "them", "then",
    "there", "they", "this", "to", "true", "false", "none", "null", "undefined", "was", "we", "when",
    "which", "who", "will", "with", "you", "your", "test", "tests", "assert", "equal", "def", "class",
    "import", "function", "const", "let", "var",
))
# fmt: on
_FRAMES = (
    re.compile(r"File \"(?P<path>[^\"]+)\", line (?P<line>\d+)"),
    re.compile(r"(?:file://)?(?P<path>[\w@./\\-]+\.[A-Za-z]{1,4}):(?P<line>\d+)"),
)


@dataclass(frozen=True)
class Suspect:
    """A function, how much speaks against it, and why, in a few words."""

    unit: Unit
    score: float
    why: str


class Codebase:
    """The functions of a repository, looked up by name, by line and by word."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """Read `sources`, the text of every file of interest by its path."""
        self.sources = dict(sources)
        self.units = [unit for path, text in sorted(sources.items()) for unit in split(path, text)]
        self.code = [unit for unit in self.units if not is_test(unit.path)]
        self.tests = [unit for unit in self.units if is_test(unit.path) and not unit.constant]

    def at(self, path: str, line: int) -> Unit | None:
        """Return the function around a line."""
        around = [u for u in self.units if u.path == path and u.start <= line <= u.end]
        return min(around, key=lambda unit: unit.end - unit.start, default=None)

    def uses(self, text: str, but: Unit | None = None) -> list[Unit]:
        """Return the non-test functions and constants whose names stand in a piece of code."""
        names = set(_IDENTIFIER.findall(text))
        found = [unit for unit in self.code if unit != but and unit.short in names]
        # A class that is named has its constructor called.
        classes = [unit for unit in self.code if unit.short == "__init__" and unit.name.split(".")[-2:-1]]
        found += [unit for unit in classes if unit != but and unit.name.split(".")[-2] in names]
        return list(dict.fromkeys(found))

    def frames(self, output: str) -> list[tuple[str, int]]:
        """Return the places in this repository that a test's output names, in the order they stand."""
        places: dict[int, tuple[str, int]] = {}
        for pattern in _FRAMES:
            for match in pattern.finditer(output):
                path = self._resolve(match["path"])
                if path:
                    places.setdefault(match.start("line"), (path, int(match["line"])))
        return [places[key] for key in sorted(places)]

    def _resolve(self, shown: str) -> str | None:
        """Return the file that a tool shows as an absolute path, a relative one or a bare name."""
        shown = shown.replace("\\", "/")
        if shown in self.sources:
            return shown
        fitting = [path for path in self.sources if shown.endswith("/" + path)]
        fitting = fitting or [path for path in self.sources if path.endswith("/" + shown.lstrip("./"))]
        return max(fitting, key=len, default=None)


def words(text: str) -> list[str]:
    """Return the words of prose or code in lower case: identifiers apart, endings and common words cut."""
    found = (word.lower() for name in re.findall(r"\w+", text) for word in _WORD.findall(name))
    return [_stem(word) for word in found if word not in _COMMON and len(word) > 1]


def localise(
    code: Codebase, request: str, *, outputs: Iterable[str] = (), tests: Sequence[Unit] = (), most: int = 6
) -> list[Suspect]:
    """Return the most suspicious functions, best first, at most `most`.

    `outputs` are what failing tests printed, `tests` the failing tests themselves.
    """
    scores: dict[Unit, float] = {}
    reasons: dict[Unit, str] = {}

    def blame(unit: Unit, points: float, why: str) -> None:
        scores[unit] = scores.get(unit, 0.0) + points * (CONSTANT if unit.constant else 1.0)
        reasons.setdefault(unit, why)

    for output in outputs:
        in_code = [u for u in (code.at(*place) for place in code.frames(output)) if u and not is_test(u.path)]
        for unit in dict.fromkeys(in_code):
            blame(
                unit, DEEPEST_FRAME if unit == in_code[-1] else FRAME, "the failing test's traceback names it"
            )
    called = list(dict.fromkeys(unit for test in tests for unit in code.uses(test.source)))
    for unit in called:
        blame(unit, CALLED_BY_TEST, "the failing test calls it")
    for caller, points in _callers(code, called):
        blame(caller, points, "it is called by what the failing test calls")
    mentioned = set(_IDENTIFIER.findall(request))
    for unit in code.code:
        if unit.short in mentioned and unit.short.lower() not in _COMMON and len(unit.short) > 2:  # noqa: PLR2004
            blame(unit, NAMED_IN_REQUEST, "the request names it")
    query = words(request + "\n" + "\n".join(test.short for test in tests))
    for unit, share in _overlap(code.code, query).items():
        blame(unit, SHARED_WORDS * share, "it shares words with the request")
    ranked = sorted(scores, key=lambda unit: (-scores[unit], unit.path, unit.start))
    return [Suspect(unit, round(scores[unit], 3), reasons[unit]) for unit in ranked[:most]]


def _callers(code: Codebase, called: Sequence[Unit]) -> list[tuple[Unit, float]]:
    """Return what `called` functions call, two steps deep, each with fewer points the further away."""
    seen = set(called)
    found: list[tuple[Unit, float]] = []
    level: Sequence[Unit] = called
    for points in (CALLED_BY_SUSPECT, CALLED_BY_SUSPECT / 2):
        level = [
            unit for caller in level for unit in code.uses(caller.source, but=caller) if unit not in seen
        ]
        level = list(dict.fromkeys(level))
        seen.update(level)
        found += [(unit, points) for unit in level]
    return found


def _overlap(units: Sequence[Unit], query: Sequence[str]) -> dict[Unit, float]:
    """Return how well each unit answers the query by BM25, the best one having 1."""
    texts = {unit: Counter(_text(unit)) for unit in units}
    if not texts or not query:
        return {}
    average = sum(sum(text.values()) for text in texts.values()) / len(texts) or 1.0
    holding = Counter(word for text in texts.values() for word in text)
    raw: dict[Unit, float] = {}
    for unit, text in texts.items():
        length = sum(text.values()) / average
        score = 0.0
        for word in set(query):
            count = text[word]
            rarity = math.log(1 + (len(texts) - holding[word] + 0.5) / (holding[word] + 0.5))
            score += rarity * count * (_K1 + 1) / (count + _K1 * (1 - _B + _B * length))
        if score > 0:
            raw[unit] = score
    best = max(raw.values(), default=1.0)
    return {unit: score / best for unit, score in raw.items()}


def _text(unit: Unit) -> list[str]:
    """Return a unit's words; those of its path, name and docstring count twice more than its body's."""
    telling = f"{unit.path} {unit.name}"
    if unit.language == "python" and not unit.constant:
        telling += " " + _docstring(unit.source)
    return words(telling) * 2 + words(unit.source)


def _docstring(source: str) -> str:
    match = re.search(r"\"\"\"(.*?)\"\"\"|'''(.*?)'''", source, re.DOTALL)
    return (match[1] or match[2] or "") if match else ""


def _stem(word: str) -> str:
    """Cut the commonest English endings, so that `names` finds `name`."""
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:  # noqa: PLR2004 - leave something to compare
            return word[: -len(ending)]
    return word


def imported_names(source: str, path: str) -> set[str]:
    """Return the names a Python file imports; empty for other languages and files that do not parse."""
    if language_of(path) != "python":
        return set()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return set()
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))
    return {alias.asname or alias.name.partition(".")[0] for node in nodes for alias in node.names}
