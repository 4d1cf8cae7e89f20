"""Signed deliveries: PushPals' door beside Probot 14 and a bare aiohttp handler."""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.product import load, peers
from bench.product.size import Size
from bench.report import Figure, Row

ROOT = Path(__file__).parents[2]
_PROBOT = """import { createServer } from "node:http";
import { generateKeyPairSync } from "node:crypto";
import { createNodeMiddleware, createProbot } from "probot";
const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const pem = privateKey.export({ type: "pkcs1", format: "pem" });
const probot = createProbot({
  overrides: { appId: 1, privateKey: pem, secret: "bench-secret", logLevel: "error" },
});
const seen = new Set();
const app = (it) => { it.on("issues.labeled", async (context) => {
  seen.add(context.payload.issue.number);
}); };
const middleware = await createNodeMiddleware(app, { probot, webhooksPath: "/webhook" });
const server = createServer(middleware);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


@contextlib.contextmanager
def running(argv: Sequence[str], folder: Path) -> Iterator[tuple[int, int]]:
    """Run a server that prints its port; yield its process id and the port."""
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'bot'}", "NODE_ENV": "production"}
    with subprocess.Popen(argv, cwd=folder, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.strip().isdecimal():
                raise peers.PeerMissingError(f"`{argv[0]}` did not start serving: {line!r}")
            yield process.pid, int(line)
        finally:
            process.terminate()
            process.wait(10)


def _commands(size: Size) -> dict[str, tuple[list[str], Path]]:
    python = [sys.executable, "-m", "bench.product.webhook_server"]
    commands = {"ours": ([*python, "ours"], ROOT), "floor": ([*python, "floor"], ROOT)}
    if size.peers:
        folder = peers.probot()
        (folder / "server.mjs").write_text(_PROBOT)
        commands["probot"] = (["node", "server.mjs"], folder)
    return commands


def _resident(pid: int) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


def measure(size: Size) -> Figure:
    """Return the figure. Raises PeerMissingError."""
    made = load.requests()
    each = max(32, size.deliveries // 20)
    loads: dict[str, list[load.Load]] = {}
    with contextlib.ExitStack() as stack:
        ports = {
            kind: stack.enter_context(running(argv, folder))
            for kind, (argv, folder) in _commands(size).items()
        }
        for _, port in ports.values():
            load.press(port, made, each)
        for _ in range(size.few):
            for kind, (_, port) in ports.items():
                loads.setdefault(kind, []).append(load.press(port, made, each))
        pid, port = ports["ours"]
        before = _resident(pid)
        load.press(port, made, size.deliveries)
        grown = _resident(pid) - before
    rates = {kind: statistics.median(found.rate for found in runs) for kind, runs in loads.items()}
    p99s = {kind: statistics.median(found.p99 for found in runs) for kind, runs in loads.items()}
    rows = [
        Row("p99 beyond a bare aiohttp handler's", p99s["ours"] - p99s["floor"], "ms", "at most", 3.0),
        Row("memory grown over the deliveries", grown, "MiB", "at most", 2.0, f"{size.deliveries:,} of them"),
        Row("first answer of `pushpals serve`", _first_answer(size.few), "s", "at most", 0.2),
    ]
    bars = [("PushPals", rates["ours"]), ("bare aiohttp with HMAC", rates["floor"])]
    if "probot" in rates:
        ratio = rates["ours"] / rates["probot"]
        rows.insert(0, Row("deliveries a second, of Probot 14's", ratio, "times", "at least", 2.0))
        bars.append(("Probot 14", rates["probot"]))
    how = (
        f"{each:,} signed deliveries of 8 KB at a time over 32 connections of loopback, to one process of "
        "each server by turns, logging only warnings; the sender shares the machine. The first answer is "
        "that of `pushpals serve` as one starts it, from the start of its process."
    )
    return Figure(
        "webhook", "Signed deliveries", how, tuple(rows), tuple(bars), "deliveries a second", size.taken
    )


def _first_answer(times: int) -> float:
    return statistics.median(_one_start() for _ in range(times))


def _one_start() -> float:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PUSHPALS_")}
    env |= {
        "PYTHONPATH": str(ROOT / "bot"),
        "PUSHPALS_PORT": str(port),
        "PUSHPALS_APP_ID": "1",
        "PUSHPALS_PRIVATE_KEY": "none",
        "PUSHPALS_WEBHOOK_SECRET": "bench-secret",
        "PUSHPALS_GITHUB_URL": "http://127.0.0.1:9",
        "PUSHPALS_STATUS": "false",
    }
    argv = [sys.executable, "-m", "pushpals", "serve"]
    began = time.perf_counter()
    with subprocess.Popen(
        argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            while not _answers(port):
                if process.poll() is not None:
                    said = process.stdout.read() if process.stdout else ""
                    raise peers.PeerMissingError(f"`pushpals serve` ended: {said[-500:]}")
                time.sleep(0.002)
            return time.perf_counter() - began
        finally:
            process.terminate()
            process.wait(10)


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
            link.sendall(b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            return link.recv(12).startswith(b"HTTP/1.1")
    except OSError:
        return False
