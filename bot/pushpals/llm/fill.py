"""Filling a gap in code: what code models learn beside chat, and what the smallest of them do best.

The marks are those of Qwen2.5-Coder ("Qwen2.5-Coder Technical Report", 2024, section 3.2.1:
fill-in-the-middle).
"""

from __future__ import annotations

import json
from typing import Any

from pushpals.llm.api import Sampling

_PREFIX, _SUFFIX, _MIDDLE = "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"


def fill_body(model: str, prefix: str, suffix: str, sampling: Sampling) -> dict[str, Any]:
    """Return the request body for the text between `prefix` and `suffix`.

    Marks that stand in the text itself are broken up: only ours may mean something.
    """
    plain_prefix, plain_suffix = (text.replace("<|", "< |") for text in (prefix, suffix))
    body: dict[str, Any] = {
        "model": model,
        "prompt": f"{_PREFIX}{plain_prefix}{_SUFFIX}{plain_suffix}{_MIDDLE}",
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
    }
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    return body


def as_chat(raw: str) -> str:
    """Return a completion's answer in the shape of a chat's, so that it is read and checked in one way.

    What is not a completion is returned as it is, and found wanting there.
    """
    try:
        answer = json.loads(raw)
        for choice in answer["choices"]:
            choice["message"] = {"role": "assistant", "content": choice.pop("text")}
    except (ValueError, KeyError, TypeError):
        return raw
    return json.dumps(answer)
