"""A careful reader of shell command lines. What it cannot be sure of, it does not read.

It knows simple commands with quotes, joined by `;`, `&&`, `||`, `|` and line breaks, and redirections
(POSIX.1-2017, Shell Command Language, 2.2 to 2.9.2). Substitutions, variables, here-documents, groups,
functions, keywords and background commands are refused as a whole: what they run is not in the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

MAX_LENGTH: Final = 4_000
_KEYWORDS: Final = frozenset(
    {"if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "select"}
    | {"function", "coproc", "time", "!", "[[", "{", "}"}
)
_SET: Final = re.compile(r"[A-Za-z_]\w*\+?=")
_OPERATOR: Final = re.compile(r"&&|\|\||\|&|\||;|\n")
_REDIRECT: Final = re.compile(r"(&>>|&>|\d*>>|\d*>\||\d*>|\d*<)(&(?:\d+|-)(?![\w-]))?")
_QUOTED: Final = re.compile(r"'[^']*'")


class Unreadable(ValueError):  # noqa: N818 - reads as the state it reports
    """A command line holds something that is not read here. The message is a phrase that names it."""


@dataclass
class Simple:
    """One simple command: its words without quotes, what is set for it, and the files it is redirected to."""

    words: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.words or self.sets or self.writes or self.reads)


def read_shell(line: str) -> tuple[Simple, ...]:
    """Return the simple commands of a command line; raises Unreadable."""
    if len(line) > MAX_LENGTH:
        raise Unreadable(f"more than {MAX_LENGTH:,} characters")
    if not all(char.isprintable() or char in "\t\n" for char in line):
        raise Unreadable("characters that cannot be seen")
    return _Reader(line).read()


class _Reader:
    def __init__(self, line: str) -> None:
        self._line = line
        self._at = 0
        self._now = Simple()
        self._done: list[Simple] = []
        self._redirect = ""
        """The redirection that waits for its file."""

    def read(self) -> tuple[Simple, ...]:
        while self._at < len(self._line):
            self._next()
        self._end()
        if not self._done:
            raise Unreadable("no command")
        return tuple(self._done)

    def _next(self) -> None:
        """Take in one word, operator, redirection, comment or stretch of blanks."""
        line, at = self._line, self._at
        if line[at] in " \t" or line.startswith("\\\n", at):
            self._at += 1 if line[at] != "\\" else 2
        elif line[at] == "#":
            end = line.find("\n", at)
            self._at = len(line) if end < 0 else end
        elif redirect := _REDIRECT.match(line, at):
            self._at = redirect.end()
            if line.startswith(("<", "("), self._at):
                raise Unreadable("a here-document or a process substitution")
            if self._redirect:
                raise Unreadable("a redirection without a file")
            self._redirect = "" if redirect[2] else redirect[1]
        elif operator := _OPERATOR.match(line, at):
            self._at = operator.end()
            self._end()
        else:
            self._word(self._take_word())

    def _word(self, word: str) -> None:
        now = self._now
        if self._redirect:
            (now.reads if self._redirect.endswith("<") else now.writes).append(word)
            self._redirect = ""
        elif not now.words and _SET.match(word):
            now.sets.append(word)
        elif not now.words and word in _KEYWORDS:
            raise Unreadable(f"the shell's own word `{word}`")
        else:
            now.words.append(word)

    def _end(self) -> None:
        if self._redirect:
            raise Unreadable("a redirection without a file")
        if not self._now.empty:
            self._done.append(self._now)
        self._now = Simple()

    def _take_word(self) -> str:
        """Return the word that begins here, without its quotes."""
        line, parts = self._line, []
        while self._at < len(line):
            char = line[self._at]
            if char in " \t\n;|<>":
                break
            if char == "'":
                quoted = _QUOTED.match(line, self._at)
                if not quoted:
                    raise Unreadable("a quote that is not closed")
                parts.append(quoted[0][1:-1])
                self._at = quoted.end()
            elif char == '"':
                parts.append(self._take_double())
            elif char == "\\":
                parts.append(line[self._at + 1 : self._at + 2].replace("\n", ""))
                self._at += 2
            elif char == "&" and line.startswith(("&&", "&>"), self._at):
                break
            else:
                parts.append(self._plain(char))
        return "".join(parts)

    def _plain(self, char: str) -> str:
        """Return a character outside of quotes (two, for `$?`), if it means itself."""
        if char in "`$" and not self._line.startswith("$?", self._at):
            raise Unreadable("a variable or a substitution")
        if char in "(){}":
            raise Unreadable("a group, a function or a list in braces")
        if char == "&":
            raise Unreadable("a command in the background")
        plain = "$?" if char == "$" else char
        self._at += len(plain)
        return plain

    def _take_double(self) -> str:
        line = self._line
        parts: list[str] = []
        self._at += 1
        while self._at < len(line):
            char = line[self._at]
            if char == '"':
                self._at += 1
                return "".join(parts)
            if char == "\\" and line[self._at + 1 : self._at + 2] in {"\\", '"', "$", "`", "\n"}:
                parts.append(line[self._at + 1].replace("\n", ""))
                self._at += 2
            elif char == "`" or (char == "$" and re.match(r"\$[\w({@*#!$-]", line[self._at :])):
                raise Unreadable("a variable or a substitution")
            else:
                parts.append(char)
                self._at += 1
        raise Unreadable("a quote that is not closed")
