"""What the repository's own CI says of a commit, taken together. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class Check(Protocol):
    """A check run or commit status, as far as these rules look at it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def state(self) -> str:
        """`pending`, `success`, `failure` or `neutral`, which neither proves nor blocks."""

    @property
    def mine(self) -> bool:
        """Whether it is our own."""


@dataclass(frozen=True)
class CiVerdict:
    """`green` is None while it is not known; `missing` are checks that are waited for."""

    green: bool | None
    counted: tuple[Check, ...] = ()
    missing: tuple[str, ...] = ()


def ci_verdict(
    ci: Sequence[Check], base: Sequence[Check], required: Sequence[str], *, settled: bool
) -> CiVerdict:
    """Judge a commit by its checks, our own left out.

    Those that are `required` must be there and pass; where none are, those that the base has must be, and
    nothing else may fail or be under way. A verdict on checks that nobody named ahead waits until the commit
    is `settled`: checks appear one after the other.
    """
    theirs = [check for check in ci if not check.mine]
    wanted = tuple(required) or tuple(sorted({check.name for check in base if not check.mine}))
    counted = tuple(check for check in theirs if not required or check.name in required)
    present = {check.name for check in counted}
    missing = tuple(name for name in wanted if name not in present)
    pending = tuple(sorted({check.name for check in counted if check.state == "pending"}))
    if any(check.state == "failure" for check in counted):
        return CiVerdict(green=False, counted=tuple(c for c in counted if c.state != "pending"))
    if missing or pending or not any(check.state == "success" for check in counted):
        return CiVerdict(green=None, missing=(*missing, *pending))
    if not required and not settled:
        return CiVerdict(green=None)
    return CiVerdict(green=True, counted=counted)


def has_ci(checks: Sequence[Check]) -> bool:
    """Whether anybody but us has checked a commit."""
    return any(not check.mine for check in checks)
