"""The grammar of what people can say to PushPals: text of a comment in, typed commands out.

A command has a key that names it for good. It is made of the comment's id, the command's own text, and how
often the same text stood above it, so that whatever else is edited in a comment, a command keeps its key.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pushpals.localbuddy.command_lines import spoken
from pushpals.policy.verbs import Verb

if TYPE_CHECKING:
    from pushpals.localbuddy.command_lines import Spoken

NAME: Final = "pushpals"
MOST: Final = 10
"""Commands that one comment may hold; whatever is beyond is one mistake."""
MOST_TEXT: Final = 8_000
"""Characters of what `ask`, `fix` and their like may say."""
MOST_FACTOR: Final = 16.0

_WHOLE_TEXT: Final = {Verb.ASK, Verb.FIX, Verb.PLAN, Verb.REJECT, Verb.REVIEW}
"""They take all that follows, up to the next command."""
_NEEDS_TEXT: Final = {
    Verb.ASK: "what you want to know",
    Verb.FIX: "what should be different",
}
_NAMES_A_JOB: Final = {Verb.EXPLAIN, Verb.RETRY, Verb.CANCEL, Verb.BUDGET, Verb.REVERT, Verb.APPROVE}
_IGNORES_MORE: Final = {Verb.HELP, Verb.STATUS}
_JOB: Final = re.compile(r"[0-9]{1,10}-[0-9]{1,4}")
_FACTOR: Final = re.compile(r"x?(?P<number>[0-9]{1,3}(?:\.[0-9]{1,2})?)x?", re.IGNORECASE)
_WORDS: Final = re.compile(r"[a-z]{1,20}(?: [a-z]{1,20}){0,3}")


@dataclass(frozen=True)
class Command:
    """One thing that a person wants done or answered."""

    key: str
    verb: Verb
    text: str = ""
    """What `ask`, `fix`, `plan`, `reject` and `review` say, as it was written; the word behind `approve`."""
    job: str | None = None
    """The id of a job, where one is named."""
    factor: float | None = None
    """How much more `budget` gives."""


@dataclass(frozen=True)
class Mistake:
    """Something that calls PushPals and is no command."""

    key: str
    said: str
    """The word or line that was not understood."""
    problem: str
    """What is wrong, as the end of a sentence: `is not a command`."""
    suggestion: str | None = None
    """What was probably meant, as a command."""


Said = Command | Mistake


class _WrongError(ValueError):
    def __init__(self, problem: str, suggestion: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.suggestion = suggestion


# Every look at an issue reads its comments again, and hostile ones take a while.
@lru_cache(maxsize=1024)
def commands_of(source: str, body: str, slug: str = NAME) -> tuple[Said, ...]:
    """Return what the comment `body` says to PushPals, in order; `source` is the comment's id.

    Commands are lines that start with `/pushpals VERB`, or `@slug VERB` where the verb is spelled right.
    Quotes, code, comments in HTML, lists and tables are never commands.
    """
    calls = [call for call in spoken(body, NAME, slug) if not call.mention or _verb(call) is not None]
    seen: Counter[str] = Counter()
    found: list[Said] = []
    for call in calls[:MOST]:
        digest = _digest(call)
        found.append(_read(f"{source}:{seen[digest]}:{digest}", call))
        seen[digest] += 1
    if len(calls) > MOST:
        problem = f"is one command too many: a comment may hold {MOST}"
        found.append(Mistake(f"{source}:more:{len(calls)}", f"/{NAME} {calls[MOST].line}".strip(), problem))
    return tuple(found)


def _digest(call: Spoken) -> str:
    """Return what tells one command from another: its words, without their layout."""
    words = [*call.line.split(), *(call.below.split() if _verb(call) in _WHOLE_TEXT else ())]
    if words:
        words[0] = words[0].casefold()
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:12]


def _verb(call: Spoken) -> Verb | None:
    word = call.line.split(maxsplit=1)[:1]
    return Verb(word[0].lower()) if word and word[0].lower() in set(Verb) else None


def _read(key: str, call: Spoken) -> Said:
    word, rest = (*call.line.split(maxsplit=1), "", "")[:2] if call.line else (Verb.HELP.value, "")
    verb = _verb(call) if call.line else Verb.HELP
    if verb is None:
        close = difflib.get_close_matches(word.lower(), [v.value for v in Verb], n=1, cutoff=0.6)
        meant = f"/{NAME} {close[0]} {rest}".strip() if close else None
        return Mistake(key, word, "is not a command", meant)
    try:
        return _typed(key, verb, rest.strip(), call.below)
    except _WrongError as wrong:
        return Mistake(key, f"/{NAME} {call.line}", wrong.problem, wrong.suggestion)


def _typed(key: str, verb: Verb, rest: str, below: str) -> Command:
    """Return the command; raises _WrongError."""
    if verb in _WHOLE_TEXT:
        return Command(key, verb, _text(verb, f"{rest}\n{below}".strip()))
    if verb in _IGNORES_MORE:
        return Command(key, verb)
    words, job, factor = rest.split(), None, None
    if verb in _NAMES_A_JOB and words and _JOB.fullmatch(words[-1]):
        job = words.pop()
    if verb is Verb.BUDGET:
        factor = _factor(words)
        words = words[1:]
    if verb is Verb.APPROVE and _WORDS.fullmatch(" ".join(words).lower()):
        return Command(key, verb, " ".join(words).lower(), job)
    if words:
        meant = [f"/{NAME}", verb, f"{factor:g}x" if factor else "", job or ""]
        raise _WrongError(f"says more than `{verb}` takes", " ".join(filter(None, meant)))
    return Command(key, verb, job=job, factor=factor)


def _text(verb: Verb, text: str) -> str:
    if not text and verb in _NEEDS_TEXT:
        raise _WrongError(f"does not say {_NEEDS_TEXT[verb]}", f"/{NAME} {verb} …")
    if len(text) > MOST_TEXT:
        raise _WrongError(f"says more than {MOST_TEXT:,} characters")
    return text


def _factor(words: list[str]) -> float:
    found = _FACTOR.fullmatch(words[0]) if words else None
    factor = float(found["number"]) if found else 0.0
    if not 1.0 < factor <= MOST_FACTOR:
        raise _WrongError(f"needs a factor above 1 and up to {MOST_FACTOR:g}", f"/{NAME} budget 2x")
    return factor
