"""GitHub's expressions, as far as our workflows use them (GitHub documentation, "Evaluate expressions")."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_TOKEN = re.compile(r"\s*(?:(&&|\|\||==|!=|[!().,])|('(?:[^']|'')*')|(\d+)|([A-Za-z_][\w-]*))")
_WHOLE = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
STATUS = ("always", "cancelled", "failure", "success")


class Expression:
    """One expression, to be evaluated in `contexts` with `functions`; what is not there is empty."""

    def __init__(
        self, text: str, contexts: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]
    ) -> None:
        self.contexts, self.functions = contexts, functions
        self.tokens = [match.group(match.lastindex or 0) for match in _TOKEN.finditer(text)]
        assert "".join(self.tokens) == re.sub(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", "", text), text
        self.at = 0

    def value(self) -> Any:
        found = self._or()
        assert self.at == len(self.tokens), self.tokens[self.at :]
        return found

    def _take(self, *wanted: str) -> str | None:
        if self.at < len(self.tokens) and (not wanted or self.tokens[self.at] in wanted):
            self.at += 1
            return self.tokens[self.at - 1]
        return None

    def _or(self) -> Any:
        left = self._and()
        while self._take("||"):
            right = self._and()
            left = left if truthy(left) else right
        return left

    def _and(self) -> Any:
        left = self._equal()
        while self._take("&&"):
            right = self._equal()
            left = right if truthy(left) else left
        return left

    def _equal(self) -> Any:
        left = self._not()
        while operator := self._take("==", "!="):
            same = _loose(left) == _loose(self._not())
            left = same if operator == "==" else not same
        return left

    def _not(self) -> Any:
        return not truthy(self._not()) if self._take("!") else self._primary()

    def _primary(self) -> Any:
        token = self._take()
        assert token is not None
        if token == "(":
            inner = self._or()
            assert self._take(")")
            return inner
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token.isdecimal():
            return int(token)
        if self._take("("):
            arguments = []
            while not self._take(")"):
                arguments.append(self._or())
                self._take(",")
            return self.functions[token](*arguments)
        return self._path(token)

    def _path(self, name: str) -> Any:
        found: Any = self.contexts[name]
        while self._take("."):
            key = self._take()
            found = found.get(key) if isinstance(found, Mapping) else None
        return found


def truthy(value: Any) -> bool:
    return value not in (None, False, 0, "")


def _loose(value: Any) -> Any:
    return "" if value is None else value.casefold() if isinstance(value, str) else value


def shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


class Evaluator:
    """Evaluates values and conditions. `status` is how the jobs or steps before went: success, failure …"""

    def __init__(self, contexts: Mapping[str, Any], status: str = "success") -> None:
        self.contexts = contexts
        self.functions: dict[str, Callable[..., Any]] = {
            "always": lambda: True,
            "cancelled": lambda: status == "cancelled",
            "failure": lambda: status == "failure",
            "success": lambda: status == "success",
            "fromJSON": json.loads,
        }

    def fill(self, value: Any) -> Any:
        """Return a value of the workflow file with its expressions filled in."""
        if not isinstance(value, str):
            return value
        whole = _WHOLE.fullmatch(value.strip())
        if whole and "${{" not in whole[1]:
            return Expression(whole[1], self.contexts, self.functions).value()
        return _WHOLE.sub(
            lambda match: shown(Expression(match[1], self.contexts, self.functions).value()), value
        )

    def holds(self, condition: str | None) -> bool:
        """Whether an `if` lets a job or step run: after a failure only one that asks for that does."""
        text = _WHOLE.sub(lambda match: match[1], condition or "success()")
        asks = any(f"{name}(" in text for name in STATUS)
        value = truthy(Expression(text, self.contexts, self.functions).value())
        return value and (asks or bool(self.functions["success"]()))
