"""Webhooks: payloads written with their cause, delivered in order, signed as GitHub signs."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from contextlib import suppress
from datetime import timedelta
from typing import Any

import aiohttp

from pushpals.local.forge.app_entities import App, CheckRun, Delivery, Installation
from pushpals.local.forge.entities import Repo
from pushpals.local.forge.errors import NotFoundError
from pushpals.local.forge.git import Commit
from pushpals.local.forge.render import Renderer
from pushpals.local.forge.store import Event, Store

TIMEOUT_S = 10.0
KEPT = timedelta(days=3)
_ONLY_FOR_ITS_APP = {"requested_action", "rerequested"}
_FILE_LISTS = {"A": "added", "D": "removed"}


class Hooks:
    """Turns events into deliveries and sends them in order to each App. A failed one is not repeated."""

    def __init__(self, store: Store, renderer: Renderer) -> None:
        self._store = store
        self._renderer = renderer
        self._senders: dict[int, asyncio.Task[None]] = {}
        self._session: aiohttp.ClientSession | None = None
        store.on_event = self._write_deliveries

    async def start(self) -> None:
        """Begin to send; deliveries that were pending when the forge stopped go first."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))
        with self._store.transaction():
            for old in [
                d for d in self._store.deliveries.values() if d.created_at < self._store.now() - KEPT
            ]:
                self._store.drop(old)
        for app in self._store.apps.values():
            self.watch(app)

    def watch(self, app: App) -> None:
        """Send this App's deliveries from now on."""
        if app.id not in self._senders:
            self._senders[app.id] = asyncio.create_task(self._send_all(app.id))

    async def close(self) -> None:
        """Stop sending. What is pending is sent after the next start."""
        for sender in self._senders.values():
            sender.cancel()
        for sender in self._senders.values():
            with suppress(asyncio.CancelledError):
                await sender
        if self._session:
            await self._session.close()

    def redeliver(self, delivery_id: int) -> Delivery:
        """Send a delivery again, with the same GUID and payload. Raises NotFoundError."""
        old = self._store.deliveries.get(delivery_id)
        if old is None:
            raise NotFoundError(f"There is no delivery {delivery_id}")
        fresh = {**self._store.identity(Delivery), "redelivery": True, "status": "pending"}
        fresh |= {"created_at": self._store.now(), "status_code": None, "delivered_at": None, "seconds": 0.0}
        with self._store.transaction():
            return self._store.put(old.model_copy(update=fresh))

    def _write_deliveries(self, event: Event) -> None:
        for app in self._store.apps.values():
            installation = self._store.installation_of(app.id, event.repo.id)
            if installation is None or not app.webhook_url or not _concerns(app, installation, event):
                continue
            self._store.put(
                Delivery(
                    **self._store.identity(Delivery),
                    guid=str(uuid.uuid4()),
                    app_id=app.id,
                    installation_id=installation.id,
                    repo_id=event.repo.id,
                    event=event.name,
                    action=event.action,
                    payload=json.dumps(self._payload(event, installation), separators=(",", ":")),
                    created_at=self._store.now(),
                )
            )

    def _payload(self, event: Event, installation: Installation) -> dict[str, Any]:
        repo = self._store.repos[event.repo.id]
        shape: dict[str, Any] = {"action": event.action} if event.action else {}
        if event.name == "push":
            shape |= self._push(repo, event.sender, event.parts)
        elif event.name == "status":
            shape |= self._renderer.status_event(**event.parts)
            shape["repository"] = self._renderer.repo(repo)
        elif event.name == "repository_dispatch":
            shape |= event.parts
            shape["repository"] = self._renderer.repo(repo)
        else:
            shape |= {key: self._renderer.part(key, value) for key, value in event.parts.items()}
            shape["repository"] = self._renderer.repo(repo)
        shape["sender"] = self._renderer.user(event.sender)
        shape["installation"] = {"id": installation.id, "node_id": installation.node_id}
        return shape

    def _push(self, repo: Repo, pusher: str, parts: dict[str, Any]) -> dict[str, Any]:
        account = self._store.account(pusher)
        page = f"{self._renderer.web}/{repo.full_name}"
        commits = [_commit(commit, page) for commit in parts["commits"]]
        owner = {**self._renderer.user(repo.owner), "name": repo.owner, "email": None}
        times = {"created_at": int(repo.created_at.timestamp()), "pushed_at": int(repo.pushed_at.timestamp())}
        shape = {**self._renderer.repo(repo), "owner": owner, **times, "stargazers": 0}
        return {
            **parts,
            "base_ref": None,
            "commits": commits,
            "compare": f"{page}/compare/{parts['before'][:12]}...{parts['after'][:12]}",
            "head_commit": commits[-1] if commits else None,
            "pusher": {"name": account.login, "email": account.email},
            "repository": {**shape, "master_branch": repo.default_branch},
        }

    async def _send_all(self, app_id: int) -> None:
        while True:
            seen = self._store.revision
            waiting = [
                d for d in self._store.deliveries.values() if d.app_id == app_id and d.status == "pending"
            ]
            if not waiting:
                await self._store.changed(seen)
                continue
            delivery = min(waiting, key=lambda d: d.id)
            began = time.monotonic()
            status, code = await self._send(self._store.apps[app_id], delivery)
            tried = {
                "status": status,
                "status_code": code,
                "delivered_at": self._store.now(),
                "seconds": round(time.monotonic() - began, 2),
            }
            with self._store.transaction():
                self._store.put(delivery.model_copy(update=tried))

    async def _send(self, app: App, delivery: Delivery) -> tuple[str, int | None]:
        if self._session is None or not app.webhook_url:
            return "no webhook address", None
        body, headers = delivery.payload.encode(), headers_of(app, delivery)
        try:
            async with self._session.post(app.webhook_url, data=body, headers=headers) as answer:
                return answer.reason or "", answer.status
        except TimeoutError:
            return "timed out", None
        except aiohttp.ClientError as error:
            return f"failed to connect: {type(error).__name__}", None


def headers_of(app: App, delivery: Delivery) -> dict[str, str]:
    """The headers a delivery is sent with, its signature among them."""
    signature = hmac.new(app.webhook_secret.encode(), delivery.payload.encode(), hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/f0e9e0a",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(app.id),
        "X-GitHub-Hook-Installation-Target-ID": str(app.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
        "X-Hub-Signature-256": f"sha256={signature}",
    }


def _concerns(app: App, installation: Installation, event: Event) -> bool:
    if event.name not in installation.events:
        return False
    run = event.parts.get("check_run")
    only_its_own = isinstance(run, CheckRun) and event.action in _ONLY_FOR_ITS_APP
    return not only_its_own or (isinstance(run, CheckRun) and run.app_id == app.id)


def _commit(commit: Commit, page: str) -> dict[str, Any]:
    lists: dict[str, list[str]] = {"added": [], "removed": [], "modified": []}
    for letter, path in commit.files:
        lists[_FILE_LISTS.get(letter, "modified")].append(path)
    who = {"author": commit.author, "committer": commit.committer}
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message,
        "timestamp": commit.timestamp,
        "url": f"{page}/commit/{commit.sha}",
        **{key: {"name": name, "email": email} for key, (name, email) in who.items()},
        **lists,
    }
