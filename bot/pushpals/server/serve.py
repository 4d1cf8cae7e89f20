"""`pushpals serve`: listen at once, then get ready to work.

What takes time to import is imported while the door already answers: this module and `door` stay light.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import signal
import socket
from typing import TYPE_CHECKING

from pushpals.audit.redact import Redactor
from pushpals.server import logs
from pushpals.server.door import Door
from pushpals.server.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pushpals.local.model import Progress
    from pushpals.server.settings import Settings


async def serve(settings: Settings, say: Callable[[str], None], progress: Progress) -> int:
    """Serve webhooks until SIGTERM or SIGINT; return the exit code. `say` prints a line for the operator."""
    logs.set_up(settings.log_level, Redactor(settings.known_secrets()), settings.log_format)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    serving = asyncio.create_task(_serve(settings, say, progress))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        say("Stopping. Work under way is taken up again at the next start.")
        serving.cancel()
    stopping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    return 0


async def _serve(settings: Settings, say: Callable[[str], None], progress: Progress) -> None:
    door = await _listen(settings)
    try:
        say(_greeting(door, settings))
        await asyncio.to_thread(importlib.import_module, "pushpals.server.app")
        from pushpals.server.app import work_behind  # noqa: PLC0415 - start-up time

        await work_behind(door, settings, say, progress)
    finally:
        await door.close()


def _greeting(door: Door, settings: Settings) -> str:
    if not settings.poll:
        return f"PushPals serves {door.url}/webhook for {settings.github_url}"
    return f"PushPals reads the deliveries at {settings.github_url}; its health is at {door.url}/healthz"


async def _listen(settings: Settings) -> Door:
    """Open the door where the settings say; raises SettingsError when it cannot be there."""
    try:
        secret = None if settings.poll else settings.require_webhook_secret()
        return await Door.open(secret, host=settings.host, port=settings.port)
    except socket.gaierror:
        why = "the name is not known"
    except UnicodeError:
        why = "it is no host's name"
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
    remedy = "Give an address of this machine with --host (PUSHPALS_HOST), and a free port with --port"
    raise SettingsError(
        f"PushPals cannot listen at {settings.host}:{settings.port} ({why}). {remedy} (PUSHPALS_PORT)."
    )
