"""A plan, as the ledger keeps it and as people are asked about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushpals.audit.markdown import truncate_markdown
from pushpals.audit.prose.words import (
    COMMENT_LIMIT,
    code,
    count,
    flat,
    item,
    money,
    one_line,
    others_than_authors,
    plain,
    role_name,
    thousands,
)
from pushpals.audit.text import clean_model_text
from pushpals.model import Risk
from pushpals.policy.plan_gate import waits_for_people

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pushpals.model import RequestRecord, Task

REQUEST_LIMIT = 4_000
_SHOWN_REASONS = 6


def plan_markdown(record: RequestRecord) -> str:
    """Render a plan as the ledger's `plan.md`."""
    plan, reasons = record.plan, "; ".join(record.plan.risk_reasons) or "no rule raised it"
    lines = [f"# Plan for #{record.request.number}: {one_line(record.request.title, 120)}", ""]
    lines += [f"Risk {plan.risk}: {reasons}.", ""]
    for index, task in enumerate(plan.tasks, 1):
        lines += _task(index, task)
    lines += [f"\n{one_line(note, 300)}" for note in plan.notes]
    return "\n".join(lines) + "\n"


def plan_name(record: RequestRecord) -> str:
    """`Plan`, or `RFC` for a plan of high risk."""
    return "RFC" if record.plan.risk is Risk.HIGH else "Plan"


def plan_title(record: RequestRecord) -> str:
    """Return the title of the pull request that shows a plan."""
    return plain(f"{plan_name(record)} for issue {record.request.number}: {record.request.title}", 120)


def plan_path(record: RequestRecord) -> str:
    """Return the path of the file that holds a plan on its branch."""
    number = record.request.number
    if record.plan.risk is not Risk.HIGH:
        return f"docs/plans/{number}.md"
    words = re.findall(r"[a-z0-9]+", flat(record.request.title, 120).casefold())
    return f"docs/rfcs/{number}-{'-'.join(words)[:40].strip('-') or 'request'}.md"


def plan_commit_message(record: RequestRecord) -> str:
    """Return the message of the commit that shows a plan."""
    asked = record.request
    # The digest as well: a yes to this commit is a yes to this very text of the request.
    return (
        f"{plan_title(record)}\n\nPushPals-Request: {asked.number}\nPushPals-Request-Digest: {asked.digest}\n"
    )


def plan_file(record: RequestRecord) -> str:
    """Render the file that is approved: a plan of medium risk, or an RFC."""
    plan, asked = record.plan, record.request
    body = truncate_markdown(clean_model_text(asked.body).text, REQUEST_LIMIT)
    lines = [
        f"# {plan_name(record)} for issue {asked.number}: {one_line(asked.title, 120)}",
        "",
        f"Asked for by {code(asked.asker.login)}. Risk {plan.risk}, because {_reasons(record)}.",
        "",
        "## What is asked for",
        "",
        *(f"> {line}".rstrip() for line in (body or "(no text)").splitlines()),
        "",
        "## What will be done",
        "",
    ]
    for index, task in enumerate(plan.tasks, 1):
        lines += _task(index, task)
    lines += ["", "## How it is judged", "", _judged(plan.tasks)]
    if plan.risk is Risk.HIGH:
        lines += [
            "",
            "## If it goes wrong",
            "",
            (
                "Nothing lands before people have approved each pull request. What has landed is undone by "
                "reverting its pull request; what it did to data meanwhile is not."
            ),
        ]
    lines += [f"\n{one_line(note, 300)}" for note in plan.notes]
    return "\n".join(lines) + "\n"


