"""Reading a server's list of models, whoever the server is."""

import pytest

from pushpals.llm import ModelError
from pushpals.local.model.discover import model_to_use
from pushpals.local.model.endpoints import Listed, list_models
from tests.llm.fake_endpoint import fake_endpoint, hangs, refuses, sends


@pytest.fixture
async def endpoint():
    async with fake_endpoint() as endpoint:
        yield endpoint


async def test_what_cannot_chat_is_left_out(endpoint):
    names = ["gpt-6-luna", "text-embedding-3-small", "whisper-1", "gpt-image-2", "bge-m3", "qwen3:8b"]
    endpoint.will(sends({"data": [{"id": name} for name in names] + [{"id": 5}, "odd"]}))
    assert await list_models(endpoint.url) == [Listed("gpt-6-luna"), Listed("qwen3:8b")]


@pytest.mark.parametrize(
    "reply", [sends("<html>"), sends("[]"), sends({"data": 1}), refuses(500, "no"), sends("", 302)]
)
async def test_what_is_no_list_is_garbage(endpoint, reply):
    endpoint.will(reply)
    with pytest.raises(ModelError) as caught:
        await list_models(endpoint.url)
    assert caught.value.cause == "garbage"


async def test_a_server_that_hangs_is_not_waited_for(endpoint):
    endpoint.will(hangs)
    with pytest.raises(ModelError) as caught:
        await list_models(endpoint.url, seconds=0.05)
    assert caught.value.cause == "unreachable"


def test_without_a_name_nothing_dear_is_chosen():
    many = [Listed("gpt-6-astra"), Listed("gpt-6-sol"), Listed("gpt-6-luna")]
    assert model_to_use(many, "http://127.0.0.1:8000/v1") == "gpt-6-astra"
    assert model_to_use(many[:1], "https://models.example/v1") == "gpt-6-astra"
    assert model_to_use(many, "https://models.example/v1") == "gpt-6-luna"
    for listed, offers in ((many[:2], "gpt-6-astra, gpt-6-sol"), ([], "none")):
        with pytest.raises(ModelError, match=f"No model was named, and .* offers {offers}"):
            model_to_use(listed, "https://models.example/v1")
