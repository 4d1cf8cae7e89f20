"""Webhooks arrive signed, in order and once, and are sent again only when somebody asks."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from pushpals.local.forge.server import Forge
from tests.forge.world import SECRET, World


async def test_a_webhook_looks_like_githubs(world: World):
    world.issue()
    assert await world.events() == ["issues.opened"]
    [hook] = world.receiver.hooks
    assert hook.is_signed_with(SECRET)
    assert not hook.is_signed_with("guessed")
    assert hook.headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert hook.headers["Content-Type"] == "application/json"
    assert len(hook.headers["X-GitHub-Delivery"]) == 36
    assert hook.headers["X-GitHub-Hook-Installation-Target-ID"] == str(world.app.id)
    assert hook.payload["installation"]["id"] == world.installation.id
    assert (hook.payload["sender"]["login"], hook.payload["issue"]["number"]) == ("ana", 1)


async def test_webhooks_keep_their_order(world: World):
    issue = world.issue()
    for n in range(20):
        world.forge.comment(issue, "bob", f"{n}")
    await world.events()
    bodies = [hook.payload["comment"]["body"] for hook in world.receiver.hooks[1:]]
    assert bodies == [str(n) for n in range(20)]


async def test_what_the_app_does_itself_is_told_too(world: World):
    issue = world.issue()
    await world.data(
        'mutation($id: ID!) { addComment(input: {subjectId: $id, body: "On it"}) { subject { id } } }',
        id=issue.node_id,
    )
    assert (await world.hook("issue_comment.created"))["sender"]["login"] == "pals[bot]"


@pytest.mark.parametrize("status", [401, 500])
async def test_a_refused_webhook_is_recorded_and_not_repeated(world: World, status: int):
    world.receiver.status = status
    world.issue()
    assert await world.events() == ["issues.opened"]
    [delivery] = world.forge.store.deliveries.values()
    assert delivery.status_code == status
    world.receiver.status = 202
    again = world.forge.hooks.redeliver(delivery.id)
    assert await world.events() == ["issues.opened", "issues.opened"]
    first, second = world.receiver.hooks
    assert first.headers["X-GitHub-Delivery"] == second.headers["X-GitHub-Delivery"]
    assert first.body == second.body
    sent = world.forge.store.deliveries[again.id]
    assert (sent.redelivery, sent.status_code) == (True, 202)


async def test_nobody_home_is_recorded(world: World):
    world.forge.set_webhook(world.app, "http://127.0.0.1:1/webhook")
    world.issue()
    assert await world.events() == []
    [delivery] = world.forge.store.deliveries.values()
    assert (delivery.status_code, delivery.status.split(":")[0]) == (None, "failed to connect")


async def test_an_app_hears_only_what_it_asked_for_and_where_it_is(world: World):
    other = await world.forge.create_repo("octo", "other", {"a": "b"})
    world.forge.create_issue(other, "ana", "Not installed here")
    deaf, _ = await world.forge.register_app(
        "deaf",
        "Deaf",
        owner="octo",
        permissions={"issues": "read"},
        events=["push"],
        webhook_url=world.receiver.url,
    )
    world.forge.install(deaf, [world.repo])
    world.issue("Heard once")
    assert await world.events() == ["issues.opened"]


async def test_a_delivery_is_kept_for_three_days(world: World):
    world.issue()
    await world.events()
    await world.forge.close()
    for days, kept in ((2, 1), (4, 0)):
        later = (datetime.now(UTC) + timedelta(days=days)).timestamp()
        clock = partial(datetime.fromtimestamp, later, UTC)
        async with await Forge.start(world.forge.store.directory, clock=clock) as forge:
            assert len(forge.store.deliveries) == kept
    await world.restart()


async def test_a_webhook_that_was_not_sent_yet_survives_a_restart(world: World):
    world.forge.hooks._senders[world.app.id].cancel()
    world.issue()
    await world.restart()
    assert await world.events() == ["issues.opened"]
