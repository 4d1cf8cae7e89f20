"""The embedded model's process dies, and whoever asks next is answered all the same."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pushpals.llm import Message, ModelError
from pushpals.local.model import ChosenModel, EmbeddedServer
from pushpals.local.model.machine import Resources

STUB = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "die" in asked or self.headers["Authorization"] != f"Bearer {key}":
            os._exit(9)
        message = {"role": "assistant", "content": f"from {os.getpid()}"}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        body = json.dumps({**answer, "usage": usage}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

key = sys.stdin.readline().strip()
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(json.dumps({"url": f"http://127.0.0.1:{server.server_address[1]}/v1"}), flush=True)
import threading
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
"""


@pytest.fixture
async def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbeddedServer]:
    """The process of a model that answers with its process id, and dies when told to."""
    stub = tmp_path / "stub.py"
    stub.write_text(STUB)
    monkeypatch.setattr("pushpals.local.model.server._SERVE", stub)
    means, log = Resources(1, 512), tmp_path / "model.log"
    running = await EmbeddedServer.start(stub, name="m", resources=means, log=log, environ=os.environ)
    yield running
    await running.close()


def chosen(server: EmbeddedServer) -> ChosenModel:
    return ChosenModel("m", "m", url=server.url, api_key=server.api_key, native_tools=False, server=server)


async def kill(server: EmbeddedServer) -> None:
    os.kill(server.pid, signal.SIGKILL)
    await server._process.wait()


async def test_a_model_that_died_is_started_again_at_the_next_use(server: EmbeddedServer) -> None:
    model = chosen(server).connect()
    try:
        for _ in range(5):  # more often than it may die without an answer
            answer = await model.complete([Message("user", "Hello")])
            assert answer.text == f"from {server.pid}"
            await kill(server)
        assert server.ended
        assert (await model.complete([Message("user", "Hello")])).text == f"from {server.pid}"
        assert not server.ended
    finally:
        await model.close()


async def test_a_question_it_dies_of_is_given_up_and_the_next_one_answered(server: EmbeddedServer) -> None:
    model = chosen(server).connect()
    try:
        with pytest.raises(ModelError) as caught:
            await model.complete([Message("user", "die")])
        assert caught.value.retryable
        assert (await model.complete([Message("user", "Hello")])).text == f"from {server.pid}"
    finally:
        await model.close()


async def test_a_model_that_dies_again_and_again_is_let_be(server: EmbeddedServer, tmp_path: Path) -> None:
    for _ in range(3):
        await kill(server)
        await server.revive()
    await kill(server)
    with pytest.raises(ModelError) as caught:
        await server.revive()
    assert caught.value.cause == "unavailable"
    assert "died again and again without an answer (exit code -9)" in caught.value.what
    assert f"Look at {tmp_path / 'model.log'}" in caught.value.remedy
