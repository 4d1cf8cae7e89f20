"""What a GitHub App must be given so that PushPals can work: `doctor`, the demo and the docs go by this."""

from __future__ import annotations

APP_PERMISSIONS = {
    "actions": "read",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "pull_requests": "write",
    "statuses": "read",
}
"""Repository permissions, by GitHub's API names. GitHub's pages call `statuses` "Commit statuses"."""

WHY = {
    "actions": "read the log of a red job on a pull request of its own",
    "checks": "show what runs and what came of it",
    "contents": "fetch; push the branch of the work, and the records under refs/pushpals/",
    "issues": "read what is asked, acknowledge it, comment",
    "pull_requests": "open the pull request, and keep it up to date",
    "statuses": "know what the repository's own CI says",
}
"""What each of them is for."""

APP_EVENTS = (
    "check_run",
    "check_suite",
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "status",
)
"""Webhook events."""
