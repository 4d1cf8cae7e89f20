"""What `pushpals setup` keeps: the App's key, the webhook's secret, and the settings that name them."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pushpals.server.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PROBE_BYTES = 64 << 10
_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)


class HalfKeptError(SettingsError):
    """The App's key is kept, and what belongs to it could not be. The message says why, and what to do."""


@dataclass(frozen=True)
class Keeping:
    """A folder for its owner alone. Nothing in it is ever overwritten."""

    folder: Path

    @property
    def env(self) -> Path:
        """The settings, one a line, as `NAME=value`."""
        return self.folder / "env"

    def secret_of(self, app_id: int) -> Path:
        """The secret of an App's webhook: that of another App, or one made by hand, is never taken for it."""
        return self.folder / f"webhook-secret-{app_id}"

    def key_of(self, app_id: int) -> Path:
        """The private key of an App. Its id is in the name, so that the file alone is enough to go on."""
        return self.folder / f"app-{app_id}.pem"

    def app_without_settings(self) -> int | None:
        """Return the App whose key is here while the settings are not: a former setup ended in between."""
        found = [re.fullmatch(r"app-(\d+)\.pem", path.name) for path in sorted(self.folder.glob("app-*.pem"))]
        ids = [int(match[1]) for match in found if match]
        return ids[-1] if ids and not self.env.exists() else None

    def prepare(self) -> None:
        """Make the folder, and see that files can be kept in it. Raises SettingsError."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self.folder.stat().st_mode & 0o077:
                raise SettingsError(f"Others may look into {self.folder}. Run: chmod 700 {self.folder}")
            probe = self.folder / ".probe"
            probe.unlink(missing_ok=True)
            _write(probe, "x" * _PROBE_BYTES)
            probe.unlink()
        except OSError as error:
            raise SettingsError(
                f"{self.folder} cannot keep files ({error.strerror}). Make room or mend its rights, or name "
                "another folder with PUSHPALS_CONFIG."
            ) from None

    def keep(self, path: Path, text: str) -> None:
        """Write a new file for its owner alone. Raises SettingsError, also when it is there already."""
        try:
            _write(path, text)
        except FileExistsError:
            raise SettingsError(
                f"{path} is there already, and nothing is overwritten. Move it away."
            ) from None
        except OSError as error:
            raise SettingsError(f"{path} could not be written: {error.strerror}.") from None

    def keep_settings(self, settings: Mapping[str, str]) -> None:
        """Write the settings, as a shell, systemd and PushPals read them alike."""
        lines = ["# Written by `pushpals setup`. Variables of the environment go before these."]
        lines += [f"{name}={_quoted(value)}" for name, value in settings.items()]
        self.keep(self.env, "\n".join(lines) + "\n")


def _write(path: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)  # half a key is worse than none
        raise


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value, ensure_ascii=False).replace("$", r"\$")
