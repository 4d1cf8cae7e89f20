"""Choosing the model: the one named, else one that runs on this machine already, else the embedded one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from pushpals.llm import ChatModel, ModelError, OpenAICompatModel, ReplayModel, on_this_machine, public_url
from pushpals.local.model.embedded import Progress, ensure_model
from pushpals.local.model.endpoints import Listed, ask, list_models
from pushpals.local.model.files import embedded_model
from pushpals.local.model.lasting import LastingModel
from pushpals.local.model.machine import resources
from pushpals.local.model.server import EmbeddedServer

SAMPLE_RECORDING = Path(__file__).with_name("recordings") / "sample.jsonl"
EMBEDDED = "embedded"
REPLAY = "replay"
EMBEDDED_NAME = "qwen2.5-coder-1.5b-instruct"
OPENAI_URL = "https://api.openai.com/v1"
OPENAI_DEFAULTS = ("gpt-6-luna", "gpt-5.6-luna", "gpt-5-mini")
"""Used where a key was given and no name: able enough for one-function fixes, and cheap."""
_CONTEXT = 32_768
"""Assumed of a server that does not say; every current hosted model takes more."""
_LOCAL_CONTEXT = 4_096
"""What LM Studio and Ollama give a model unless told otherwise. Ollama drops what is above without a word."""
_PROBE_SECONDS = 0.3
_LOAD_SECONDS = 300.0


@dataclass(frozen=True)
class Wanted:
    """What the person asked for, as the door read it from options and environment.

    `url` and `name` come from --model-url and --model, `openai_url` and `api_key` from OPENAI_BASE_URL and
    OPENAI_API_KEY. `name` may be `embedded` or `replay`. The key is sent to `url`, `openai_url` or OpenAI
    only, never to a server that was found by looking.
    """

    url: str | None = None
    name: str | None = None
    openai_url: str | None = None
    api_key: SecretStr | None = None


@dataclass(frozen=True)
class Surroundings:
    """Where things are: the cache folder of PushPals, and the door's environment for what it starts.

    `parallel` is how many requests the embedded model answers at a time.
    """

    cache: Path
    environ: Mapping[str, str]
    lm_studio: str = "http://127.0.0.1:1234"
    ollama: str = "http://127.0.0.1:11434"
    recording: Path = SAMPLE_RECORDING
    parallel: int = 1


@dataclass(frozen=True)
class ChosenModel:
    """The model to use. `description` is for people; `server` is the process we started for it, if any."""

    name: str
    description: str
    url: str | None = None
    api_key: SecretStr | None = None
    native_tools: bool = True
    context_tokens: int = _CONTEXT
    fills: bool = False
    server: EmbeddedServer | None = None
    recording: Path | None = None

    def connect(self, *, timeout: float = 300.0) -> ChatModel:
        """Return the chat model; `timeout` in seconds for each try. Raises ModelError for a bad recording."""
        if self.recording is not None:
            return ReplayModel(self.recording)
        if self.url is None:
            raise TypeError("a model needs an address or a recording")

        def at(url: str) -> ChatModel:
            return OpenAICompatModel(
                url,
                self.name,
                api_key=self.api_key,
                native_tools=self.native_tools,
                context_tokens=self.context_tokens,
                fills=self.fills,
                timeout=timeout,
            )

        return at(self.url) if self.server is None else LastingModel(self.server, at)

    async def close(self) -> None:
        """End the process that was started for it, if any."""
        if self.server is not None:
            await self.server.close()


async def choose_model(
    wanted: Wanted, surroundings: Surroundings, *, progress: Progress | None = None
) -> ChosenModel:
    """Choose, and for the embedded model fetch (`progress`: bytes done, bytes in all) and start it.

    The order: what was named; OPENAI_BASE_URL or OPENAI_API_KEY; LM Studio; Ollama; the embedded model.
    Raises ModelError. What was asked for in as many words is never replaced by something else.
    """
    if wanted.name == REPLAY and wanted.url is None:
        return _replay(surroundings)
    if wanted.name == EMBEDDED and wanted.url is None:
        return await _embedded(surroundings, progress)
    if wanted.url is not None:
        return await _endpoint(wanted.url, wanted)
    if wanted.openai_url or wanted.api_key:
        return await _endpoint(wanted.openai_url or OPENAI_URL, wanted)
    running = await _running(wanted.name, surroundings)
    if running is not None:
        return running
    if wanted.name not in {None, EMBEDDED_NAME}:
        raise ModelError(
            "unavailable",
            f"No model server on this machine lists a model named {wanted.name!r}.",
            "Start LM Studio or Ollama with it, or say where it is with --model-url.",
        )
    return await _embedded(surroundings, progress)


async def _endpoint(url: str, wanted: Wanted) -> ChosenModel:
    """Choose at an address that was given; asks the server what it has, but does not insist on an answer."""
    try:
        listed = await list_models(url, api_key=wanted.api_key)
    except ModelError as error:
        if error.cause != "garbage" or wanted.name is None:
            raise
        listed = []  # Some gateways serve a model they are asked for and list none.
    name = wanted.name or model_to_use(listed, url)
    context = next((m.context_tokens for m in listed if m.name == name), None)
    return ChosenModel(
        name=name,
        description=f"{name} at {public_url(url)}",
        url=url,
        api_key=wanted.api_key,
        context_tokens=context or _CONTEXT,
    )


def model_to_use(listed: Sequence[Listed], url: str) -> str:
    """Return the name to use where none was given.

    That is the server's only model, the first on this machine, or one known to be cheap; raises ModelError
    `refused` rather than choose among others.
    """
    names = [model.name for model in listed]
    if names and (len(names) == 1 or on_this_machine(url)):
        return names[0]
    default = next((name for name in OPENAI_DEFAULTS if name in names), None)
    if default is not None:
        return default
    # Anything else might be the dearest of two hundred models.
    some = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")  # noqa: PLR2004
    raise ModelError(
        "refused",
        f"No model was named, and {public_url(url)} offers {some or 'none'}.",
        "Name one with --model.",
    )


async def _running(name: str | None, surroundings: Surroundings) -> ChosenModel | None:
    """Choose at LM Studio or Ollama on this machine: the model named, else the first; None without one."""
    servers = (("LM Studio", surroundings.lm_studio), ("Ollama", surroundings.ollama))
    offers = await asyncio.gather(*(_offer(address) for _, address in servers))
    for (server, address), offer in zip(servers, offers, strict=True):
        model = next((m for m in offer if name in {None, m.name}), None)
        if model is not None:
            return ChosenModel(
                name=model.name,
                description=f"{model.name} ({server} on this machine)",
                url=f"{address}/v1",
                context_tokens=await _loaded_context(server, address, model.name),
            )
    return None


async def _offer(address: str) -> list[Listed]:
    try:
        return await list_models(f"{address}/v1", seconds=_PROBE_SECONDS)
    except ModelError:
        return []


async def _loaded_context(server: str, address: str, name: str) -> int:
    """Have the server load the model, and return the context it was given, in tokens."""
    warm_up = {"model": name, "max_tokens": 1, "messages": [{"role": "user", "content": "Hello"}]}
    try:
        await ask(f"{address}/v1/chat/completions", seconds=_LOAD_SECONDS, body=warm_up)
        if server == "Ollama":
            running = await ask(f"{address}/api/ps", seconds=_PROBE_SECONDS)
            known = {m["name"]: m["context_length"] for m in running["models"]}
        else:
            known = {m.name: m.context_tokens for m in await list_models(f"{address}/api/v0")}
    except (ModelError, KeyError, TypeError):
        known = {}  # An older version, which does not say.
    return int(known.get(name) or _LOCAL_CONTEXT)


async def _embedded(surroundings: Surroundings, progress: Progress | None) -> ChosenModel:
    model, means = embedded_model(), resources()
    gguf = await ensure_model(model, surroundings.cache, environ=surroundings.environ, progress=progress)
    server = await EmbeddedServer.start(
        gguf,
        name=EMBEDDED_NAME,
        resources=means,
        log=surroundings.cache / "embedded-model.log",
        environ=surroundings.environ,
        parallel=surroundings.parallel,
    )
    return ChosenModel(
        name=EMBEDDED_NAME,
        description=f"{EMBEDDED_NAME} (embedded, verified)",
        url=server.url,
        api_key=server.api_key,
        native_tools=False,
        context_tokens=means.context,
        fills=True,
        server=server,
    )


def _replay(surroundings: Surroundings) -> ChosenModel:
    replayed = ReplayModel(surroundings.recording)
    return ChosenModel(
        name=replayed.name,
        description=f"{replayed.name}: recorded answers, no model runs",
        native_tools=replayed.native_tools,
        context_tokens=replayed.context_tokens,
        fills=replayed.fills,
        recording=surroundings.recording,
    )
