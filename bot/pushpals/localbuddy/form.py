"""The issue form, read back: GitHub writes each of its fields as a heading with the answer below."""

from __future__ import annotations

import re
from typing import Final

from pushpals.audit.markdown import open_fence
from pushpals.model import Brief, Risk

MOST_CRITERIA: Final = 12

_HEADING: Final = re.compile(
    r"^### (?P<name>Goal|Constraints|Risk|Definition of done|Context)[ \t]*$", re.IGNORECASE
)
_ITEM: Final = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?")
_NO_ANSWER: Final = "_no response_"


def read_form(body: str) -> Brief | None:
    """Return what the form's fields say; None for a text that was not made with the form.

    The form always writes its Goal first; a text that only happens to have one of the headings is none.
    """
    fields = _fields(body)
    if next(iter(fields), None) != "goal" or len(fields) < 2:  # noqa: PLR2004 - Goal and one more
        return None
    return Brief(
        goal=fields["goal"],
        constraints=fields.get("constraints", ""),
        risk=_risk(fields.get("risk", "")),
        done=_criteria(fields.get("definition of done", "")),
        context=fields.get("context", ""),
    )


def _fields(body: str) -> dict[str, str]:
    """Return the text below each heading, by the heading in small letters; of two alike the first counts."""
    fields: dict[str, list[str]] = {}
    current: list[str] = []
    whole = ""
    for line in body.split("\n"):
        heading = _HEADING.match(line)
        if heading and heading["name"].lower() not in fields and open_fence(whole) is None:
            current = fields[heading["name"].lower()] = []
            whole = ""
            continue
        current.append(line)
        whole = f"{whole}\n{line}" if "```" in line or "~~~" in line else whole
    texts = {name: "\n".join(lines).strip() for name, lines in fields.items()}
    return {name: "" if text.lower() == _NO_ANSWER else text for name, text in texts.items()}


def _risk(text: str) -> Risk | None:
    word = text.split(maxsplit=1)[0].strip(".,:;").lower() if text else ""
    return Risk(word) if word in set(Risk) else None


def _criteria(text: str) -> tuple[str, ...]:
    lines = (_ITEM.sub("", line).strip() for line in text.split("\n"))
    return tuple(line for line in lines if line)[:MOST_CRITERIA]