def plan_body(record: RequestRecord, roles: Sequence[str]) -> str:
    """Render the pull request that shows a plan. `roles` are those that may approve it."""
    asked, plan = record.request, record.plan
    lines = [
        f"### {plan_name(record)} for #{asked.number}: {one_line(asked.title, 120)}",
        "",
        f"Risk {plan.risk}, because {_reasons(record)}. {_who_approves(record, roles)}",
        "",
    ]
    lines += [line for index, task in enumerate(plan.tasks, 1) for line in _short(index, task, plan.tasks)]
    lines += ["", f"{_judged(plan.tasks)} Rollback: revert the pull requests it makes."]
    lines += [f"{one_line(note, 300).rstrip('.')}." for note in plan.notes]
    if record.planning.model_calls:
        lines.append(_cost(record))
    if record.voided:
        lines += ["", f"**{one_line(record.voided, 500)}**"]
    kept = "can be merged as a record" if plan.risk is Risk.HIGH else "is closed then, and never merged"
    lines += [
        "",
        (
            f"Approving binds commit {code((record.plan_commit or '')[:12])} and the request as it reads now "
            f"({code(asked.digest[:12])}); an edit after that asks again. Nothing is worked on before. This "
            f"pull request holds the text alone, and {kept}."
        ),
        "",
        (
            "**Next.** Approve this with a review, with *Approve plan* on its check, or with "
            "`/pushpals approve`. To turn it down, request changes with a reason, or close it."
        ),
    ]
    return truncate_markdown("\n".join(lines), COMMENT_LIMIT)


def plan_check(record: RequestRecord, roles: Sequence[str]) -> tuple[str, str]:
    """Return title and summary of the check run on a plan's commit."""
    risk = record.plan.risk
    if record.stopped:
        return "Stopped", one_line(record.stopped, 500)
    if approval := record.approval:
        how = {"review": "by a review", "button": "by the button here", "command": "by a command"}[
            approval.how
        ]
        return (
            f"Approved by {flat(approval.by.login, 60)}",
            (
                f"{code(approval.by.login)} approved this plan of {risk} risk by {how}, at "
                f"{approval.at:%Y-%m-%d %H:%M} UTC. **Next.** Nothing is asked here; the work goes on in "
                f"#{record.request.number}."
            ),
        )
    return (
        f"{count(len(record.plan.tasks), 'task')}, {risk} risk: waits for approval",
        (
            f"{_who_approves(record, roles)} **Next.** Press *Approve plan*, or review the pull request. "
            "*Change it* asks what should be different; *Cancel* ends the request."
        ),
    )


def plan_closed(record: RequestRecord) -> str:
    """Say on a plan's pull request why it is closed."""
    if record.stopped:
        return f"Closed: {one_line(record.stopped, 500)}"
    return (
        f"Approved, and closed: a plan is not merged. The work goes on in #{record.request.number}, each "
        "task in a pull request of its own."
    )


def roles_check(record: RequestRecord) -> tuple[str, str]:
    """Return title and summary of the check run on a commit with role files that are not used."""
    problems = record.role_problems
    lines = [f"- {item(problem, 400)}" for problem in problems]
    return (
        f"{count(len(problems), 'role file')} not used",
        "\n".join(
            [
                "These files of `.github/pushpals/roles/` are left out; the work goes on without them.",
                "",
                *lines,
                "",
                "**Next.** Mend them on the default branch; they are read again with the next request.",
            ]
        ),
    )


def question_mark(record: RequestRecord) -> str:
    """Return the hidden mark of the comment that asks the one question."""
    at = record.question.asked_at if record.question else record.created_at
    return f"<!-- pushpals:question:{at:%Y%m%dT%H%M%S} -->"


def question_comment(record: RequestRecord) -> str:
    """Ask the one question there is before anything is begun."""
    text = item(record.question.text, 600) if record.question else ""
    return (
        f"{question_mark(record)}\n**A question before this starts.** {text}\n\n**Next.** Answer in a "
        "comment here; the work goes on with your answer. Anybody who may start PushPals can answer."
    )


def void_mark(record: RequestRecord) -> str:
    """Return the hidden mark of the comment that says that a yes does not hold any more."""
    return f"<!-- pushpals:void:{record.request.digest[:16]} -->"


def void_comment(record: RequestRecord) -> str:
    """Say once that an approval is void."""
    return (
        f"{void_mark(record)}\n{one_line(record.voided or '', 500)} Nothing that was under way goes on.\n\n"
        "**Next.** The new plan waits for approval, as the comment above shows."
    )


