"""The programs that workers know, and which of their options do more than look, test or tidy.

Each rule is given the words behind the program's name, and returns why it may not run so, or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from pushpals.policy.risk import is_test

INLINE: Final = "code on the command line; write it to a file and run that"
Own = Collection[str]
Rule = Callable[[Sequence[str], Own], str | None]

FEW_PATHS: Final = 5
"""Paths that one `rm` may name."""


def outside(path: str) -> bool:
    """Tell whether a path leads, or may lead, out of the workspace and the sandbox's own `/tmp`."""
    if path.startswith("/tmp/"):  # noqa: S108 - the sandbox's
        return ".." in path.split("/")
    inside = "." if path == "/workspace" else path.removeprefix("/workspace/")
    return inside.startswith(("/", "~")) or ".." in inside.split("/")


def _any(_words: Sequence[str], _own: Own) -> str | None:
    return None


def _without(*options: str, says: str) -> Rule:
    """Refuse the options that are named: long ones shortened too, `-o` also within `-abo`."""

    def rule(words: Sequence[str], _own: Own) -> str | None:
        return next((f"`{option}` {says}" for option in options if any(_is(option, w) for w in words)), None)

    return rule


def _is(option: str, word: str) -> bool:
    name = word.partition("=")[0]
    if option.startswith("--"):
        # A program takes any beginning of a long option that is not another one's too.
        return len(name) > len("--") and option.startswith(name)
    return bool(re.match(rf"-\w*{re.escape(option[1:])}", word))


def _only(*beginnings: str) -> Rule:
    """Allow what begins with one of some lists of words."""
    lists = [beginning.split() for beginning in beginnings]

    def rule(words: Sequence[str], _own: Own) -> str | None:
        if any(list(words[: len(wanted)]) == wanted for wanted in lists):
            return None
        return f"of it only {', '.join(f'`{beginning}`' for beginning in beginnings)} need no yes"

    return rule


_SED_PRINT: Final = re.compile(r"(?:(?:\d+|\$|/[^/;{}]*/)(?:,(?:\+?\d+|\$|/[^/;{}]*/))?\s*p\s*;?\s*)+")


def _sed(words: Sequence[str], _own: Own) -> str | None:
    """`sed -n 10,20p`: it only prints."""
    options = {word for word in words if word.startswith("-")}
    script = next((word for word in words if not word.startswith("-")), "")
    quiet = options <= {"-n", "-E", "-nE", "-En", "-r", "-nr"} and any("n" in word for word in options)
    if quiet and _SED_PRINT.fullmatch(script):
        return None
    return "of `sed` only printing lines, as in `sed -n 10,20p`, needs no yes; change files with edit"


_FIND_ACTS: Final = (
    "-delete",
    "-exec",
    "-execdir",
    "-ok",
    "-okdir",
    "-fprint",
    "-fprint0",
    "-fprintf",
    "-fls",
)


def _find(words: Sequence[str], _own: Own) -> str | None:
    acting = next((word for word in words if word in _FIND_ACTS), None)
    return f"`{acting}` of `find` does more than look" if acting else None


_GIT_LOOKS: Final = frozenset(
    {"diff", "status", "log", "show", "blame", "grep", "ls-files", "ls-tree", "rev-parse", "describe"}
    | {"shortlog", "cat-file", "check-ignore"}
)

_GIT_ACTS: Final = ("--output", "--ext-diff", "--textconv", "--open-files-in-pager", "-O")


def _git(words: Sequence[str], _own: Own) -> str | None:
    rest = [word for word in words if word not in {"--no-pager", "-P"}]
    if not rest or rest[0] not in _GIT_LOOKS:
        return "of `git` only what looks (`diff`, `status`, `log`, …) needs no yes"
    acting = next((word for word in rest[1:] if any(_is(act, word) for act in _GIT_ACTS)), None)
    return f"`{acting}` of `git` does more than look" if acting else None


def _paths(words: Sequence[str], name: str) -> str | None:
    """Refuse paths outside of the workspace."""
    wrong = next((word for word in words if not word.startswith("-") and outside(word)), None)
    return f"`{name}` reaches out of the workspace, to `{wrong}`" if wrong else None


def _within(name: str) -> Rule:
    return lambda words, _own: _paths(words, name)


def _rm(words: Sequence[str], _own: Own) -> str | None:
    """Single files, by name: whole folders and patterns may be more than was thought."""
    files = [word for word in words if not word.startswith("-")]
    if any(word not in {"-f", "-v", "-i", "--"} for word in words if word.startswith("-")):
        return "`rm` with these options can delete whole folders"
    if len(files) > FEW_PATHS or any(set(path) & set("*?[") or path.endswith(("/", ".")) for path in files):
        return "`rm` is allowed for a few single files, by name"
    return _paths(files, "rm")


_XARGS: Final = frozenset(
    {"cat", "grep", "egrep", "fgrep", "head", "tail", "wc", "ls", "basename", "dirname"}
)


def _xargs(words: Sequence[str], _own: Own) -> str | None:
    program = next((word for word in words if not re.fullmatch(r"-0|-r|-[nLP]\d*|\d+", word)), "echo")
    return None if program in _XARGS else f"`xargs {program}` would run on names that nobody has seen"


def _sort(words: Sequence[str], own: Own) -> str | None:
    return _without("-o", "--output", "--compress-program", says="of `sort` does more than look")(words, own)


