"""The OpenAI chat-completions protocol as pure functions: values in, JSON out, and back. No network."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pushpals.llm.api import Completion, FinishReason, Message, Sampling, ToolCall, ToolSpec
from pushpals.llm.dialect import Dialect
from pushpals.llm.errors import ModelError

_CHARACTERS_PER_TOKEN = 4
_MOST_CHARACTERS_PER_TOKEN = 16
"""No text takes fewer tokens than this makes of it: a server that counts less counts wrong."""
_THINKING = re.compile(r"\A\s*<think>.*?</think>\s*", re.DOTALL)
_TRY_ANOTHER = "Try again; if it stays so, use another model."


def request_body(
    name: str, messages: Sequence[Message], tools: Sequence[ToolSpec], sampling: Sampling, dialect: Dialect
) -> dict[str, Any]:
    """Return the body of `POST /chat/completions` as the endpoint's dialect wants it."""
    body: dict[str, Any] = {
        "model": name,
        "messages": [_message(m, native_tools=dialect.native_tools) for m in messages],
        dialect.limit_field: sampling.max_tokens,
    }
    wanted = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p if sampling.top_p < 1 else None,
        "seed": sampling.seed,
        "stop": list(sampling.stop) or None,
    }
    body |= {k: v for k, v in wanted.items() if v is not None and k not in dialect.omitted}
    if tools and dialect.native_tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)},
            }
            for t in tools
        ]
    return body


def _message(message: Message, *, native_tools: bool) -> dict[str, Any]:
    if message.role == "tool" and not native_tools:
        # The endpoint turned tools down in mid-conversation: the result is still worth reading.
        return {"role": "user", "content": message.content}
    written: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls and native_tools:
        written["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments)},
            }
            for call in message.tool_calls
        ]
    elif message.tool_calls:
        calls = (f"{call.name}({json.dumps(call.arguments)})" for call in message.tool_calls)
        written["content"] = "\n".join([message.content, *calls]).strip()
    if message.tool_call_id is not None:
        written["tool_call_id"] = message.tool_call_id
    return written


@dataclass(frozen=True)
class Answer:
    """An answer as read off the wire, before time and price are known."""

    text: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    model: str

    def completion(self, *, usd: float | None, seconds: float) -> Completion:
        """Add what the wire does not say."""
        return Completion(
            text=self.text,
            tool_calls=self.tool_calls,
            finish_reason=self.finish_reason,
            tokens_in=self.tokens_in,
            tokens_out=self.tokens_out,
            tokens_cached=self.tokens_cached,
            usd=usd,
            seconds=seconds,
            model=self.model,
        )


def parse_answer(raw: str, sent: Mapping[str, Any], *, may_be_empty: bool = False) -> Answer:
    """Read the body of a 200 answer to the request body `sent`.

    Raises ModelError `garbage` for anything that is no answer (HTML, no choices, an empty text without
    tool calls, tool arguments that are no JSON object), `refused` when a content filter ended it.
    """
    body = _object(raw)
    choice = _first_choice(body)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise _garbage("The model's answer holds no message.")
    calls = tuple(_tool_call(call) for call in message.get("tool_calls") or ())
    text = _text(message)
    finish = _finish_reason(choice.get("finish_reason"), has_calls=bool(calls))
    if not text.strip() and not calls and not may_be_empty:
        raise _empty(finish)
    counts = _usage(body.get("usage"), sent, raw, len(json.dumps(message, ensure_ascii=False)))
    return Answer(text, calls, finish, *counts, model=str(body.get("model") or sent["model"]))


def _object(raw: str) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError:
        head = raw.lstrip()[:1]
        kind = "a web page" if head == "<" else "nothing" if not head else "text that is not JSON"
        raise ModelError(
            "garbage",
            f"The model endpoint answered with {kind}.",
            "Check that the address is that of an OpenAI-compatible API (it usually ends in /v1).",
        ) from None
    if not isinstance(body, dict):
        raise _garbage("The model endpoint answered with JSON that is no object.")
    return body


def _first_choice(body: Mapping[str, Any]) -> dict[str, Any]:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise _garbage("The model's answer holds no choices.")
    return choices[0]


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if content is None:
        return ""
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    if not isinstance(content, str):
        raise _garbage("The model's answer is not text.")
    # Reasoning models behind plain servers put their thoughts first; only what follows is the answer.
    return _THINKING.sub("", content, count=1)


def _tool_call(call: object) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict) or not function.get("name"):
        raise _garbage("The model called a tool without naming it.")
    name = str(function["name"])
    arguments = function.get("arguments") or "{}"
    try:
        parsed = json.loads(arguments) if isinstance(arguments, str) else arguments
    except ValueError:
        raise _garbage(f"The model called the tool {name[:60]!r} with arguments that are not JSON.") from None
    if not isinstance(parsed, dict):
        raise _garbage(f"The model called the tool {name[:60]!r} with arguments that are no JSON object.")
    return ToolCall(id=str(call.get("id") or name), name=name, arguments=parsed)


def _finish_reason(reason: object, *, has_calls: bool) -> FinishReason:
    if has_calls:
        return "tool_calls"
    if reason == "length":
        return "length"
    return "content_filter" if reason == "content_filter" else "stop"


def _empty(finish: FinishReason) -> ModelError:
    if finish == "content_filter":
        return ModelError(
            "refused",
            "The provider's content filter stopped the answer.",
            "Reword the request, or use another model.",
        )
    if finish == "length":
        return _garbage("The model used up its answer limit without saying anything.")
    return _garbage("The model answered with an empty text.")


def _garbage(what: str) -> ModelError:
    return ModelError("garbage", what, _TRY_ANOTHER)


def _usage(usage: object, sent: Mapping[str, Any], raw: str, said: int) -> tuple[int, int, int]:
    """Return tokens (in, out, cached); estimated from the texts' length where the server does not count.

    An estimate rather than zero, because a budget in tokens must end some day. For the same reason a count
    that cannot be true is raised to what the texts take at least.
    """
    asked = len(json.dumps(sent.get("messages") or sent.get("prompt"), ensure_ascii=False))
    if not isinstance(usage, dict) or not _count(usage.get("prompt_tokens")):
        return asked // _CHARACTERS_PER_TOKEN, len(raw) // _CHARACTERS_PER_TOKEN, 0
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    tokens_in = max(_count(usage["prompt_tokens"]), _least(asked))
    return tokens_in, max(_count(usage.get("completion_tokens")), _least(said)), min(cached, tokens_in)


def _least(characters: int) -> int:
    return characters // _MOST_CHARACTERS_PER_TOKEN


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
