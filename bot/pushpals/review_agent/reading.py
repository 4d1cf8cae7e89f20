"""Reading what a model says of a change: only remarks that name a line of the diff count. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pushpals.audit.text import clean_model_text
from pushpals.model import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RULE: Final = "model"
MOST: Final = 10
MESSAGE_LIMIT: Final = 600
LEAST_REASON: Final = 4
"""Words that a blocking remark has at least: less is no reason."""
_FENCED: Final = re.compile(r"```[\w-]*\s*\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Remarks:
    """What of an answer counts, and how many remarks do not."""

    findings: tuple[Finding, ...]
    dropped: int = 0


def read_remarks(answer: str, lines: Mapping[str, frozenset[int]]) -> Remarks | None:
    """Return the findings of an answer; None when it is not of the form that was asked for.

    `lines` are those the model was shown, by path. A remark on any other line is dropped, and one that blocks
    without a reason becomes a note. Messages are cleaned.
    """
    listed = _listed(answer)
    if listed is None:
        return None
    found = [finding for item in listed if (finding := _finding(item, lines))]
    found = sorted(dict.fromkeys(found), key=lambda finding: not finding.blocking)
    return Remarks(tuple(found[:MOST]), len(listed) - len(found[:MOST]))


def _listed(answer: str) -> list[object] | None:
    """Return the list of remarks an answer holds; None when there is none to be found."""
    for text in _candidates(answer):
        try:
            value, _ = json.JSONDecoder(strict=False).raw_decode(text)
        except (ValueError, RecursionError):
            continue
        listed = value.get("findings") if isinstance(value, dict) else value
        if isinstance(listed, list):
            return listed
    return None


def _candidates(answer: str) -> Iterator[str]:
    """Yield the texts that may be the JSON: fenced blocks, then whatever a bracket begins."""
    for fenced in _FENCED.findall(answer):
        yield fenced.strip()
    for opening in ("{", "["):
        if (at := answer.find(opening)) >= 0:
            yield answer[at:]


def _finding(item: object, lines: Mapping[str, frozenset[int]]) -> Finding | None:
    """Return what one remark says; None unless it is about a line that was shown."""
    if not isinstance(item, dict):
        return None
    path, line, message = item.get("path"), item.get("line"), item.get("message")
    if isinstance(line, str) and line.strip().isdecimal():
        line = int(line)
    if not isinstance(path, str) or not isinstance(message, str) or not isinstance(line, int):
        return None
    path = path.removeprefix("b/").removeprefix("./")
    message = " ".join(clean_model_text(message, MESSAGE_LIMIT).text.split())
    if isinstance(line, bool) or line not in lines.get(path, frozenset()) or not message:
        return None
    blocking = item.get("severity") == "blocking" and len(message.split()) >= LEAST_REASON
    return Finding(rule=RULE, message=message, path=path, line=line, blocking=blocking)
