"""The register of attacks: what each tries, which control stops it, and what its success would look like.

A case is a plain function. It is run twice: as the product is, when it must end quietly, and with its control
switched off, when it must raise `Breach`. So nobody can mistake a case that proves nothing for one that does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from tests.adversary.stage import Stage

Body = Callable[[Stage], Awaitable[None]]
Kind = Literal["bubblewrap", "docker"]

AREAS = (
    "doors",
    "people",
    "text",
    "workspace",
    "sandbox",
    "credentials",
    "publication",
    "evidence",
    "money",
)


@dataclass(frozen=True)
class Case:
    """One attack."""

    area: str
    tries: str
    control: str
    body: Body
    kind: Kind = "bubblewrap"
    docker: bool = False
    """Whether it needs a Docker engine."""

    @property
    def name(self) -> str:
        """A name for the report: area, sandbox where it matters, and what is tried."""
        place = "sandbox in docker" if self.docker else self.area
        return f"{place}: {self.tries}"


CASES: list[Case] = []


def case(tries: str, *, control: str) -> Callable[[Body], Body]:
    """Register an attack in the area that its module is named after."""

    def register(body: Body) -> Body:
        CASES.append(Case(_area(body), tries, control, body))
        return body

    return register


def sandbox_case(
    tries: str, *, bubblewrap: str | None = None, docker: str | None = None
) -> Callable[[Body], Body]:
    """Register an attack from within a sandbox, on each kind of sandbox that names its control."""

    def register(body: Body) -> Body:
        if bubblewrap:
            CASES.append(Case(_area(body), tries, bubblewrap, body))
        if docker:
            CASES.append(Case(_area(body), tries, docker, body, kind="docker", docker=True))
        return body

    return register


def _area(body: Body) -> str:
    return body.__module__.rpartition(".")[2]
