"""Cleaning text both ways: what a model may read, and what people and GitHub may read of a model's words."""

from __future__ import annotations

import re

from pushpals.audit.markdown import truncate_markdown
from pushpals.audit.outgoing import clean_model_text
from pushpals.audit.unseen import Cleaned, strip_unseen
from pushpals.audit.untrusted import clean_untrusted

__all__ = ["Cleaned", "clean_model_text", "clean_untrusted", "fence", "strip_unseen", "truncate_markdown"]


def fence(text: str, nonce: str, label: str) -> str:
    """Return `text` between two lines that it cannot forge, because it never holds the nonce.

    `nonce` is random, at least 16 letters or digits, new for each prompt; `label` says in lower-case words
    what the text is. Raises ValueError for any other.
    """
    if not re.fullmatch(r"[A-Za-z0-9]{16,}", nonce):
        raise ValueError("a nonce has at least 16 letters or digits")
    if not re.fullmatch(r"[a-z0-9][a-z0-9 ._-]{0,60}", label):
        raise ValueError(f"{label!r} is not a label of lower-case words")
    inside = re.sub(nonce, "(removed)", text, flags=re.IGNORECASE)
    return f"--- begin {label} {nonce} ---\n{inside}\n--- end {label} {nonce} ---"
