"""ReviewAgent reads every proposed change before a person does. It never approves in a person's place."""

from pushpals.review_agent.rules import review

__all__ = ["review"]
