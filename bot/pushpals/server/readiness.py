"""Whether the process can do its work yet, and what it still waits for."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from pushpals.server.routes import Routes

STAGES = {
    "sandbox": "the sandbox is being tried",
    "model": "the model is being opened",
    "look around": "the repositories have not all been looked at since the start",
}
"""What must be done before work can be done, in order, and how that is told while it is not."""


@dataclass
class Readiness:
    """Stages are done one by one, and stay done."""

    _left: dict[str, str] = field(default_factory=lambda: dict(STAGES))

    @property
    def missing(self) -> tuple[str, ...]:
        """What is waited for, one plain phrase each; empty when all is ready."""
        return tuple(self._left.values())

    def done(self, stage: str) -> None:
        """Tick off a stage."""
        self._left.pop(stage, None)


def health(readiness: Readiness) -> Routes:
    """Return `/healthz` (it answers at all) and `/readyz` (it can work; 503 with the reasons before)."""

    async def healthz(_request: web.BaseRequest) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_request: web.BaseRequest) -> web.Response:
        missing = readiness.missing
        if missing:
            return web.Response(
                status=HTTPStatus.SERVICE_UNAVAILABLE,
                text="".join(f"not ready: {phrase}\n" for phrase in missing),
            )
        return web.Response(text="ready\n")

    return {"/healthz": ("GET", healthz), "/readyz": ("GET", readyz)}
