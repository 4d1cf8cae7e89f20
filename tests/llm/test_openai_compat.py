"""Stories of a model endpoint: what it answers, and what the person or the agent gets to see."""

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from pydantic import SecretStr

from pushpals.llm import Message, ModelError, OpenAICompatModel, Sampling, ToolCall, ToolSpec
from tests.llm.fake_endpoint import cuts, hangs, refuses, says, sends

ASK = [Message("system", "Be brief."), Message("user", "Who?")]
READ = ToolSpec("read", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}})


async def fails(model: OpenAICompatModel, **options: Any) -> ModelError:
    with pytest.raises(ModelError) as caught:
        await model.complete(ASK, **options)
    return caught.value


# Answers


async def test_a_conversation_is_answered_and_counted(endpoint, connect):
    usage = {"prompt_tokens": 90, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 64}}
    endpoint.will(says("Nobody.", usage=usage))

    answer = await connect().complete(ASK, sampling=Sampling(max_tokens=50, seed=7, stop=("END",)))

    assert answer.text == "Nobody."
    assert answer.finish_reason == "stop"
    assert (answer.tokens_in, answer.tokens_out, answer.tokens_cached) == (90, 7, 64)
    assert answer.usd == 0.0
    assert endpoint.paths == ["/v1/chat/completions"]
    assert endpoint.asked == [
        {
            "model": "fake",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}],
            "max_tokens": 50,
            "temperature": 0.0,
            "seed": 7,
            "stop": ["END"],
        }
    ]


async def test_tool_calls_are_parsed_and_their_results_sent_back(endpoint, connect):
    endpoint.will(says(calls=[("read", '{"path": "a.py"}')], finish="tool_calls"), says("Done."))
    model = connect()

    first = await model.complete(ASK, tools=[READ])
    assert first.tool_calls == (ToolCall("call-0", "read", {"path": "a.py"}),)
    assert first.finish_reason == "tool_calls"

    result = Message("tool", "x = 1", tool_call_id="call-0")
    await model.complete([*ASK, Message("assistant", "", first.tool_calls), result], tools=[READ])

    sent = endpoint.asked[1]
    assert sent["tools"][0]["function"]["name"] == "read"
    assert sent["messages"][2]["tool_calls"][0]["function"]["arguments"] == '{"path": "a.py"}'
    assert sent["messages"][3] == {"role": "tool", "content": "x = 1", "tool_call_id": "call-0"}


async def test_an_answer_cut_by_its_own_limit_is_an_answer(endpoint, connect):
    endpoint.will(says("def f(", finish="length"))
    assert (await connect().complete(ASK)).finish_reason == "length"


async def test_thoughts_before_the_answer_are_left_out(endpoint, connect):
    endpoint.will(says("<think>\nHm, <b>who</b>?\n</think>\n\nNobody."))
    assert (await connect().complete(ASK)).text == "Nobody."


async def test_a_server_that_does_not_count_is_counted_by_length(endpoint, connect):
    endpoint.will(says("Nobody."))
    answer = await connect().complete([Message("user", "x" * 4000)])
    assert 1000 <= answer.tokens_in < 1100
    assert answer.tokens_out > 0


# Servers in trouble


async def test_nobody_listens(connect, naps):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await fails(connect(url=f"http://127.0.0.1:{unused.getsockname()[1]}/v1"))
    assert error.cause == "unreachable"
    assert "cannot be reached" in str(error)
    assert "Check that it is running" in str(error)
    assert len(naps) == 2


async def test_a_server_that_hangs_runs_out_of_time(endpoint, connect, naps):
    endpoint.will(hangs)
    error = await fails(connect(timeout=0.05))
    assert error.cause == "timeout"
    assert "0.05 s" in str(error)
    assert len(naps) == 2


async def test_an_answer_cut_off_on_the_way_is_asked_for_again(endpoint, connect, naps):
    endpoint.will(cuts, says("Nobody."))
    assert (await connect().complete(ASK)).text == "Nobody."
    assert len(naps) == 1


async def test_an_answer_always_cut_off_is_truncated(endpoint, connect):
    endpoint.will(cuts)
    assert (await fails(connect())).cause == "truncated"
    assert len(endpoint.asked) == 3


async def test_a_server_error_passes(endpoint, connect, naps):
    endpoint.will(refuses(500, "out of sorts"), sends("", 503), says("Nobody."))
    assert (await connect().complete(ASK)).text == "Nobody."
    assert len(naps) == 2


async def test_a_server_error_that_stays_is_told_with_the_servers_words(endpoint, connect):
    endpoint.will(refuses(500, "model runner has\n unexpectedly stopped"))
    error = await fails(connect())
    assert error.cause == "unreachable"
    assert '"model runner has unexpectedly stopped"' in str(error)
    assert len(endpoint.asked) == 3


async def test_the_rate_limits_wait_is_obeyed(endpoint, connect, naps):
    endpoint.will(refuses(429, "slow down", retry_after="17"), says("Nobody."))
    assert (await connect().complete(ASK)).text == "Nobody."
    assert naps == [17.0]


async def test_the_wait_may_be_a_date(endpoint, connect, naps):
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=25), usegmt=True)
    endpoint.will(refuses(429, "slow down", retry_after=then), says("Nobody."))
    await connect().complete(ASK)
    assert 0 < naps[0] <= 25


async def test_a_long_wait_is_left_to_the_caller(endpoint, connect, naps):
    endpoint.will(refuses(429, "come back tomorrow", retry_after="3600"))
    error = await fails(connect())
    assert (error.cause, error.retry_after, error.retryable) == ("rate_limited", 3600.0, True)
    assert naps == []


