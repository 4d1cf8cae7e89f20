"""The one way in which a request's record moves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pushpals.audit import prose
from pushpals.ledger import request_ref

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pushpals.git import RefUpdate
    from pushpals.ledger import Entry
    from pushpals.loop.hands import Hands
    from pushpals.loop.snapshot import Snapshot
    from pushpals.model import RequestRecord


async def save_request(
    hands: Hands,
    old: Entry[RequestRecord] | None,
    record: RequestRecord,
    message: str,
    also: Sequence[RefUpdate] = (),
) -> Entry[RequestRecord]:
    """Write a request's record by compare-and-swap; refs in `also` move with it. Raises ClaimLost."""
    ledger, when = hands.repo.ledger, hands.services.clock.now()
    record = record.model_copy(update={"by": hands.services.holder, "written_at": when})
    files = {"plan.md": prose.plan_markdown(record).encode()}
    if old is None:
        ref = request_ref(record.request.number)
        return await ledger.create(ref, record, files=files, audit=(), message=message, when=when)
    return await ledger.advance(old, record, files=files, audit=(), message=message, when=when, also=also)


async def change_request(
    s: Snapshot, hands: Hands, message: str, changes: Mapping[str, object], also: Sequence[RefUpdate] = ()
) -> Snapshot:
    """Change the record of the request in `s` and return the snapshot knowing it. Raises ClaimLost."""
    old = s.ledger.request
    if old is None:
        raise ValueError(f"{s.ref} has no request")
    record = old.record.model_copy(update=dict(changes))
    entry = await save_request(hands, old, record, message, also)
    return replace(s, ledger=replace(s.ledger, request=entry))
