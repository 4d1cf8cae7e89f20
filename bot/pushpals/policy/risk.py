"""The floor that rules set under a change's risk. A model or a person may say higher, never lower."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pushpals.model import FileChange, Risk
from pushpals.policy.globs import first_match
from pushpals.policy.paths import printable
from pushpals.policy.repo_policy import RepoPolicy
from pushpals.policy.scope import LOCK_FILES, protected_by

MANY_FILES: Final = 10
MANY_LINES: Final = 300


@dataclass(frozen=True, slots=True)
class PathRule:
    """Paths that set a floor: by pattern, or by a word in the file's name (not in its folders)."""

    name: str
    risk: Risk
    globs: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()


TESTS: Final = (
    "tests/",
    "test/",
    "__tests__/",
    "test_*.py",
    "*_test.py",
    "*_test.go",
    "*.test.*",
    "*.spec.*",
    "conftest.py",
)
"""Tests: they ship to nobody, so names and folders inside them set no floor."""

_ACCESS_WORDS: Final = frozenset(
    {"acl", "auth", "authentication", "authn", "authorisation", "authorization", "authz", "login", "oauth"}
    | {
        "oidc",
        "password",
        "passwords",
        "permission",
        "permissions",
        "privilege",
        "privileges",
        "rbac",
        "saml",
    }
    | {"session", "sessions", "sso"}
)
_CRYPTO_WORDS: Final = frozenset(
    {"cipher", "crypto", "cryptography", "decrypt", "encrypt", "encryption", "hmac", "jwt", "signature"}
    | {"signing", "ssl", "tls"}
)
_MANIFESTS: Final = frozenset(LOCK_FILES) | {name for names in LOCK_FILES.values() for name in names}
_OTHER_MANIFESTS: Final = (
    "requirements*.txt",
    "requirements/*.txt",
    "setup.py",
    "setup.cfg",
    "pom.xml",
    "build.gradle*",
)
_BUILD: Final = ("Dockerfile*", "*.Dockerfile", "Makefile", ".gitlab-ci.yml", ".circleci/")
_INTERFACES: Final = ("__init__.py", "*.d.ts", "*.proto", "openapi.*", "*.graphql")

PATH_RULES: Final = (
    # A folder called auth is an area; a file called auth, permissions or crypto is the mechanism itself.
    PathRule("access control", Risk.HIGH, words=_ACCESS_WORDS),
    PathRule("cryptography", Risk.HIGH, globs=("crypto/", "cryptography/"), words=_CRYPTO_WORDS),
    PathRule("migration", Risk.HIGH, globs=("migrations/", "alembic/"), words=frozenset({"migration"})),
    PathRule("dependencies", Risk.MEDIUM, globs=(*sorted(_MANIFESTS), *_OTHER_MANIFESTS)),
    PathRule("build", Risk.MEDIUM, globs=_BUILD),
    PathRule("public interface", Risk.MEDIUM, globs=_INTERFACES),
)


def floor(changed: Sequence[FileChange] | Sequence[str], policy: RepoPolicy) -> tuple[Risk, tuple[str, ...]]:
    """Return the lowest risk a change may be given, and why, one phrase each, the gravest first.

    `changed` is the files of a change, or, before there is one, the paths a plan means to touch.
    """
    paths = [item if isinstance(item, str) else item.path for item in changed]
    files = [item for item in changed if isinstance(item, FileChange)]
    found = [*_path_reasons(paths, policy), *_size_reasons(paths, files)]
    found.sort(key=lambda reason: -reason[0].rank)
    return (found[0][0] if found else Risk.LOW), tuple(dict.fromkeys(text for _, text in found))


def is_test(path: str) -> bool:
    """Tell whether `path` is a test or belongs to the tests."""
    return first_match(TESTS, path) is not None


def _path_reasons(paths: Sequence[str], policy: RepoPolicy) -> Iterator[tuple[Risk, str]]:
    for path in paths:
        if rule := protected_by(path, policy):
            yield Risk.HIGH, f"{printable(path)} is protected ({rule})"
        if is_test(path):
            continue
        for row in PATH_RULES:
            if first_match(row.globs, path, ignore_case=True) or row.words & _words(path):
                yield row.risk, f"{printable(path)} changes (rule: {row.name})"


def _words(path: str) -> set[str]:
    """Return the words of a file's name: `src/OAuthToken_store.py` has `o`, `auth`, `token`, `store`."""
    name = path.rpartition("/")[2].partition(".")[0]
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return set(re.split(r"[^a-z0-9]+", spaced.casefold()))


def _size_reasons(paths: Sequence[str], files: Sequence[FileChange]) -> Iterator[tuple[Risk, str]]:
    if len(paths) > MANY_FILES:
        yield Risk.MEDIUM, f"{len(paths)} files change (rule: more than {MANY_FILES})"
    lines = sum((file.added or 0) + (file.removed or 0) for file in files)
    if lines > MANY_LINES:
        yield Risk.MEDIUM, f"{lines} lines change (rule: more than {MANY_LINES})"
    for file in files:
        if file.status == "deleted":
            yield Risk.MEDIUM, f"{printable(file.path)} is deleted (rule: deletion)"
