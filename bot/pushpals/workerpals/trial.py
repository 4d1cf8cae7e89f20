"""Runs inside the sandbox: tries many changes of files against the tests, in one command.

It is handed to Python as text, so it imports nothing of ours. The runner is loaded once; each change is
then a fork of it, which costs a few hundredths of a second. What runs too long is ended by its share of
processor time, so a busy machine decides nothing.

Argument: base64 of zlib of JSON with `single` and `all` (commands as lists), `changes` (path, start, end,
new text, first line, last line; in characters) and `most` (how many that pass are enough). Each change
that passes is told as a line `pass NUMBER`, then `tried COUNT`.
"""

import base64
import gc
import json
import os
import resource
import runpy
import signal
import subprocess
import sys
import zlib
from types import FrameType
from typing import Any

HERE = os.getcwd()
Told = dict[str, Any]
Numbered = list[tuple[int, list[Any]]]


def run(command: list[str], seconds: float, traced: str = "") -> tuple[int, float]:
    """Run a command in a fork; returns its exit code, negative when it was ended, and its processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            limited(seconds)
            code = inside(command, traced)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return os.waitstatus_to_exitcode(status), used


def inside(command: list[str], traced: str) -> int:
    """Run the command in this process where it is `python -m MODULE`, else as one of its own."""
    module = module_of(command)
    if not module:
        return subprocess.run(command, check=False).returncode & 255
    seen: set[tuple[str, int]] = set()

    def trace(frame: FrameType, _event: str, _argument: object) -> Any:  # noqa: ANN401 - itself
        name = frame.f_code.co_filename
        if not name.startswith(HERE):
            return None
        seen.add((os.path.relpath(name, HERE), frame.f_lineno))
        return trace

    sys.argv = command[2:]
    if traced:
        sys.settrace(trace)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        sys.settrace(None)
        if traced:
            others = [
                name
                for name, loaded in list(sys.modules.items())
                if getattr(loaded, "__file__", None) and not str(loaded.__file__).startswith(HERE)
            ]
            with open(traced, "w") as file:
                json.dump([sorted(seen), others], file)
    return code


def module_of(command: list[str]) -> str:
    """Return MODULE of `python -m MODULE`."""
    return (
        command[2]
        if len(command) > 2 and "python" in os.path.basename(command[0]) and command[1] == "-m"
        else ""
    )


def apply(change: list[Any]) -> str:
    """Put a change into its file; returns the text to put back."""
    path, start, end, new = change[:4]
    with open(path, newline="") as file:
        text = file.read()
    with open(path, "w", newline="") as file:
        file.write(text[:start] + new + text[end:])
    return text


def put_back(change: list[Any], text: str) -> None:
    """Write a file's text as it was."""
    with open(change[0], "w", newline="") as file:
        file.write(text)


def limited(seconds: float) -> None:
    """End this process when it has used so much processor time, or takes twenty times as long."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    limit = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.alarm(int(seconds * 20) + 20)


def from_the_first_look(told: Told, changes: Numbered, seconds: float, out: int) -> None:
    """Run the failing test up to where it first opens a changed file; from there fork for each change.

    What the runner does until then is the same each time, and most of the work. Writes the numbers of the
    changes with which it passes to `out`.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)  # runners keep copies of these
    gc.disable()
    gc.freeze()
    paths = {os.path.join(HERE, change[1][0]) for change in changes}
    waiting = [True]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event != "open" or not waiting[0] or not isinstance(arguments[0], str):
            return
        if os.path.abspath(arguments[0]) not in paths:
            return
        waiting[0] = False
        passed = tried = 0
        for number, change in changes:
            if passed >= told["most"]:
                break
            text = apply(change)
            child = os.fork()
            if child == 0:
                limited(seconds)
                return
            _, status = os.waitpid(child, 0)
            put_back(change, text)
            tried += 1
            if status == 0:
                passed += 1
                os.write(out, b"pass %d\n" % number)
        os.write(out, b"tried %d\n" % tried)
        os._exit(0)

    sys.addaudithook(hook)
    code = 1
    try:
        code = inside(told["single"], "")
    finally:
        os._exit(code)


def one_by_one(told: Told, changes: Numbered, seconds: float, out: int) -> None:
    """Run the failing test from its start with each change."""
    passed = tried = 0
    for number, change in changes:
        if passed >= told["most"]:
            break
        text = apply(change)
        good = run(told["single"], seconds)[0] == 0
        put_back(change, text)
        tried += 1
        if good:
            passed += 1
            os.write(out, b"pass %d\n" % number)
    os.write(out, b"tried %d\n" % tried)
    os._exit(0)


def measured(told: Told) -> tuple[set[tuple[str, int]] | None, float]:
    """Run the failing test as it is; returns the lines it runs, None where unknown, and a time limit."""
    if not module_of(told["single"]):
        return None, 20.0
    __import__(module_of(told["single"]))
    traced = f"/tmp/traced-{os.getpid()}"
    run(told["single"], 5.0, traced)
    lines = None
    try:
        with open(traced) as file:
            seen, others = json.load(file)
        os.unlink(traced)
        lines = {tuple(place) for place in seen}
        for name in others:
            try:
                __import__(name)
            except (ImportError, AttributeError, RuntimeError, TypeError, ValueError):
                continue
    except (OSError, ValueError):
        pass
    code, used = run(told["single"], 3.0)
    return lines, max(0.5, 4 * used) if code >= 0 else 0.6


def main() -> None:
    """Try all changes and tell which pass."""
    told = json.loads(zlib.decompress(base64.b64decode(sys.argv[1])))
    sys.dont_write_bytecode = True
    sys.pycache_prefix = "/tmp/none"
    sys.path.insert(0, HERE)
    lines, seconds = measured(told)
    changes = [
        (number, change)
        for number, change in enumerate(told["changes"])
        if lines is None or any((change[0], line) in lines for line in range(change[4], change[5] + 1))
    ]
    passing: list[tuple[int, list[Any]]] = []
    inlet, out = os.pipe()
    if changes and os.fork() == 0:
        (from_the_first_look if module_of(told["single"]) else one_by_one)(told, changes, seconds, out)
    os.close(out)
    with os.fdopen(inlet) as lines_told:
        for line in lines_told:
            word, number = line.split()
            if word == "tried":
                print(line, end="", flush=True)
            else:
                change = told["changes"][int(number)]
                # The fork that tries is one change ahead by now, so the rest waits until it is done.
                passing.append((int(number), change))
    for place, change in passing:
        text = apply(change)
        good = run(told["all"], 6 * seconds)[0] == 0
        put_back(change, text)
        if good:
            print("pass", place, flush=True)


if __name__ == "__main__":
    main()
