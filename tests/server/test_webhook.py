"""The webhook over real HTTP: who is let in, and that nothing odd ever becomes an error of ours."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from pushpals.model import Hint
from pushpals.server.hints import EVENTS
from pushpals.server.webhook import BODY_LIMIT, signature_ok
from tests.server.deliveries import LABELED, SECRET, Sender, hint, hint_of, signature

BODY = json.dumps(LABELED).encode()
SHA1 = "sha1=" + hmac.new(SECRET, BODY, hashlib.sha1).hexdigest()


async def test_a_label_is_answered_with_nobody_at_work(sender: Sender) -> None:
    """202 costs no request to GitHub: here is nothing that could make one."""
    assert await sender.event("issues", LABELED) == (202, "")
    assert sender.door.queue.depth == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": signature(BODY, b"another secret")},
        {"X-Hub-Signature-256": signature(BODY + b" ")},
        {"X-Hub-Signature-256": signature(BODY).removeprefix("sha256=")},
        {"X-Hub-Signature-256": signature(BODY).upper()},
        {"X-Hub-Signature-256": SHA1},
        {"X-Hub-Signature": SHA1},
        {"X-Hub-Signature-256": "sha256=ünïcode"},
    ],
)
async def test_what_is_not_signed_with_the_secret_is_turned_away(
    sender: Sender, headers: dict[str, str]
) -> None:
    status, text = await sender.raw(BODY, {"X-GitHub-Event": "issues", **headers})
    assert status == 401
    assert "secret" in text
    assert sender.door.queue.depth == 0


async def test_nothing_is_parsed_before_the_signature_is_checked(sender: Sender) -> None:
    status, _ = await sender.raw(
        b"{not json", {"X-GitHub-Event": "issues", "X-Hub-Signature-256": "sha256=0"}
    )
    assert status == 401  # and not 400
    assert (await sender.signed(b"{not json"))[0] == 400


async def test_text_that_is_cut_in_half_a_character_is_a_delivery_all_the_same(sender: Sender) -> None:
    body = json.dumps({**LABELED, "cut": "\ud83d"}).encode()
    assert (await sender.raw(body, {"X-GitHub-Event": "issues", "X-Hub-Signature-256": signature(body)}))[
        0
    ] == 202
    assert sender.door.queue.depth == 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "of the future"])
async def test_a_body_is_never_unpacked(sender: Sender, encoding: str) -> None:
    """The signature is over the bytes as they came; unpacking is work that a stranger could ask for."""
    packed = gzip.compress(BODY)
    for body in (b"not packed at all", packed):
        status, text = await sender.raw(body, {"X-GitHub-Event": "issues", "Content-Encoding": encoding})
        assert (status, "secret" in text) == (401, True)
    headers = {"X-GitHub-Event": "issues", "X-Hub-Signature-256": signature(packed)}
    assert (await sender.raw(packed, {**headers, "Content-Encoding": encoding}))[0] == 400
    assert sender.door.queue.depth == 0


async def test_a_body_over_25_mb_is_too_large(sender: Sender) -> None:
    status, text = await sender.signed(BODY + b" " * BODY_LIMIT)
    assert (status, "25 MB" in text) == (413, True)
    assert sender.door.queue.depth == 0
    assert (await sender.signed(BODY + b" " * (BODY_LIMIT - len(BODY) - 1)))[0] == 202


@pytest.mark.parametrize(
    ("event", "action"),
    [
        ("ping", None),
        ("issues", "assigned"),
        ("pull_request", "labeled"),
        ("issue_comment", "deleted"),
        ("check_run", "created"),
        ("from_the_future", "labeled"),
        ("", "labeled"),
    ],
)
async def test_other_events_are_taken_and_ignored(sender: Sender, event: str, action: str | None) -> None:
    assert await sender.event(event, {**LABELED, "action": action}) == (202, "")
    assert sender.door.queue.depth == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"labeled"',
        b"17",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"action": ' + b"1" * 5000 + b"}",
    ],
)
async def test_a_body_that_is_no_json_object_is_told_so(sender: Sender, body: bytes) -> None:
    status, text = await sender.signed(body)
    assert (status, "application/json" in text) == (400, True)


ODD = [None, True, 1.5, -1, 0, "", "x", "42", [], ["labeled"], {}, {"login": "octo"}]


@pytest.mark.parametrize("odd", ODD, ids=repr)
@pytest.mark.parametrize("path", ["action", "issue", "issue.number", "repository", "repository.full_name"])
async def test_a_field_of_the_wrong_kind_makes_no_hint_and_no_error(
    sender: Sender, path: str, odd: object
) -> None:
    payload: dict[str, object] = json.loads(BODY)
    *parents, last = path.split(".")
    inner = payload
    for parent in parents:
        inner = inner[parent]  # type: ignore[assignment]
    inner[last] = odd
    assert (await sender.event("issues", payload))[0] == 202
    del inner[last]
    assert (await sender.event("issues", payload))[0] == 202
    assert sender.door.queue.depth == 0


@pytest.mark.parametrize("odd", [None, "7", True, {}, [7]], ids=repr)
async def test_an_odd_installation_is_looked_up_later(sender: Sender, odd: object) -> None:
    found = hint_of("issues", {**LABELED, "installation": {"id": odd}})
    assert found == hint(42)


@pytest.mark.parametrize("huge", [2**31, 10**400], ids=["2**31", "10**400"])
def test_a_number_that_no_issue_has_makes_no_hint(huge: int) -> None:
    assert hint_of("issues", {**LABELED, "issue": {"number": huge}}) is None
    ours = {"head": {"ref": f"agent/x/{huge}-1"}, "number": huge}
    reviewed = {**LABELED, "action": "submitted", "pull_request": ours}
    assert hint_of("pull_request_review", reviewed) is None
    reopened = hint_of("pull_request", {**LABELED, "action": "reopened", "pull_request": ours})
    # A longer number makes no branch of ours: like any other branch it may matter to the train.
    assert reopened == (None if huge < 10**10 else Hint.of_train(hint(42).ref.repo, 7))
    assert hint_of("issues", {**LABELED, "installation": {"id": huge * 2**32}}) == hint(42)


async def test_a_branch_with_five_thousand_digits_is_answered(sender: Sender) -> None:
    """Python refuses to read a number so long."""
    ours = {"head": {"ref": f"agent/x/{'9' * 5000}-1"}}
    told = {**LABELED, "action": "reopened", "pull_request": ours}
    assert await sender.event("pull_request", told) == (202, "")
    assert sender.door.queue.depth == 1  # a look at the train: such a branch is none of ours


async def test_a_redelivery_changes_nothing(sender: Sender) -> None:
    for _ in range(3):
        assert (await sender.event("issues", LABELED, guid="same"))[0] == 202
    assert sender.door.queue.depth == 1


async def test_the_door_answers_for_its_health_and_for_nothing_else(sender: Sender) -> None:
    async with sender.session.get(f"{sender.door.url}/healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")
    for method, path, status in (("GET", "/webhook", 405), ("POST", "/", 404), ("GET", "/metrics", 404)):
        async with sender.session.request(method, f"{sender.door.url}{path}") as answer:
            assert answer.status == status


names = st.sampled_from(
    ["action", "issue", "number", "repository", "full_name", "pull_request", "head", "ref"]
)
words = st.sampled_from(["labeled", "closed", "octo/names", "agent/x/42-1"]) | st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
    max_leaves=12,
)


@given(event=st.sampled_from([*EVENTS, "ping", ""]), payload=st.dictionaries(names, values))
def test_any_payload_makes_a_hint_or_none(event: str, payload: dict[str, object]) -> None:
    found = hint_of(event, payload)
    assert found is None or found.ref.number > 0


@given(body=st.binary(), header=st.none() | st.text())
def test_only_the_right_signature_is_right(body: bytes, header: str | None) -> None:
    assert signature_ok(SECRET, body, signature(body))
    assert signature_ok(SECRET, body, header) == (header == signature(body))


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/healthz", 200, "ok"),
        ("HEAD", "/healthz", 200, ""),
        ("POST", "/healthz", 405, "Use GET here."),
        ("GET", "/webhook", 405, "Use POST here."),
        ("GET", "/", 404, "There is nothing here."),
        ("POST", "/webhook/../webhook", 404, "There is nothing here."),
    ],
)
async def test_the_door_has_three_addresses(
    sender: Sender, method: str, path: str, status: int, says: str
) -> None:
    address = URL(f"{sender.door.url}{path}", encoded=True)
    async with sender.session.request(method, address) as answer:
        assert (answer.status, (await answer.text()).strip()) == (status, says)
        if status == 405:
            assert says.split()[1] in answer.headers["Allow"]


async def test_who_asks_first_whether_to_send_the_body_is_told_to(sender: Sender) -> None:
    headers = {"X-GitHub-Event": "issues", "X-Hub-Signature-256": signature(BODY)}
    async with sender.session.post(
        f"{sender.door.url}/webhook", data=BODY, headers=headers, expect100=True
    ) as answer:
        assert answer.status == 202
    async with sender.session.post(
        f"{sender.door.url}/webhook", data=BODY, headers={**headers, "Expect": "a miracle"}
    ) as answer:
        assert answer.status == 417
