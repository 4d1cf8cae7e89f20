"""Recording a model's answers in a file, and playing them back without a model.

A recording is JSON lines: a header, then one answer per line with a digest of the request it answered.
Requests differ between runs in what does not matter (times, commit ids, temporary paths, fences around
quoted text), so digests are taken of the text with those struck out. An answer is found by its request's
digest, else by its place, provided that the conversation has the same shape there.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pushpals.llm.api import GREEDY, ChatModel, Completion, Message, Sampling, ToolCall, ToolSpec
from pushpals.llm.errors import ModelError
from pushpals.llm.passing import PassingModel

_FORMAT = 1
_PASSING = re.compile(r"(?:/tmp|/var/tmp|/private)/\S+|\b[0-9a-f]{7,64}\b|\d+(?:\.\d+)?")
"""What differs between two runs of the same work: temporary paths, ids and digests, numbers."""


class RecordingModel(PassingModel):
    """A `ChatModel` that writes every answer of `inner` to the file `path`, which it starts anew."""

    def __init__(self, inner: ChatModel, path: Path) -> None:
        super().__init__(inner)
        self._path = path
        header = {
            "recording": _FORMAT,
            "model": inner.name,
            "native_tools": inner.native_tools,
            "context_tokens": inner.context_tokens,
            "fills": inner.fills,
        }
        path.write_text(_line(header), encoding="utf-8")

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        """Pass the gap on, and keep the answer. Errors are passed on and not kept."""
        answer = await super().fill(prefix, suffix, sampling=sampling)
        gap = gap_of(prefix, suffix)
        self._keep(_Entry(digest_of(gap), shape_of(gap), answer))
        return answer

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = GREEDY,
    ) -> Completion:
        """Pass the conversation on, and keep the answer. Errors are passed on and not kept."""
        answer = await super().complete(messages, tools=tools, sampling=sampling)
        self._keep(_Entry(digest_of(messages), shape_of(messages), answer))
        return answer

    def _keep(self, entry: _Entry) -> None:
        with self._path.open("a", encoding="utf-8") as recording:
            recording.write(_line(entry.to_json()))


class ReplayModel:
    """A `ChatModel` that answers from a recording. Free, and as quick as reading a list.

    Raises ModelError `unavailable` at the start when the file is missing or no recording, `refused` when
    a conversation leaves the recorded one.
    """

    def __init__(self, path: Path) -> None:
        header, self._entries = _read(path)
        self.name = f"replay of {header.get('model', 'a model')}"
        self.native_tools = bool(header.get("native_tools", False))
        self.context_tokens = int(header.get("context_tokens", 16_384))
        self.fills = bool(header.get("fills", False))
        self._left = list(range(len(self._entries)))

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = GREEDY,
    ) -> Completion:
        """Return the recorded answer to this conversation; its tokens are those of the recorded run."""
        del tools, sampling  # What was recorded was drawn already.
        return self._next(messages)

    async def fill(self, prefix: str, suffix: str, *, sampling: Sampling = GREEDY) -> Completion:
        """Return the recorded answer to this gap."""
        del sampling
        return self._next(gap_of(prefix, suffix))

    def _next(self, messages: Sequence[Message]) -> Completion:
        place = self._find(digest_of(messages), shape_of(messages))
        if place is None:
            raise ModelError(
                "refused",
                f"The recording holds no answer to this request ({len(self._entries)} answers, "
                f"{len(self._left)} not used): the run has left the recorded one.",
                "A replay only repeats the recorded demo; choose a model for anything else.",
            )
        self._left.remove(place)
        return self._entries[place].answer

    async def close(self) -> None:
        """Nothing is held open."""

    def _find(self, digest: str, shape: str) -> int | None:
        for place in self._left:
            if self._entries[place].digest == digest:
                return place
        if self._left and self._entries[self._left[0]].shape == shape:
            return self._left[0]
        return None


def gap_of(prefix: str, suffix: str) -> tuple[Message, Message]:
    """Return a gap in the shape of a conversation, as a recording keeps it."""
    return Message("system", prefix), Message("system", suffix)


def digest_of(messages: Sequence[Message]) -> str:
    """Return a short digest (hex) of a conversation, blind to what differs between two runs of it."""
    said = [[m.role, m.content, [[c.name, c.arguments] for c in m.tool_calls]] for m in messages]
    text = _PASSING.sub("#", json.dumps(said, sort_keys=True))
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()[:16]


def shape_of(messages: Sequence[Message]) -> str:
    """Return the roles of a conversation, one letter each."""
    return "".join(m.role[0] for m in messages)


@dataclass(frozen=True)
class _Entry:
    digest: str
    shape: str
    answer: Completion

    def to_json(self) -> dict[str, Any]:
        calls = [{"id": c.id, "name": c.name, "arguments": c.arguments} for c in self.answer.tool_calls]
        written: dict[str, Any] = {
            "request": self.digest,
            "shape": self.shape,
            "text": self.answer.text,
            "finish_reason": self.answer.finish_reason,
            "tokens": [self.answer.tokens_in, self.answer.tokens_cached, self.answer.tokens_out],
        }
        return written | ({"tool_calls": calls} if calls else {})

    @classmethod
    def from_json(cls, written: dict[str, Any], model: str) -> _Entry:
        tokens_in, tokens_cached, tokens_out = written["tokens"]
        answer = Completion(
            text=written["text"],
            tool_calls=tuple(ToolCall(**call) for call in written.get("tool_calls", ())),
            finish_reason=written["finish_reason"],
            tokens_in=tokens_in,
            tokens_cached=tokens_cached,
            tokens_out=tokens_out,
            model=model,
        )
        return cls(written["request"], written["shape"], answer)


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


def _read(path: Path) -> tuple[dict[str, Any], list[_Entry]]:
    try:
        header, *lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        if header["recording"] != _FORMAT:
            raise _unreadable(path, f"its format is {header['recording']}, not {_FORMAT}")
        return header, [_Entry.from_json(line, f"replay of {header['model']}") for line in lines]
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from None
    except (ValueError, KeyError, TypeError):
        raise _unreadable(path, "it is not a recording") from None


def _unreadable(path: Path, why: str) -> ModelError:
    return ModelError(
        "unavailable",
        f"The recording {path.name} cannot be played: {why}.",
        "Name another file, or choose a model.",
    )