async def test_an_empty_account_is_no_rate_limit(endpoint, connect, naps):
    endpoint.will(sends({"error": {"message": "No.", "code": "insufficient_quota"}}, 429))
    error = await fails(connect())
    assert (error.cause, error.retryable) == ("auth", False)
    assert naps == []


# Nonsense


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("<!doctype html><title>Login</title>", "a web page"),
        ("", "nothing"),
        ("ok", "not JSON"),
        ("[]", "no object"),
        ("{}", "no choices"),
        ('{"choices": []}', "no choices"),
        ('{"choices": [{}]}', "no message"),
        ('{"choices": [{"message": {"content": 5}}]}', "not text"),
        ('{"choices": [{"message": {"content": "  \\n"}}]}', "empty"),
        (
            '{"choices": [{"message": {"content": ""}, "finish_reason": "length"}]}',
            "used up its answer limit",
        ),
        ('{"choices": [{"message": {"tool_calls": [{}]}}]}', "without naming"),
        ('{"choices": [{"message": {"tool_calls": ["read"]}}]}', "without naming"),
    ],
)
async def test_an_answer_that_is_none_is_garbage_and_not_asked_for_again(endpoint, connect, naps, body, why):
    endpoint.will(sends(body))
    error = await fails(connect())
    assert error.cause == "garbage"
    assert why in str(error)
    assert naps == []


@pytest.mark.parametrize("arguments", ['{"path": ', '["a.py"]', "a.py"])
async def test_broken_tool_arguments_are_garbage(endpoint, connect, arguments):
    endpoint.will(says(calls=[("read", arguments)]))
    error = await fails(connect(), tools=[READ])
    assert error.cause == "garbage"
    assert "'read'" in str(error)


# Refusals


async def test_a_wrong_key_is_never_shown(endpoint, connect):
    key = SecretStr("sk-very-secret")
    endpoint.will(refuses(401, "Incorrect API key: sk-very-secret"))
    model = connect(api_key=key)
    error = await fails(model)
    assert error.cause == "auth"
    assert "Incorrect API key: [key]" in str(error)
    assert endpoint.keys == ["Bearer sk-very-secret"]
    for shown in (repr(model), repr(error), repr(error.__cause__)):
        assert "sk-very-secret" not in shown


async def test_a_password_in_the_address_is_never_shown(endpoint, connect):
    endpoint.will(refuses(400, "no"))
    model = connect(url=endpoint.url.replace("//", "//ana:hunter2@"))
    assert "hunter2" not in repr(model) + str(await fails(model))


async def test_keys_of_other_accounts_in_the_environment_stay_there(endpoint, connect, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-shell")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    endpoint.will(says("Nobody."))
    await connect().complete(ASK)
    assert endpoint.keys == ["Bearer none"]


async def test_a_prompt_that_is_too_long_says_so(endpoint, connect, naps):
    endpoint.will(refuses(400, "request (20030 tokens) exceeds the available context size (16384 tokens)"))
    error = await fails(connect())
    assert error.cause == "context_length"
    assert naps == []


async def test_an_unknown_model_says_what_to_check(endpoint, connect):
    endpoint.will(refuses(404, "model not found"))
    error = await fails(connect("qwen9"))
    assert error.cause == "refused"
    assert "'qwen9'" in str(error)


async def test_an_address_that_has_moved_is_told_and_not_followed(endpoint, connect):
    endpoint.will(sends("", 308, location="https://models.example/v1"))
    error = await fails(connect())
    assert "has moved to https://models.example/v1" in str(error)
    assert len(endpoint.asked) == 1


async def test_a_content_filter_is_a_refusal(endpoint, connect):
    endpoint.will(says("", finish="content_filter"))
    assert (await fails(connect())).cause == "refused"


# Dialects


async def test_a_model_without_tools_is_asked_without_them_from_then_on(endpoint, connect):
    endpoint.will(refuses(400, "fake does not support tools"), says("I would read a.py."), says("Again."))
    model = connect()
    assert model.native_tools

    answer = await model.complete(ASK, tools=[READ])
    assert answer.text == "I would read a.py."
    assert not model.native_tools

    history = [
        *ASK,
        Message("assistant", "", (ToolCall("1", "read", {"path": "a.py"}),)),
        Message("tool", "x = 1"),
    ]
    await model.complete(history, tools=[READ])
    assert ["tools" in body for body in endpoint.asked] == [True, False, False]
    assert endpoint.asked[2]["messages"][2:] == [
        {"role": "assistant", "content": 'read({"path": "a.py"})'},
        {"role": "user", "content": "x = 1"},
    ]


async def test_tools_are_not_tried_where_they_are_known_not_to_work(endpoint, connect):
    endpoint.will(says("Nobody."))
    await connect(native_tools=False).complete(ASK, tools=[READ])
    assert "tools" not in endpoint.asked[0]


async def test_a_refusal_that_only_mentions_a_tool_without_any_sent_is_a_refusal(endpoint, connect):
    endpoint.will(refuses(400, "tool messages must follow tool calls"))
    assert (await fails(connect())).cause == "refused"
    assert len(endpoint.asked) == 1


async def test_newer_names_of_parameters_are_learned(endpoint, connect):
    endpoint.will(
        refuses(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
        refuses(400, "`temperature` and `top_p` must be left at their defaults."),
        says("Nobody."),
        says("Nobody."),
    )
    model = connect()
    await model.complete(ASK)
    await model.complete(ASK)
    assert len(endpoint.asked) == 4
    assert endpoint.asked[3].keys() == {"model", "messages", "max_completion_tokens"}
