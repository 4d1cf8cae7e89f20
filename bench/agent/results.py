"""What became of one bug, as a line of the file of results."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

Way = Literal["agent", "whole file", "mini-swe-agent"]


class Result(BaseModel):
    """What became of one bug by one way."""

    bug: str
    kind: str
    half: str
    way: Way
    right: bool
    """Whether the unseen tests pass."""
    seen: bool
    """Whether the tests that were shown pass."""
    tries: int
    tokens_in: int
    tokens_out: int
    seconds: float
    model_seconds: float
    """How much of them was waiting for the model."""
    stopped: bool = False
    """Whether it was stopped because it took too long, or the model was away."""

    @property
    def tokens(self) -> int:
        """Tokens sent and received."""
        return self.tokens_in + self.tokens_out
