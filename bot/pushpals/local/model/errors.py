"""The error of this package: the embedded model cannot be used, and what to do instead."""

from __future__ import annotations

from pushpals.llm import ModelError

_OWN_MODEL = "name a model of your own (--model-url, --model), or start LM Studio or Ollama on this machine"


def unavailable(what: str, remedy: str) -> ModelError:
    """Return a ModelError `unavailable`; `remedy` is an order without its full stop."""
    return ModelError("unavailable", what, f"{remedy}, or {_OWN_MODEL}.")
