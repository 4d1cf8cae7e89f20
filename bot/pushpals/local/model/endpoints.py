"""Asking model servers what they have. Answers are hints, read with care: any server may be there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp
from pydantic import SecretStr

from pushpals.llm import ModelError, on_this_machine, public_url

_NOT_CHAT = re.compile(
    "embed|bge-|rerank|whisper|tts|transcribe|dall-e|image|sora|moderation|audio|realtime|davinci|babbage"
)
_CHAT_TYPES = frozenset({"llm", "vlm"})
_CONTEXT_FIELDS = ("loaded_context_length", "max_model_len", "context_length", "context_window")
"""Where servers say how much a model takes: LM Studio, vLLM, OpenRouter, Groq."""


@dataclass(frozen=True)
class Listed:
    """A chat model a server offers. `context_tokens` is None when it does not say."""

    name: str
    context_tokens: int | None = None


async def list_models(url: str, *, api_key: SecretStr | None = None, seconds: float = 10.0) -> list[Listed]:
    """Return the chat models that `GET {url}/models` lists: those in memory first, else in its order.

    Raises ModelError `unreachable`, `auth`, or `garbage` when the answer is no list of models.
    """
    body = await ask(f"{url}/models", api_key=api_key, seconds=seconds)
    entries = body.get("data") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        raise _no_list(url)
    chat = [entry for entry in entries if isinstance(entry, dict) and _is_chat(entry)]
    chat.sort(key=lambda entry: entry.get("state") == "not-loaded")
    return [Listed(entry["id"], _context(entry)) for entry in chat]


async def ask(
    url: str, *, api_key: SecretStr | None = None, seconds: float, body: dict[str, Any] | None = None
) -> Any:  # noqa: ANN401 - JSON
    """GET a JSON value, or POST `body` for one, within so many seconds; raises ModelError."""
    headers = {"Authorization": f"Bearer {api_key.get_secret_value()}"} if api_key else {}
    timeout = aiohttp.ClientTimeout(total=seconds)
    # Proxies are for the world outside.
    trust_env = not on_this_machine(url)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers, trust_env=trust_env) as session,
            session.request(
                "GET" if body is None else "POST", url, json=body, allow_redirects=False
            ) as answer,
        ):
            if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                raise ModelError(
                    "auth",
                    f"{public_url(url)} did not accept the API key ({answer.status}).",
                    "Check the key.",
                )
            if answer.status != HTTPStatus.OK:
                raise _no_list(url)
            return json.loads(await answer.read())
    except ValueError:
        raise _no_list(url) from None
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ModelError(
            "unreachable",
            f"No model server answers at {public_url(url)} ({type(error).__name__}).",
            "Check that it is running and that the address is right.",
        ) from None


def _is_chat(entry: dict[str, Any]) -> bool:
    name = entry.get("id")
    if not isinstance(name, str) or entry.get("type", "llm") not in _CHAT_TYPES | {"model"}:
        return False
    return _NOT_CHAT.search(name.lower()) is None


def _context(entry: dict[str, Any]) -> int | None:
    values = (entry.get(field) for field in _CONTEXT_FIELDS)
    return next((value for value in values if isinstance(value, int) and value > 0), None)


def _no_list(url: str) -> ModelError:
    return ModelError(
        "garbage",
        f"{public_url(url)} does not answer like an OpenAI-compatible API.",
        "Check the address (it usually ends in /v1).",
    )
