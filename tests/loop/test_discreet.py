"""A model is shown no key of this process, and everything else as it is."""

from __future__ import annotations

from collections.abc import Sequence

from pushpals.audit.redact import MARK, Redactor
from pushpals.llm import GREEDY, Completion, Message, Sampling, ToolSpec
from pushpals.loop.discreet import DiscreetModel

KEY = "sk-Zq81xW0pLm55vT"
EXAMPLE = "ghp_" + "a1B2c3D4" * 5


class Listener:
    """A model that remembers what it was shown."""

    name, native_tools, context_tokens, fills = "listener", True, 1000, True

    def __init__(self) -> None:
        self.shown: list[str] = []

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        """Remember both."""
        self.shown += [prefix, suffix]
        return Completion("")

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = GREEDY
    ) -> Completion:
        """Remember what is said."""
        self.shown += [message.content for message in messages]
        return Completion("")

    async def close(self) -> None:
        """Do nothing."""


async def test_keys_are_hidden_and_examples_of_tokens_are_not() -> None:
    listener = Listener()
    model = DiscreetModel(listener, Redactor([KEY]))
    await model.fill(f"a = '{KEY}'", f"b = '{KEY}'")
    await model.complete([Message("user", f"{KEY} {EXAMPLE}")])
    assert listener.shown == [f"a = '{MARK}'", f"b = '{MARK}'", f"{MARK} {EXAMPLE}"]
    assert (model.name, model.native_tools, model.context_tokens, model.fills) == (
        "listener",
        True,
        1000,
        True,
    )