@dataclass(frozen=True)
class Standing:
    """What the progress comment says while no job has begun."""

    headline: str
    lines: tuple[str, ...]
    last: str


def plan_standing(record: RequestRecord, pull: int | None) -> Standing | None:
    """Return what holds up a plan of which no job has begun, for people; None when nothing does.

    `pull` is the number of the pull request that shows the plan.
    """
    stop = "`/pushpals cancel` stops it, and so does closing this issue; nothing is published after that."
    risk = record.plan.risk
    if record.stopped:
        again = "Nothing was published. `/pushpals run` reads the issue as it is then, and starts anew."
        return Standing(f"Stopped · {risk} risk", ("", one_line(record.stopped, 500)), again)
    if record.question and record.question.answer is None:
        asked = f"> {item(record.question.text, 600)}"
        last = f"**Next.** Answer in a comment; the work goes on with it. {stop}"
        return Standing("Waiting for your answer", ("", asked), last)
    if record.drafted_by:
        return Standing("Planning", (), stop)
    if not waits_for_people(record):
        return None
    where = f"#{pull}" if pull else "the pull request that is being made"
    tasks = [
        line for at, task in enumerate(record.plan.tasks, 1) for line in _short(at, task, record.plan.tasks)
    ]
    voided = ["", f"**{one_line(record.voided, 500)}**"] if record.voided else []
    return Standing(
        f"Waiting for approval · {count(len(record.plan.tasks), 'task')} · {risk} risk",
        ("", f"Risk {risk}, because {_reasons(record)}.", "", *tasks, *voided),
        f"**Next.** {others_than_authors(record.request)} approves {where} with a review, "
        f"or with the button on its check. {stop}",
    )


def _who_approves(record: RequestRecord, roles: Sequence[str]) -> str:
    who = " or ".join(code(role) for role in roles) or "nobody, by this repository's policy"
    return f"{others_than_authors(record.request)} approves, with the role {who}."


def _reasons(record: RequestRecord) -> str:
    reasons = record.plan.risk_reasons
    shown = "; ".join(one_line(reason, 200) for reason in reasons[:_SHOWN_REASONS]) or "no rule raised it"
    more = len(reasons) - _SHOWN_REASONS
    return f"{shown}; and {more} more" if more > 0 else shown


def _judged(tasks: Sequence[Task]) -> str:
    checks = dict.fromkeys(command for task in tasks for command in task.checks)
    if not checks:
        return f"Checks: none, because {one_line(tasks[0].no_check_reason or 'none was found', 200)}."
    return f"Checks: {', '.join(code(command) for command in checks)}."


def _cost(record: RequestRecord) -> str:
    spent = record.planning
    tokens = thousands(spent.tokens_in + spent.tokens_out)
    return f"Planning took {count(spent.model_calls, 'model call')}, {tokens} tokens, {money(spent.usd)}."


def _short(index: int, task: Task, tasks: Sequence[Task]) -> Iterator[str]:
    after = f" · after {', '.join(str(at + 1) for at in task.depends_on)}" if task.depends_on else ""
    scope = ", ".join(code(glob) for glob in task.scope[:6])
    more = f" and {len(task.scope) - 6} more" if len(task.scope) > 6 else ""  # noqa: PLR2004 - what is shown
    yield f"{index}. {item(task.goal, 200)} · {role_name(task.role)} · scope {scope}{more}{after}"
    for text in task.acceptance if len(tasks) == 1 else ():
        yield f"   - {item(text, 200)}"


def _task(index: int, task: Task) -> Iterator[str]:
    scope = ", ".join(code(glob) for glob in task.scope)
    after = f", after {', '.join(str(at + 1) for at in task.depends_on)}" if task.depends_on else ""
    yield f"{index}. {item(task.goal, 200)} ({role_name(task.role)}, scope {scope}{after})"
    for text in task.acceptance:
        yield f"   - {item(text, 200)}"
    for command in task.checks:
        yield f"   - check: {code(command)}"
    if task.no_check_reason:
        yield f"   - no check: {one_line(task.no_check_reason, 200)}"
