"""A package parsed by `ast`: its modules, what each imports, and what its names stand for.

Every import counts, wherever it stands: at the top, inside a function, under `if TYPE_CHECKING`. A type that
can only be named by importing upwards is a type in the wrong room.

Importing `pushpals.git.mirror` is an edge to that module and not to the `__init__` of its package, which
Python runs first without harm. Importing a name from `pushpals.git` is an edge to the package itself.
"""

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HOUSE = "pushpals"


@dataclass(frozen=True)
class Import:
    """What a module imports: the dotted name as written, and the module of the house that defines it."""

    name: str
    target: str
    line: int


@dataclass(frozen=True)
class Module:
    """A parsed module, the dotted names it imports, and what its local names stand for."""

    name: str
    tree: ast.Module
    imports: tuple[Import, ...]
    names: Mapping[str, str]

    @property
    def room(self) -> str:
        return room_of(self.name)


def room_of(module: str) -> str:
    """Return the first part below the package: `git` for `pushpals.git.mirror`, empty for the package."""
    return module.partition(".")[2].partition(".")[0]


def ours(target: str) -> bool:
    return target == HOUSE or target.startswith(f"{HOUSE}.")


def load(source: Path) -> dict[str, Module]:
    """Parse the package `pushpals` in the folder `source`. Keys are dotted module names."""
    trees: dict[str, tuple[ast.Module, bool]] = {}
    for path in sorted((source / HOUSE).rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        package = parts[-1] == "__init__"
        trees[".".join(parts[:-1] if package else parts)] = (ast.parse(path.read_text(), str(path)), package)
    modules = {}
    for name, (tree, package) in trees.items():
        found = list(_imported(tree, name if package else name.rpartition(".")[0]))
        imports = tuple(
            Import(dotted_name, _nearest(dotted_name, trees), line) for dotted_name, _, line in found
        )
        names = {local: dotted_name for dotted_name, local, _ in found if local}
        modules[name] = Module(name, tree, imports, names)
    return modules


def _imported(tree: ast.Module, package: str) -> Iterator[tuple[str, str, int]]:
    """Yield (dotted name, local name bound to it, line) for every import; relative ones are resolved."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    local = alias.asname or alias.name.partition(".")[0]
                    if not alias.asname and "." in alias.name:
                        yield local, local, node.lineno
                        yield alias.name, "", node.lineno
                    else:
                        yield alias.name, local, node.lineno
            case ast.ImportFrom(module=module, names=names, level=level):
                parents = package.split(".")[: 1 - level or None] if level else []
                for alias in names:
                    parts = [*parents, *filter(None, [module]), alias.name]
                    yield ".".join(parts).removesuffix(".*"), alias.asname or alias.name, node.lineno
            case ast.Call(func=function, args=[ast.Constant(value=str(target)), *_]):
                # importlib.import_module("pushpals.x") is an import too.
                if ast.unparse(function) in {"importlib.import_module", "import_module", "__import__"}:
                    yield target, "", node.lineno


def _nearest(target: str, modules: Mapping[str, object]) -> str:
    """Turn `pushpals.git.mirror.Mirror` into the module that defines it; leave foreign names alone."""
    nearest = target
    while nearest and nearest not in modules:
        nearest = nearest.rpartition(".")[0]
    return nearest or target


def dotted(node: ast.AST, names: Mapping[str, str]) -> str:
    """Resolve `o.environ` to `os.environ`, given what the module's names stand for; empty when unknown."""
    match node:
        case ast.Name(id=name):
            return names.get(name) or (f"builtins.{name}" if hasattr(builtins, name) else "")
        case ast.Attribute(value=value, attr=attribute):
            base = dotted(value, names)
            return f"{base}.{attribute}" if base else ""
    return ""


def graph_of(modules: Mapping[str, Module]) -> dict[str, set[str]]:
    """Return, for each module, the modules of the house it imports."""
    return {
        name: {item.target for item in module.imports if item.target in modules}
        for name, module in modules.items()
    }


def calls(module: Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call with the dotted name of what it calls, empty when unknown."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield dotted(node.func, module.names), node


def reachable(start: str, graph: Mapping[str, set[str]]) -> set[str]:
    """Return what `start` imports, directly or not; `start` itself only when it stands on a ring."""
    seen: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(graph[name])
    return seen
