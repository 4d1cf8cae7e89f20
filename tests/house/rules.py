"""The house rules: who may import whom, and what only some rooms may do. See `source` for what counts."""

import ast
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.house.source import HOUSE, Module, calls, dotted, graph_of, ours, reachable, room_of

# Each line imports only from the lines below it. Rooms of one line do not import each other, save two doors:
# the demo in `local` starts the server, and the server may serve the model in `local`.
LINES: tuple[frozenset[str], ...] = (
    frozenset({"__main__"}),
    frozenset({"cli", "action"}),
    frozenset({"local", "server"}),
    frozenset({"loop"}),
    frozenset({"localbuddy", "remotebuddy", "workerpals", "source_control", "review_agent"}),
    frozenset({"ledger"}),
    frozenset({"audit"}),
    frozenset({"policy"}),
    frozenset({"github", "git", "llm", "sandbox"}),
    frozenset({"model", "roles"}),
    frozenset({""}),  # The package itself: its version, which anyone may read.
)
RANK = {room: rank for rank, line in enumerate(LINES) for room in line}

NEIGHBOURS = frozenset({"local", "server"})
DOORS = frozenset({"__main__", "cli", "action", "server", "local"})

# The error boundaries, as "module:qualified name". Two: whatever one job does, the next one must run.
BROAD_EXCEPT = (f"{HOUSE}.server.queue:HintQueue._one", f"{HOUSE}.loop.work:Crew._work")
BOUNDARIES = 2

# These modules compute: same input, same output. So do those of their own room that they import; from other
# rooms they take types, which may well live beside code that does I/O.
PURE = (f"{HOUSE}.policy", f"{HOUSE}.loop.decide")
# fmt: off
IMPURE_MODULES = frozenset((
    "aiohttp", "asyncio", "concurrent", "ctypes", "docker", "getpass", "gidgethub", "git", "glob", "http",
    "httpx", "importlib", "io", "logging", "multiprocessing", "openai", "os", "platform", "pty", "queue",
    "random", "requests", "sched", "secrets", "select", "selectors", "shutil", "signal", "socket",
    "socketserver", "ssl", "subprocess", "sys", "tempfile", "tenacity", "threading", "time", "urllib3",
    "uuid", "xllamacpp",
))
# fmt: on
IMPURE_CALLS = frozenset(
    {
        "datetime.date.today",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "builtins.input",
        "builtins.open",
        "builtins.print",
        "pathlib.Path.cwd",
        "pathlib.Path.home",
        "urllib.request.urlopen",
    },
)
ENVIRONMENT = frozenset(
    {
        "os.environ",
        "os.environb",
        "os.getenv",
        "os.getenvb",
        "os.putenv",
        "os.unsetenv",
        "os.path.expandvars",
    },
)


@dataclass(frozen=True, order=True)
class Violation:
    """One broken rule, at one line of one module."""

    module: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: [{self.rule}] {self.text}"


def line_order(modules: Mapping[str, Module]) -> Iterator[Violation]:
    """A room imports only from rooms below its line. Members do not import members, nor adapters adapters."""
    for module in modules.values():
        if module.room not in RANK:
            text = f"the room '{module.room}' has no line; name it in LINES"
            yield Violation(module.name, 1, "lines", text)
            continue
        for item in module.imports:
            room = room_of(item.name) if room_of(item.name) in RANK else room_of(item.target)
            if not ours(item.name) or room == module.room or room not in RANK:
                continue
            if {room, module.room} == NEIGHBOURS:
                continue
            if RANK[room] == RANK[module.room]:
                text = f"'{module.room}' and '{room}' stand on one line and do not import each other"
                yield Violation(module.name, item.line, "lines", text)
            elif RANK[room] < RANK[module.room]:
                text = f"'{module.room}' imports '{room}', which stands above it"
                yield Violation(module.name, item.line, "lines", text)


def cycles(modules: Mapping[str, Module]) -> Iterator[Violation]:
    """No module reaches itself by imports: every strongly connected component is a single module."""
    graph = graph_of(modules)
    reach = {name: reachable(name, graph) for name in graph}
    reported: set[str] = set()
    for name in sorted(graph):
        if name in reach[name] and name not in reported:
            ring = sorted(other for other in reach[name] if name in reach[other])
            reported.update(ring)
            yield Violation(name, 1, "cycles", f"these import each other: {', '.join(ring)}")


