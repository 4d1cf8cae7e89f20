"""Every sentence that people read on GitHub is rendered here, from the ledger's facts alone.

The functions are pure and their output depends only on records, never on the clock: the loop
compares what it would write with what stands there, and writes only what differs.

One module for each thing that is written: the progress comment, check runs, the pull request, refusals,
the plan. What they share is in `words` and `evidence`. A text from elsewhere (a title, a cause, a path) goes
through `one_line`, `item`, `code`, `plain` or `flat` of `words`, so that it stays in its place and does
nothing.
"""

from pushpals.audit.prose.check_run import check_summary, check_title, policy_check
from pushpals.audit.prose.onboarding import TITLE as ONBOARDING_TITLE
from pushpals.audit.prose.onboarding import Foretold, onboarding_body, onboarding_lines
from pushpals.audit.prose.plan import (
    plan_body,
    plan_check,
    plan_closed,
    plan_commit_message,
    plan_file,
    plan_markdown,
    plan_name,
    plan_path,
    plan_title,
    question_comment,
    question_mark,
    roles_check,
    void_comment,
    void_mark,
)
from pushpals.audit.prose.progress import PLAN, PROGRESS_MARK, progress_comment, standing_of
from pushpals.audit.prose.pull_request import commit_message, pull_body, pull_title
from pushpals.audit.prose.refusals import (
    access_refusal,
    changed_refusal,
    damage_mark,
    damage_refusal,
    policy_mark,
    policy_refusal,
    refusal_mark,
    too_many_refusal,
)
from pushpals.audit.prose.rounds import (
    left_to_a_person,
    orders_for_worker,
    reply_mark,
    report_mark,
    round_reply,
    round_words,
)
from pushpals.audit.prose.words import count, duration, one_line, role_name, spent

__all__ = [
    "ONBOARDING_TITLE",
    "PLAN",
    "PROGRESS_MARK",
    "Foretold",
    "access_refusal",
    "changed_refusal",
    "check_summary",
    "check_title",
    "commit_message",
    "count",
    "damage_mark",
    "damage_refusal",
    "duration",
    "left_to_a_person",
    "onboarding_body",
    "onboarding_lines",
    "one_line",
    "orders_for_worker",
    "plan_body",
    "plan_check",
    "plan_closed",
    "plan_commit_message",
    "plan_file",
    "plan_markdown",
    "plan_name",
    "plan_path",
    "plan_title",
    "policy_check",
    "policy_mark",
    "policy_refusal",
    "progress_comment",
    "pull_body",
    "pull_title",
    "question_comment",
    "question_mark",
    "refusal_mark",
    "reply_mark",
    "report_mark",
    "role_name",
    "roles_check",
    "round_reply",
    "round_words",
    "spent",
    "standing_of",
    "too_many_refusal",
    "void_comment",
    "void_mark",
]
