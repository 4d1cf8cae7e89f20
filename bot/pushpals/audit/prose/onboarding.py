"""The onboarding pull request: what merging it does, and what would have happened to the last issues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushpals.audit.markdown import truncate_markdown
from pushpals.audit.prose.words import COMMENT_LIMIT, cell, code, count, flat, one_line
from pushpals.model import Risk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushpals.model import Plan

TITLE = "Bring in PushPals"
TITLE_LIMIT = 70
_WHAT = {
    ".github/pushpals.yml": "what PushPals may do here. Read this one; it is short",
    ".github/ISSUE_TEMPLATE/pushpals.yml": "a form for issues: what is wanted, and what must hold in the end",
    ".github/pushpals/policy.schema.json": "helps editors with the first; nothing reads it at work",
}


@dataclass(frozen=True)
class Foretold:
    """What would have become of one issue."""

    number: int
    title: str
    plan: Plan


def verdict(plan: Plan) -> str:
    """Return in a sentence what would have happened under this plan."""
    tasks = "" if len(plan.tasks) == 1 else f", {count(len(plan.tasks), 'pull request')}"
    if plan.risk is Risk.LOW:
        return f"work would begin at once{tasks}"
    if plan.risk is Risk.MEDIUM:
        return f"a plan would wait for the yes of somebody else than who asked{tasks}"
    return f"it would begin with a proposal (RFC), and wait for an explicit yes{tasks}"


def why(plan: Plan) -> str:
    """Return why, and by what the work would be judged."""
    reasons = "; ".join(plan.risk_reasons)
    risk = f"{plan.risk} risk" + (f": {reasons}" if reasons else "")
    checks = ", ".join(code(command) for command in plan.tasks[0].checks)
    return f"{risk}. " + (f"Judged by {checks}" if checks else "No check is known, so it would not end green")


def onboarding_body(
    added: Sequence[str], foretold: Sequence[Foretold], label: str, *, label_made: bool, workflow: str | None
) -> str:
    """Return the text of the pull request. `workflow` is where the workflow file can be added."""
    made = "was made" if label_made else "is there already"
    lines = [
        f"Merging this lets PushPals work on issues with the label `{label}`. It starts nothing by itself.",
        "",
        *(f"- {code(path)}: {_WHAT.get(path, 'new')}" for path in added),
        f"- the label `{label}` {made}; only people with write access start work with it",
    ]
    if workflow:
        rights = "an App needs a right of its own to write workflows, and PushPals does not ask for it."
        add = f"[Add the workflow to this branch]({workflow}), and commit it there"
        lines += ["", f"**Without a server.** {add}: {rights}"]
    lines += ["", "**What would have happened.** " + _introduction(foretold, label)]
    if foretold:
        lines += ["", "| issue | had somebody labelled it | why |", "|---|---|---|"]
        lines += [
            f"| #{each.number} {cell(one_line(each.title, TITLE_LIMIT))} | {cell(verdict(each.plan))} | "
            f"{cell(one_line(why(each.plan), 200))} |"
            for each in foretold
        ]
    ask = "open an issue that says what is wrong, best with an example that a test can show"
    undo = "To undo: revert this pull request, and delete the label."
    lines += ["", f"**Next.** Merge this. Then {ask}, and label it `{label}`. {undo}"]
    return truncate_markdown("\n".join(lines), COMMENT_LIMIT)


def _introduction(foretold: Sequence[Foretold], label: str) -> str:
    if not foretold:
        return "There are no issues yet to try the rules on."
    last = count(len(foretold), "issue")
    tried = f"The rules were tried on the last {last}, as they read now: without a model, at no cost."
    return f"{tried} Nothing was started. With `{label}` on them:"


def onboarding_lines(files: Mapping[str, str], foretold: Sequence[Foretold]) -> list[str]:
    """Return the same for a terminal."""
    lines = [f"{path}\n\n{text}" for path, text in files.items() if path.endswith(".yml")]
    for each in foretold:
        lines.append(f"#{each.number} {flat(each.title, TITLE_LIMIT)}")
        lines.append(f"    {flat(verdict(each.plan), 200)}")
        lines.append(f"    {flat(why(each.plan), 200)}")
    return lines
