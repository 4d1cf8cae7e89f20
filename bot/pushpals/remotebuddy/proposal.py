"""Reading the plan a model proposes: what is there is taken as it is meant, what is wrong is said. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pushpals.audit.text import clean_model_text
from pushpals.model import Risk
from pushpals.remotebuddy.plan import acceptance_criteria, task_for
from pushpals.remotebuddy.problems import GOAL_LIMIT, MOST_TASKS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pushpals.llm.api import Completion
    from pushpals.model import Request, Task
    from pushpals.policy.repo_policy import RepoPolicy
    from pushpals.remotebuddy.plan import Checks, RepoFacts

QUESTION_LIMIT: Final = 500
MOST_CRITERIA: Final = 5
MOST_GLOBS: Final = 20
_FENCED: Final = re.compile(r"```[\w-]*[ \t]*\n(.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Draft:
    """One task as a model put it. `after` are positions from 0."""

    goal: str
    acceptance: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    role: str = ""
    after: tuple[int, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """What a model proposes, cleaned and judged by nobody yet."""

    drafts: tuple[Draft, ...]
    risk: Risk = Risk.LOW
    why: str = ""
    question: str = ""


def read_proposal(answer: Completion) -> Proposal | str:
    """Return the proposal in an answer, or why there is none, as a phrase for the model."""
    for value in _values(answer):
        tasks, question = value.get("tasks"), _line(value.get("question"), QUESTION_LIMIT)
        if not isinstance(tasks, list) or not (tasks or question):
            continue
        if len(tasks) > MOST_TASKS:
            return f"a plan has 1 to {MOST_TASKS} tasks, and this one has {len(tasks)}"
        drafts = [_draft(task) for task in tasks]
        known = str(value.get("risk", "")).strip().lower()
        return Proposal(
            drafts=tuple(drafts),
            risk=Risk(known) if known in set(Risk) else Risk.LOW,
            why=_line(value.get("why"), GOAL_LIMIT),
            question=question,
        )
    return "there is no JSON object with a list `tasks` in it"


def tasks_of(
    proposal: Proposal, request: Request, policy: RepoPolicy, facts: RepoFacts, checks: Checks
) -> tuple[Task, ...]:
    """Return the proposal's tasks, with the checks and bounds that rules give them.

    A plan of one task does what the request says: its goal is the request's own, and it is judged by the
    criteria in the request besides those of the model.
    """
    single = len(proposal.drafts) == 1
    own = acceptance_criteria(request.body) if single else ()
    return tuple(
        task_for(
            request.title[:GOAL_LIMIT] if single else draft.goal,
            tuple(dict.fromkeys((*own, *draft.acceptance))),
            draft.scope or policy.scope.write,
            draft.role or "bug_fixer",
            facts,
            checks,
            draft.after,
        )
        for draft in proposal.drafts
    )


def _values(answer: Completion) -> Iterator[dict[str, Any]]:
    """Yield the objects an answer holds: the arguments of its calls, then JSON in its text."""
    for call in answer.tool_calls:
        yield call.arguments
    texts = [text.strip() for text in _FENCED.findall(answer.text)]
    if (at := answer.text.find("{")) >= 0:
        texts.append(answer.text[at:])
    for text in texts:
        try:
            value, _ = json.JSONDecoder(strict=False).raw_decode(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            inner = value.get("arguments")
            yield inner if isinstance(inner, dict) and "tasks" not in value else value


def _draft(task: object) -> Draft:
    if isinstance(task, str):
        return Draft(_line(task, GOAL_LIMIT))
    if not isinstance(task, dict):
        return Draft("")
    numbers = task.get("depends_on")
    numbers = numbers if isinstance(numbers, list) else []
    return Draft(
        goal=_line(task.get("goal"), GOAL_LIMIT),
        acceptance=tuple(line for line in _lines(task.get("acceptance")) if line)[:MOST_CRITERIA],
        scope=tuple(_globs(task.get("scope")))[:MOST_GLOBS],
        role=str(task.get("role") or "").strip().lower().replace(" ", "_").replace("-", "_")[:60],
        after=tuple(dict.fromkeys(n - 1 for n in numbers if isinstance(n, int) and not isinstance(n, bool))),
    )


def _lines(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    return [_line(item, GOAL_LIMIT) for item in items]


def _globs(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str) and item.strip():
            yield item.strip().removeprefix("./")[:GOAL_LIMIT]


def _line(value: object, limit: int) -> str:
    """Return a model's text as one line, without what GitHub or a reader would act on."""
    if not isinstance(value, str):
        return ""
    return " ".join(clean_model_text(value[: 4 * limit]).text.split())[:limit].strip()