def environment(modules: Mapping[str, Module]) -> Iterator[Violation]:
    """Only doors read the environment; every other room takes arguments."""
    for module in modules.values():
        if module.room in DOORS:
            continue
        for item in module.imports:
            if item.name in ENVIRONMENT or item.name.partition(".")[0] == "pydantic_settings":
                text = f"imports {item.name}; only doors read the environment"
                yield Violation(module.name, item.line, "environment", text)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and dotted(node, module.names) in ENVIRONMENT:
                text = f"uses {ast.unparse(node)}; take an argument instead"
                yield Violation(module.name, node.lineno, "environment", text)
        for name, call in calls(module):
            given = any(keyword.arg == "environment" for keyword in call.keywords)
            if name == "docker.from_env" and not given:
                text = f"{name}() reads the environment; pass it one"
                yield Violation(module.name, call.lineno, "environment", text)


def broad_except(
    modules: Mapping[str, Module],
    allowed: tuple[str, ...] = BROAD_EXCEPT,
) -> Iterator[Violation]:
    """Catch what you can name. Only the error boundaries catch everything, once each.

    A handler that cleans up and always raises again hides nothing, so it is no boundary.
    """
    found: set[str] = set()
    for module in modules.values():
        for place, node in _broad_handlers(module):
            if place in allowed and place not in found:
                found.add(place)
            else:
                yield Violation(module.name, node.lineno, "broad except", f"{place} catches everything")
    for place in sorted(set(allowed) - found):
        text = f"{place} is listed and catches nothing broad"
        yield Violation(place.partition(":")[0], 1, "broad except", text)


def _broad_handlers(module: Module) -> Iterator[tuple[str, ast.ExceptHandler | ast.Call]]:
    def visit(node: ast.AST, scope: tuple[str, ...]) -> Iterator[tuple[str, ast.ExceptHandler | ast.Call]]:
        place = f"{module.name}:{'.'.join(scope)}"
        match node:
            case ast.ExceptHandler(type=caught, body=body):
                if _broad(caught, module.names) and not _raises_again(body):
                    yield place, node
            case ast.Call(func=function, args=args):
                suppress = dotted(function, module.names) == "contextlib.suppress"
                if suppress and any(_broad(caught, module.names) for caught in args):
                    yield place, node
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                scope = (*scope, name)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, scope)

    return visit(module.tree, ())


def _raises_again(body: list[ast.stmt]) -> bool:
    leaves = (ast.Return, ast.Break, ast.Continue)
    ends_raising = isinstance(body[-1], ast.Raise) and body[-1].exc is None
    return ends_raising and not any(
        isinstance(node, leaves) for statement in body for node in ast.walk(statement)
    )


def _broad(caught: ast.expr | None, names: Mapping[str, str]) -> bool:
    if caught is None:
        return True
    if isinstance(caught, ast.Tuple):
        return any(_broad(item, names) for item in caught.elts)
    return dotted(caught, names) in {"builtins.Exception", "builtins.BaseException"}


def purity(modules: Mapping[str, Module]) -> Iterator[Violation]:
    """`policy` and `loop.decide` do no I/O and read no clock, nor do modules of their room they import."""
    pure = {name for name in modules if any(name == root or name.startswith(f"{root}.") for root in PURE)}
    graph = {
        name: {other for other in targets if room_of(other) == room_of(name)}
        for name, targets in graph_of(modules).items()
    }
    for name in sorted(pure.union(*(reachable(name, graph) for name in pure))):
        module = modules[name]
        for item in module.imports:
            if item.name.partition(".")[0] in IMPURE_MODULES:
                yield Violation(name, item.line, "purity", f"imports {item.name}; pure code does not")
        for called, call in calls(module):
            if called in IMPURE_CALLS:
                text = f"calls {called.removeprefix('builtins.')}; pure code does not"
                yield Violation(name, call.lineno, "purity", text)


def dependencies(
    modules: Mapping[str, Module],
    everywhere: frozenset[str],
    local: frozenset[str],
) -> Iterator[Violation]:
    """Import only what `pyproject.toml` declares, and what its extra `local` adds only in `local/`.

    `everywhere` and `local` are top-level import names. Tests are no dependency of the product.
    """
    for module in modules.values():
        allowed = everywhere | local if module.room == "local" else everywhere
        for item in module.imports:
            top = item.name.partition(".")[0]
            if top != HOUSE and top not in sys.stdlib_module_names and top not in allowed:
                text = f"imports {top}, which is not declared for it"
                yield Violation(module.name, item.line, "dependencies", text)
