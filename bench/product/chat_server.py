"""A model's endpoint that says what it is told to, for measuring everything around a model.

It answers `/KIND/STEPS/…/v1/chat/completions`: KIND is how the caller takes commands, STEPS how many the
trajectory has. It never reads what it is sent; it keeps it, for counting later.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from aiohttp import web

LARGE: Final = 32 * 1024 * 1024
FINISHED: Final = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
"""What mini-swe-agent takes for the end."""

Message = dict[str, Any]
Answer = Callable[[str, int, int], Message]
"""From kind, number of the request (from 0) and steps of the trajectory to what the model says."""


def trajectory(step: int, steps: int) -> str:
    """Return the command of a step: all look at a part of the code, the last one changes it."""
    if step == steps - 1:
        return "echo '# seen' >> part0.py"
    return f"sed -n '{40 * (step // 10) + 1},{40 * (step // 10) + 60}p' part{step % 10}.py"


def says(kind: str, number: int, steps: int) -> Message:
    """Answer with the trajectory's next command, in the words of the caller's kind."""
    ended = number >= steps
    command = FINISHED if ended else trajectory(number, steps)
    name, arguments = (
        ("done", {"summary": "Done."}) if ended and kind == "run" else (kind, {"command": command})
    )
    call = {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(arguments)},
    }
    return {"role": "assistant", "content": f"Part {number} is next.", "tool_calls": [call]}


class ChatServer:
    """Counts requests by their path, and keeps them in `folder` where one is given."""

    def __init__(self, answer: Answer = says, folder: Path | None = None) -> None:
        self._answer = answer
        self._folder = folder
        self._asked: defaultdict[str, int] = defaultdict(int)

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(client_max_size=LARGE)
        app.router.add_post("/{kind}/{steps:\\d+}/{run}/v1/chat/completions", self._complete)
        return app

    async def _complete(self, request: web.Request) -> web.Response:
        body = await request.read()
        kind, steps, run = (request.match_info[name] for name in ("kind", "steps", "run"))
        path = f"{kind}-{steps}-{run}"
        number = self._asked[path]
        self._asked[path] += 1
        if self._folder is not None:
            (self._folder / f"{path}-{number:04}.json").write_bytes(body)
        message = self._answer(kind, number, int(steps))
        reason = "tool_calls" if message.get("tool_calls") else "stop"
        told = {
            "id": f"chat-{number}",
            "object": "chat.completion",
            "created": 0,
            "model": "scripted",
            "choices": [{"index": 0, "message": message, "finish_reason": reason}],
            "usage": {
                "prompt_tokens": len(body) // 4,
                "completion_tokens": 20,
                "total_tokens": len(body) // 4 + 20,
            },
        }
        return web.json_response(told)


async def listening(server: ChatServer) -> tuple[web.AppRunner, str]:
    """Serve on loopback; returns what ends it (`cleanup`) and the address."""
    runner = web.AppRunner(server.app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


async def _serve(folder: Path) -> None:
    _, address = await listening(ChatServer(folder=folder))
    sys.stdout.write(f"{address.rpartition(':')[2]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
