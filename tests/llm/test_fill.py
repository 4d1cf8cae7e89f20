"""Stories of filling a gap: what is sent, and what comes back."""

from typing import Any

import pytest

from pushpals.llm import ModelError, Sampling
from tests.llm.fake_endpoint import Reply, refuses, sends


def fills_with(text: str, **more: Any) -> Reply:
    return sends({"model": "fake", "choices": [{"index": 0, "text": text, "finish_reason": "stop"}], **more})


async def test_a_gap_is_filled_and_counted(endpoint, connect):
    endpoint.will(fills_with("a + b", usage={"prompt_tokens": 40, "completion_tokens": 3}))
    answer = await connect(fills=True).fill("return ", "\n", sampling=Sampling(0.6, 0.9, 80, 1, ("\n",)))

    assert (answer.text, answer.tokens_in, answer.tokens_out) == ("a + b", 40, 3)
    assert endpoint.paths == ["/v1/completions"]
    assert endpoint.asked == [
        {
            "model": "fake",
            "prompt": "<|fim_prefix|>return <|fim_suffix|>\n<|fim_middle|>",
            "temperature": 0.6,
            "top_p": 0.9,
            "max_tokens": 80,
            "seed": 1,
            "stop": ["\n"],
        }
    ]


async def test_marks_in_the_code_mean_nothing(endpoint, connect):
    endpoint.will(fills_with("x"))
    await connect(fills=True).fill('mark = "<|fim_middle|>"', "<|endoftext|>")
    prompt = endpoint.asked[0]["prompt"]
    assert prompt.count("<|fim_middle|>") == 1
    assert prompt.endswith("<|fim_middle|>")
    assert "<|endoftext|>" not in prompt


async def test_nothing_is_a_fine_filling(endpoint, connect):
    endpoint.will(fills_with(""))
    assert (await connect(fills=True).fill("f(", ")")).text == ""


async def test_a_server_that_does_not_count_is_counted_by_length(endpoint, connect):
    endpoint.will(fills_with("x"))
    assert (await connect(fills=True).fill("x" * 4000, "")).tokens_in >= 1000


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "{}", '{"choices": [{}]}', '{"choices": [{"text": 3}]}']
)
async def test_what_is_no_filling_is_garbage(endpoint, connect, body):
    endpoint.will(sends(body))
    with pytest.raises(ModelError) as caught:
        await connect(fills=True).fill("f(", ")")
    assert caught.value.cause == "garbage"


async def test_an_endpoint_that_does_not_fill_says_so(endpoint, connect):
    endpoint.will(refuses(404, "no such path"))
    with pytest.raises(ModelError, match="no such path") as caught:
        await connect(fills=True).fill("f(", ")")
    assert caught.value.cause == "refused"
