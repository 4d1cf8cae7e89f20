"""What a GitHub App must be given so that PushPals can work: `doctor`, the demo and the docs go by this."""

from __future__ import annotations

APP_PERMISSIONS = {"checks": "write", "contents": "write", "issues": "write", "pull_requests": "write"}
"""Repository permissions."""

APP_EVENTS = ("issues", "pull_request")
"""Webhook events."""
