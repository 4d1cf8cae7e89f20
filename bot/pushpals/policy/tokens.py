"""What credentials look like. Shared by the gate that refuses them and the redactor that hides them."""

from __future__ import annotations

import re
from typing import Final

TOKEN_PATTERNS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    # GitHub never promises a token's length, so only a lower bound is asked for, and dots are taken along.
    ("GitHub token", re.compile(r"\bgh[opsur]_[A-Za-z0-9_.-]{20,}")),
    ("GitHub fine-grained token", re.compile(r"\bgithub_pat_[A-Za-z0-9_]{20,}")),
    ("GitLab token", re.compile(r"\bgl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,}")),
    # Words joined by dashes are no key: one part is long and the whole has a digit.
    (
        "model provider key",
        re.compile(
            r"\bsk-(?=[A-Za-z0-9_-]{0,100}[0-9])(?=[A-Za-z0-9_-]{0,100}[A-Za-z0-9]{12})[A-Za-z0-9_-]{20,}"
        ),
    ),
    ("AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("Google API key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("Slack token", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    ("npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("PyPI token", re.compile(r"\bpypi-AgE[A-Za-z0-9_-]{50,}")),
    ("Hugging Face token", re.compile(r"\bhf_[A-Za-z0-9]{30,}")),
    ("Stripe key", re.compile(r"\b[rs]k_live_[A-Za-z0-9]{16,}")),
    ("JSON web token", re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{10,}")),
    ("private key", re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")),
)
"""Name and pattern of the tokens of services, each recognised by a fixed prefix."""

PRIVATE_KEY_BLOCK: Final = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-]{0,20000}-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
    r"|(?:[\s\"',]|\\[rn]){0,8}(?:[A-Za-z0-9+/=]{16,}(?:[\s\"',]|\\[rn]){0,8}){0,400}[A-Za-z0-9+/=]*)"
)
"""A private key in PEM form, on one line or many; where the end is missing, as much as looks like a key."""
