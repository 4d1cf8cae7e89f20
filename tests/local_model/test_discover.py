"""Which model is used, and what a person is told when there is none."""

import json
import socket
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from pushpals.llm import ModelError, ReplayModel
from pushpals.local.model import Surroundings, Wanted, choose_model
from tests.llm.fake_endpoint import FakeEndpoint, fake_endpoint, refuses, says, sends

OFFLINE = {"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1"}


def serves(**bodies: Any) -> Any:
    """Answer by the last part of the path; anything else is 404."""

    async def reply(request: web.Request) -> web.StreamResponse:
        body = bodies.get(request.path.rpartition("/")[2])
        return await (refuses(404, "no such page") if body is None else sends(body))(request)

    return reply


def lists(*names: str, **more: Any) -> dict[str, Any]:
    return {"object": "list", "data": [{"id": name, **more} for name in names]}


def base(endpoint: FakeEndpoint) -> str:
    return endpoint.url.removesuffix("/v1")


@pytest.fixture
async def lm_studio():
    async with fake_endpoint() as endpoint:
        endpoint.will(serves(models=lists()))
        yield endpoint


@pytest.fixture
async def ollama():
    async with fake_endpoint() as endpoint:
        endpoint.will(serves(models=lists()))
        yield endpoint


@pytest.fixture
def around(tmp_path, lm_studio, ollama):
    return Surroundings(
        cache=tmp_path,
        environ=OFFLINE,
        lm_studio=base(lm_studio),
        ollama=base(ollama),
        recording=tmp_path / "sample.jsonl",
    )


@pytest.fixture
async def hosted():
    async with fake_endpoint() as endpoint:
        endpoint.will(serves(models=lists("big-one", "small-one")))
        yield endpoint


async def refused(wanted: Wanted, around: Surroundings) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await choose_model(wanted, around)
    return caught.value


async def test_what_was_named_is_used_and_connected_with_its_key(hosted, around):
    wanted = Wanted(url=hosted.url, name="big-one", api_key=SecretStr("sk-mine"))
    chosen = await choose_model(wanted, around)
    assert chosen.description == f"big-one at {hosted.url}"
    assert "sk-mine" not in repr(chosen)

    hosted.will(says("Hello."))
    model = chosen.connect()
    assert model.name == "big-one"
    assert model.native_tools
    await model.complete([])
    await model.close()
    await chosen.close()
    assert set(hosted.keys) == {"Bearer sk-mine"}


async def test_the_address_of_the_environment_comes_after_the_one_named(hosted, lm_studio, around):
    named = await choose_model(
        Wanted(url=hosted.url, name="big-one", openai_url="http://127.0.0.1:9/v1"), around
    )
    assert named.url == hosted.url
    from_environment = await choose_model(Wanted(openai_url=hosted.url), around)
    assert from_environment.name == "big-one"
    assert lm_studio.paths == []


async def test_what_was_named_and_is_down_is_not_replaced(lm_studio, around):
    lm_studio.will(serves(models=lists("qwen3-coder")))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await refused(Wanted(url=f"http://127.0.0.1:{unused.getsockname()[1]}/v1"), around)
    assert error.cause == "unreachable"
    assert lm_studio.paths == []


async def test_a_wrong_key_is_noticed_at_the_start(hosted, around):
    hosted.will(refuses(401, "wrong key"))
    assert (await refused(Wanted(url=hosted.url, name="big-one"), around)).cause == "auth"


async def test_a_gateway_that_lists_nothing_still_serves_what_is_named(hosted, around):
    hosted.will(refuses(404, "no such page"))
    assert (await choose_model(Wanted(url=hosted.url, name="big-one"), around)).name == "big-one"
    error = await refused(Wanted(url=hosted.url), around)
    assert error.cause == "garbage"
    assert "/v1" in str(error)


async def test_the_context_is_what_the_server_says(hosted, around):
    hosted.will(serves(models=lists("big-one", max_model_len=65_536)))
    assert (await choose_model(Wanted(url=hosted.url), around)).context_tokens == 65_536


async def test_a_running_lm_studio_is_found_and_its_loaded_model_comes_first(lm_studio, ollama, around):
    states = [
        {"id": "text-embedding-nomic", "type": "embeddings", "state": "loaded"},
        {"id": "on-disk", "type": "llm", "state": "not-loaded", "max_context_length": 131_072},
        {"id": "in-memory", "type": "llm", "state": "loaded", "loaded_context_length": 8_192},
    ]
    lm_studio.will(serves(models={"data": states}, completions={}))
    ollama.will(serves(models=lists("qwen3:8b")))
    chosen = await choose_model(Wanted(), around)
    assert chosen.description == "in-memory (LM Studio on this machine)"
    assert (chosen.url, chosen.context_tokens) == (lm_studio.url, 8_192)


async def test_a_running_ollama_is_found_and_asked_how_much_it_takes(ollama, around):
    running = {"models": [{"name": "qwen3:8b", "context_length": 12_288}]}
    ollama.will(serves(models=lists("nomic-embed-text:latest", "qwen3:8b"), completions={}, ps=running))
    chosen = await choose_model(Wanted(), around)
    assert chosen.description == "qwen3:8b (Ollama on this machine)"
    assert chosen.context_tokens == 12_288
    assert ollama.paths == ["/v1/models", "/v1/chat/completions", "/api/ps"]


async def test_a_server_that_does_not_say_is_taken_to_have_little_room(ollama, around):
    ollama.will(serves(models=lists("qwen3:8b")))
    assert (await choose_model(Wanted(), around)).context_tokens == 4_096


async def test_a_name_alone_is_looked_for_on_this_machine(lm_studio, ollama, around):
    lm_studio.will(serves(models=lists("other")))
    ollama.will(serves(models=lists("qwen3:8b", "devstral:24b")))
    assert (await choose_model(Wanted(name="devstral:24b"), around)).url == ollama.url
    error = await refused(Wanted(name="mixtral"), around)
    assert error.cause == "unavailable"
    assert "'mixtral'" in str(error)


async def test_keys_are_not_sent_to_servers_that_were_only_found(lm_studio, ollama, around):
    ollama.will(serves(models=lists("qwen3:8b"), completions={}))
    await choose_model(Wanted(), around)
    assert set(lm_studio.keys + ollama.keys) == {None}


@pytest.mark.parametrize("name", [None, "embedded", "qwen2.5-coder-1.5b-instruct"])
async def test_without_any_server_it_is_the_embedded_model(around, name):
    error = await refused(Wanted(name=name), around)
    assert "The embedded model could not be fetched" in str(error)


async def test_replay_needs_neither_server_nor_download(around, lm_studio):
    header = {"recording": 1, "model": "big-one", "native_tools": False, "context_tokens": 16_384}
    header |= {"fills": True}
    around.recording.write_text(json.dumps(header) + "\n")
    chosen = await choose_model(Wanted(name="replay"), around)
    assert chosen.description == "replay of big-one: recorded answers, no model runs"
    replayed = chosen.connect()
    assert isinstance(replayed, ReplayModel)
    assert replayed.fills
    assert lm_studio.paths == []


async def test_replay_without_a_recording_says_so(around):
    assert "sample.jsonl cannot be played" in str(await refused(Wanted(name="replay"), around))