def _rg(words: Sequence[str], own: Own) -> str | None:
    return _without("--pre", "--hostname-bin", "--search-zip", says="of `rg` runs other programs")(words, own)


_LOOK: Final = (
    *(
        "ls",
        "cat",
        "head",
        "tail",
        "wc",
        "nl",
        "grep",
        "egrep",
        "fgrep",
        "cut",
        "tr",
        "diff",
        "cmp",
        "comm",
        "od",
    ),
    *(
        "xxd",
        "file",
        "stat",
        "du",
        "pwd",
        "echo",
        "printf",
        "true",
        "false",
        "test",
        "[",
        "basename",
        "dirname",
    ),
    *(
        "realpath",
        "which",
        "type",
        "date",
        "column",
        "md5sum",
        "sha256sum",
        "jq",
        "exit",
        "sleep",
        "uniq",
        "fold",
    ),
)
EVERYWHERE: Final[Mapping[str, Rule]] = {
    **dict.fromkeys(_LOOK, _any),
    "cd": _within("cd"),
    "command": _only("-v"),
    "cp": _within("cp"),
    "env": lambda words, _own: "`env` may set what another program runs with" if words else None,
    "printenv": _any,
    "find": _find,
    "git": _git,
    "mkdir": _within("mkdir"),
    "mv": _within("mv"),
    "rg": _rg,
    "rm": _rm,
    "sed": _sed,
    "sort": _sort,
    "tee": _within("tee"),
    "touch": _within("touch"),
    "tree": _without("-o", says="of `tree` writes a file"),
    "xargs": _xargs,
}
"""What may run in every repository: it looks, or handles single files of the workspace."""

_MODULES: Final = frozenset(
    {"pytest", "unittest", "doctest", "mypy", "ruff", "flake8", "pylint", "pyflakes", "black", "isort"}
    | {"compileall", "py_compile", "tabnanny", "pyright", "pycodestyle", "json.tool", "ast", "tokenize"}
)


def _python(words: Sequence[str], own: Own) -> str | None:
    """Test runners and linters, tests, and scripts that the worker wrote: those are on record."""
    rest = list(words)
    while rest and re.fullmatch(r"-[BbEIOsSuvWqX]+|--version|-V", rest[0]):
        if rest[0] in {"--version", "-V"}:
            return None
        rest = rest[2:] if rest[0] in {"-W", "-X"} else rest[1:]
    if not rest or rest[0] in {"-c", "-"}:
        return INLINE
    if rest[0] == "-m":
        module = rest[1] if len(rest) > 1 else ""
        if module == "coverage":
            return _only("run -m pytest", "run -m unittest", "report")(rest[2:], own)
        return (
            None if module in _MODULES else f"`python -m {module}` is neither a test runner nor a linter here"
        )
    script = rest[0].removeprefix("./")
    if not outside(script) and (is_test(script) or script in own):
        return None
    return f"`{rest[0]}` is neither a test nor a script that was written for this task"


_NPM: Final = _only(
    *("test", "t"), *(f"run {name}" for name in ("test", "lint", "typecheck", "check", "format"))
)
_NODE_TOOLS: Final = ("eslint", "tsc", "prettier", "jest", "vitest", "mocha", "ava", "biome", "stylelint")


def _node(words: Sequence[str], own: Own) -> str | None:
    if any(re.match(r"-(?:e|p|-eval|-print|r|-require|-import|-loader)\b", word) for word in words):
        return INLINE
    script = next((word.removeprefix("./") for word in words if not word.startswith("-")), "")
    if words and (words[0] in {"--test", "--check", "--version"} or is_test(script) or script in own):
        return None
    return "of `node` only tests and scripts written for this task need no yes"


def _go(words: Sequence[str], own: Own) -> str | None:
    acting = next((word for word in words if re.match(r"--?(?:exec|toolexec|vettool)\b", word)), None)
    if acting:
        return f"`{acting}` of `go` runs another program"
    return _only("test", "vet", "build", "list", "fmt", "version", "doc")(words, own)


_TARGETS: Final = frozenset({"test", "tests", "check", "lint", "typecheck", "format"})


def _make(words: Sequence[str], _own: Own) -> str | None:
    if words and all(word in _TARGETS or re.fullmatch(r"-[sjk]\d*", word) for word in words):
        return None
    return f"of `make` only {', '.join(f'`{name}`' for name in sorted(_TARGETS))} need no yes"


OF_STACKS: Final[Mapping[str, Mapping[str, Rule]]] = {
    "python": {
        **dict.fromkeys(("python", "python3"), _python),
        **dict.fromkeys(
            ("pytest", "mypy", "ruff", "flake8", "pylint", "black", "isort", "pyright", "pyflakes"), _any
        ),
    },
    "node": {
        **dict.fromkeys(("npm", "pnpm", "yarn"), _NPM),
        **dict.fromkeys(_NODE_TOOLS, _any),
        "node": _node,
        "npx": _only(*_NODE_TOOLS, *(f"--no-install {tool}" for tool in _NODE_TOOLS)),
    },
    "go": {"go": _go, **dict.fromkeys(("gofmt", "staticcheck", "golangci-lint"), _any)},
    "rust": {
        "cargo": _only("test", "check", "clippy", "fmt", "build", "tree"),
        "rustfmt": _any,
    },
    "make": {"make": _make},
}
"""Test runners and linters, by what a repository is built with."""
