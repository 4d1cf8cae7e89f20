"""What an endpoint takes: the differences between servers that all call themselves OpenAI-compatible.

A dialect starts from the common form of the protocol and learns from refusals: an endpoint that answers
"unsupported parameter" is asked once more without it, and never again with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_SAMPLING_FIELDS = re.compile(r"\b(temperature|top_p|seed|stop)\b")
_REFUSALS = frozenset({400, 404, 422, 500, 501})
"""Statuses used to say that a feature is missing; llama.cpp and some gateways use 500 and 404 for it."""


@dataclass(frozen=True)
class Dialect:
    """What one endpoint takes. `native_tools` False means that tools are never sent."""

    native_tools: bool = True
    limit_field: str = "max_tokens"
    omitted: frozenset[str] = frozenset()

    def adapted(self, status: int, text: str, *, tools_sent: bool) -> Dialect | None:
        """Return the dialect that avoids a refusal, or None when the refusal is about something else.

        `text` is what the server said, `tools_sent` whether the refused request held tools.
        """
        if status not in _REFUSALS:
            return None
        said = text.lower()
        if self.limit_field == "max_tokens" and "max_completion_tokens" in said:
            return replace(self, limit_field="max_completion_tokens")
        if tools_sent and self.native_tools and re.search(r"\btools?\b|tool_|function call", said):
            return replace(self, native_tools=False)
        named = frozenset(_SAMPLING_FIELDS.findall(said))
        return replace(self, omitted=self.omitted | named) if named - self.omitted else None
