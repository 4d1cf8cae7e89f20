"""ReviewAgent reads every proposed change before a person does. It never approves in a person's place."""

from pushpals.review_agent.model_review import Brief, Opinion, ask_model
from pushpals.review_agent.rules import review
from pushpals.review_agent.verdict import score, unanswered

__all__ = ["Brief", "Opinion", "ask_model", "review", "score", "unanswered"]
