"""The process of the embedded model: its start, its end, and what it is given."""

import asyncio
import json
import os
import select
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from pushpals.llm import Message, ModelError
from pushpals.local.model import EmbeddedServer, Surroundings, Wanted, choose_model
from pushpals.local.model.machine import Resources, choose, resources

SERVE = Path(choose.__code__.co_filename).with_name("serve.py")
CACHE = Path(os.environ.get("PUSHPALS_CACHE") or Path.home() / ".cache" / "pushpals")
STUB = """
import os

class Group:
    pass

class CommonParams(Group):
    def __init__(self):
        self.model, self.cpuparams, self.cpuparams_batch = Group(), Group(), Group()
        self.speculative = Group()
        self.speculative.ngram_simple = Group()

class Any:
    def __getattr__(self, name):
        return name

llama_flash_attn_type = ggml_type = common_speculative_type = Any()

class Server:
    def __init__(self, params):
        print("noise of the library")
        self.listening_address = f"http://{params.hostnames[0]}:4711"
        for said in (params.model.path, params.api_keys, params.n_ctx, params.cpuparams.n_threads, params.ui):
            os.write(2, f"{said}\\n".encode())
"""


async def test_it_says_where_it_listens_and_ends_with_its_stdin(tmp_path):
    (tmp_path / "xllamacpp.py").write_text(STUB)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SERVE),
        *("--model=m.gguf", "--name=m", "--threads=3", "--context=4096"),
        env={"PYTHONPATH": str(tmp_path)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, log = await process.communicate(b"the-key\n")
    assert json.loads(said) == {"url": "http://127.0.0.1:4711/v1"}
    assert process.returncode == 0
    assert log.decode().splitlines() == ["m.gguf", "['the-key']", "4096", "3", "False"]


async def test_a_model_that_does_not_load_is_told_with_its_log(tmp_path):
    gguf = tmp_path / "broken.gguf"
    gguf.write_bytes(b"GGUF but not really")
    log = tmp_path / "model.log"
    with pytest.raises(ModelError) as caught:
        await EmbeddedServer.start(gguf, name="m", resources=Resources(1, 512), log=log, environ=os.environ)
    assert caught.value.cause == "unavailable"
    assert "ended while it started" in str(caught.value)
    assert str(log) in str(caught.value)


def test_a_small_machine_gets_a_smaller_context():
    assert choose(cores=2, memory=16 * 10**9) == Resources(threads=2, context=16_384)
    assert choose(cores=64, memory=None) == Resources(threads=8, context=16_384)
    assert choose(cores=1, memory=2 * 10**9) == Resources(threads=1, context=8_192)
    assert resources().threads >= 1


@pytest.mark.real_model
@pytest.mark.timeout(900)
async def test_the_embedded_model_answers():
    chosen = await choose_model(Wanted(name="embedded"), Surroundings(cache=CACHE, environ=os.environ))
    model = chosen.connect()
    try:
        assert not model.native_tools
        ask = "Write a Python function `double(x)` that returns twice x. Answer with the code only."
        answer = await model.complete([Message("user", ask)])
        assert "def double(x)" in answer.text
        assert answer.usd == 0
        again = await model.complete([Message("user", ask)])
        assert again.text == answer.text
        assert again.tokens_cached > 0
    finally:
        await model.close()
        await chosen.close()


@pytest.mark.real_model
@pytest.mark.timeout(900)
async def test_the_embedded_model_ends_with_whoever_started_it():
    starter = textwrap.dedent("""
        import asyncio, os, sys
        from pathlib import Path
        from pushpals.local.model import Surroundings, Wanted, choose_model

        async def main():
            chosen = await choose_model(Wanted(name="embedded"), Surroundings(Path(sys.argv[1]), os.environ))
            print(chosen.server.pid, flush=True)
            await asyncio.Event().wait()

        asyncio.run(main())
    """)
    package = Path(SERVE).parents[3]
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", starter, str(CACHE)),
        env={**os.environ, "PYTHONPATH": str(package)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = os.pidfd_open(int(await parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    gone, _, _ = await asyncio.to_thread(select.select, [child], [], [], 30)
    os.close(child)
    assert gone
