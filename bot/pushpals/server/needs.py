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
