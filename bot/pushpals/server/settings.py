"""The settings of a PushPals process: one typed place, read from the environment by doors alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(Exception):
    """A setting is missing or wrong. The message says which, and what to set."""


def config_folder() -> Path:
    """Return where `pushpals setup` keeps its files: `PUSHPALS_CONFIG`, else in the user's configuration."""
    if chosen := os.environ.get("PUSHPALS_CONFIG"):
        return Path(chosen)
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "pushpals"


def _default_state() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "pushpals"


def _web_url(url: str) -> str:
    """Refuse what is no plain address of a server. The address is not repeated: it may hold a password."""
    example = "write it like https://github.example.com"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # a port that is no number, or brackets that hold no address
        raise ValueError(f"is not an address; {example}") from None
    if parts.scheme not in {"http", "https"} or not host or port == 0:
        raise ValueError(f"is not an address that begins with http:// or https://; {example}")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"holds a user or a password, and PushPals signs in as an App; {example}")
    if parts.query or parts.fragment or any(c.isspace() or not c.isprintable() for c in url):
        raise ValueError(f"holds more than an address; {example}")
    return url


WebUrl = Annotated[str, AfterValidator(_web_url)]


class Settings(BaseSettings):
    """Every setting is an environment variable with the prefix `PUSHPALS_`; secrets may be files instead."""

    model_config = SettingsConfigDict(env_prefix="PUSHPALS_", env_ignore_empty=True, extra="ignore")

    github_url: WebUrl = "https://github.com"
    """Where GitHub is: github.com, a GitHub Enterprise Server, or a local forge."""
    app_id: int | None = None
    """The GitHub App's id (its settings page shows it)."""
    private_key: SecretStr | None = None
    """The App's private key, PEM. Prefer `private_key_file`."""
    private_key_file: Path | None = None
    """File that holds the App's private key; only its owner should be able to read it."""
    token: SecretStr | None = None
    """A token to work with where no App is configured, such as a workflow job's `GITHUB_TOKEN`."""
    webhook_secret: SecretStr | None = None
    """The webhook's secret. Prefer `webhook_secret_file`."""
    webhook_secret_file: Path | None = None
    """File that holds the webhook's secret."""
    host: str = "127.0.0.1"
    """Address to listen on. Loopback unless told otherwise."""
    port: int = Field(default=8765, ge=0, le=65_535)
    """Port to listen on; 0 takes any free one."""
    poll: bool = False
    """Read the App's own log of deliveries instead of taking webhooks: no public address is needed."""
    poll_quick_seconds: float = Field(default=2.0, ge=0.5)
    """Pause before the log is read again after something came. It grows by half each time nothing does."""
    poll_slow_seconds: float = Field(default=30.0, ge=0.5)
    """The longest pause while nothing comes; at most 10 seconds while a job is worked on."""
    state: Path = Field(default_factory=_default_state)
    """Folder for mirrors and workspaces. It can be deleted while nothing runs: GitHub holds all state."""
    model_url: str | None = None
    """Base address of an OpenAI-compatible endpoint, such as `http://127.0.0.1:1234/v1`."""
    model: str | None = None
    """Name of the model to ask that endpoint for; `replay` plays the shipped recording."""
    model_key: SecretStr | None = None
    """API key of the endpoint. `OPENAI_API_KEY` is used when this is not set."""
    model_key_file: Path | None = None
    """File that holds the API key."""
    sandbox: Literal["auto", "docker", "bubblewrap"] = "auto"
    """How commands are isolated; `auto` takes Docker where an engine holds the image, else bubblewrap."""
    sandbox_image: str | None = None
    """Docker image that commands run in."""
    sandbox_paths: str = ""
    """More folders that bubblewrap shows read-only to commands, separated by `:` (toolchains, say)."""
    jobs: int = Field(default=2, ge=1, le=64)
    """Jobs worked on at once."""
    worker_name: str = ""
    """What people see of who holds a job, with `pushpals worker`; when not set, a name made up once."""
    drain_seconds: float = Field(default=20.0, ge=0)
    """Seconds that `pushpals worker` gives jobs under way when it is told to stop; then it puts them back in
    the queue. Whoever starts it must wait longer than that before killing it."""
    reclaim_seconds: float = Field(default=600.0, ge=5)
    """A claim that has not moved for so long, by the watcher's own clock, is taken over. Set it alike for all
    servers and workers: a job's record moves every 45 seconds, or every tenth of this if that is less."""
    reconcile_seconds: float = Field(default=300.0, gt=0)
    """Pause between two looks at all repositories for what webhooks missed."""
    retry_factor: float = Field(default=1.0, ge=0)
    """Stretches the pauses before a failed job is tried again (15 s, then 60 s)."""
    writes_per_second: float = Field(default=1.0, gt=0)
    """Writes to GitHub after a burst of ten, by installation. More only where GitHub has no such limit."""
    creations_per_hour: int = Field(default=495, ge=20)  # HOURLY, whose import would slow every start
    """Comments, pull requests, reviews and merges in an hour, by installation. GitHub allows about 500, and
    servers of one App share that: give each its part."""
    status: bool = True
    """Serve the status page, `/status.json` and `/metrics`."""
    status_host: str = "127.0.0.1"
    """Address of the status page. It names what is asked in private repositories: keep it on loopback."""
    status_port: int | None = Field(default=None, ge=0, le=65_535)
    """Port of the status page; 0 takes any free one. When not set: the port after `port`."""
    log_format: Literal["text", "json"] = "text"
    """Log lines for people, or JSON objects for machines, one a line."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """How much to log."""

    def require_app_id(self) -> int:
        """Return the App's id; raises SettingsError when it is not set."""
        if self.app_id is None:
            raise SettingsError("No GitHub App is configured. Set PUSHPALS_APP_ID (see docs/setup.md).")
        return self.app_id

    def require_private_key(self) -> str:
        """Return the App's private key, from its file or the environment."""
        return _secret(self.private_key_file, self.private_key, "PRIVATE_KEY")

    def require_webhook_secret(self) -> bytes:
        """Return the webhook's secret, from its file or the environment."""
        return _secret(self.webhook_secret_file, self.webhook_secret, "WEBHOOK_SECRET").encode()

    def model_api_key(self) -> str | None:
        """Return the endpoint's API key, or None when there is none."""
        if self.model_key_file is None and self.model_key is None:
            return os.environ.get("OPENAI_API_KEY") or None
        return _secret(self.model_key_file, self.model_key, "MODEL_KEY")

    def extra_paths(self) -> list[Path]:
        """Return the folders of `sandbox_paths`."""
        return [Path(part) for part in self.sandbox_paths.split(":") if part]

    def known_secrets(self) -> list[str]:
        """Return all secrets that are configured, so that they can be kept out of everything written."""
        found = [os.environ.get("OPENAI_API_KEY", ""), self.token.get_secret_value() if self.token else ""]
        for name, file, value in (
            ("PRIVATE_KEY", self.private_key_file, self.private_key),
            ("WEBHOOK_SECRET", self.webhook_secret_file, self.webhook_secret),
            ("MODEL_KEY", self.model_key_file, self.model_key),
        ):
            if file or value:
                found.append(_secret(file, value, name))
        return [secret for secret in found if secret]


def _secret(file: Path | None, value: SecretStr | None, name: str) -> str:
    if file is not None:
        try:
            text = file.read_text().strip()
        except OSError as error:
            raise SettingsError(
                f"{file} cannot be read ({error.strerror}). Check PUSHPALS_{name}_FILE."
            ) from None
        except UnicodeDecodeError:
            raise SettingsError(f"{file} is not text. Check PUSHPALS_{name}_FILE.") from None
        if not text:
            raise SettingsError(f"{file} is empty. Check PUSHPALS_{name}_FILE.")
        return text
    if value is not None and value.get_secret_value():
        return value.get_secret_value()
    raise SettingsError(
        f"PUSHPALS_{name}_FILE is not set. Point it at a file only you can read (see docs/setup.md)."
    )
