"""The process that runs the embedded model: `python serve.py --model FILE …`, ended by end-of-file on stdin.

It imports nothing of PushPals, so that it starts at once and can be run by path. On its first line of stdin
it is given the API key to ask for; on stdout it prints one JSON line, `{"url": …}`, once the model is loaded
and the endpoint answers. When whoever started it goes away, however that happens, the kernel closes the pipe
and the process ends.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any


def main() -> None:
    """Serve until stdin ends."""
    options = _options()
    api_key = sys.stdin.readline().strip()
    # Only our one line may appear on stdout; whatever the library prints goes to the log.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    server = _start(options, api_key)
    print(json.dumps({"url": f"{server.listening_address}/v1"}), file=answer, flush=True)
    sys.stdin.read()
    # The server's own shutdown waits for running requests; nobody is left to read their answers.
    os._exit(0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Serve a GGUF model on loopback until stdin ends.")
    parser.add_argument("--model", required=True, help="path of the GGUF file")
    parser.add_argument("--name", required=True, help="the name it answers to")
    parser.add_argument("--threads", type=int, required=True, help="processor threads to compute with")
    parser.add_argument("--context", type=int, required=True, help="tokens of context of each request")
    parser.add_argument("--parallel", type=int, default=1, help="requests answered at the same time")
    return parser.parse_args()


def _start(options: argparse.Namespace, api_key: str) -> Any:  # noqa: ANN401 - xllamacpp has no types
    import xllamacpp  # noqa: PLC0415 - after stdout has been put aside, and only in this process

    params = xllamacpp.CommonParams()
    params.model.path = options.model
    params.model_alias = {options.name}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [api_key]
    params.cors_origins = "null"  # A web page open in a browser on this machine has no business here.
    params.ui = False
    params.verbosity = 1
    params.n_ctx = options.context * options.parallel
    params.n_parallel = options.parallel
    params.cpuparams.n_threads = options.threads
    params.cpuparams_batch.n_threads = options.threads
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
