"""An App reads its own log of deliveries: the newest first, page by page, whatever became of them."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from pushpals.local.forge.server import Forge
from tests.forge.world import World

LOG = "/app/hook/deliveries"


async def read(world: World, path: str = LOG) -> Any:
    status, answer = await world.rest("GET", path, token=world.jwt())
    assert status == 200, answer
    return answer


async def test_the_log_reads_as_githubs_and_holds_what_was_sent(world: World):
    world.issue()
    await world.events()
    items = await read(world)
    TypeAdapter(list[models.HookDeliveryItem]).validate_python(items)
    [item] = items
    assert (item["event"], item["action"], item["status_code"]) == ("issues", "opened", 202)
    whole = await read(world, f"{LOG}/{item['id']}")
    models.HookDelivery.model_validate(whole)
    [hook] = world.receiver.hooks
    assert whole["request"]["payload"] == hook.payload
    assert whole["request"]["headers"]["X-GitHub-Delivery"] == item["guid"] == whole["guid"]
    assert whole["repository_id"] == world.repo.id


async def test_what_reached_nobody_is_in_the_log_too_and_what_is_pending_is_not(world: World):
    world.forge.set_webhook(world.app, "http://127.0.0.1:1/webhook")
    world.issue()
    await world.events()
    [item] = await read(world)
    models.HookDelivery.model_validate(await read(world, f"{LOG}/{item['id']}"))
    assert (item["status_code"], item["status"].split(":")[0]) == (0, "failed to connect")
    world.forge.hooks._senders[world.app.id].cancel()
    world.issue()
    assert await read(world) == [item]


async def test_an_app_without_a_webhook_has_no_deliveries(world: World):
    world.forge.set_webhook(world.app, None)
    world.issue()
    assert await read(world) == []


async def test_pages_follow_each_other_by_cursor_while_more_comes_in(world: World):
    issue = world.issue()
    for n in range(4):
        world.forge.comment(issue, "bob", f"{n}")
    await world.events()
    headers = {"Authorization": f"Bearer {world.jwt()}"}
    url: str | None = f"{world.forge.url}/api/v3{LOG}?per_page=2"
    seen: list[int] = []
    while url:
        async with world.session.get(url, headers=headers) as answer:
            seen += [item["id"] for item in await answer.json()]
            url = str(answer.links["next"]["url"]) if "next" in answer.links else None
        world.forge.comment(issue, "bob", "meanwhile")
        await world.events()
    assert len(seen) == 5
    assert seen == sorted(set(seen), reverse=True)


async def test_an_unchanged_log_costs_nothing(world: World):
    world.issue()
    await world.events()
    headers = {"Authorization": f"Bearer {world.jwt()}"}
    async with world.session.get(f"{world.forge.url}/api/v3{LOG}", headers=headers) as first:
        tag, left = first.headers["ETag"], first.headers["X-RateLimit-Remaining"]
    asked = {**headers, "If-None-Match": tag}
    async with world.session.get(f"{world.forge.url}/api/v3{LOG}", headers=asked) as second:
        assert (second.status, second.headers["X-RateLimit-Remaining"]) == (304, left)


@pytest.mark.parametrize("query", ["per_page=x", "per_page=0", "cursor=yesterday"])
async def test_an_odd_page_is_refused(world: World, query: str):
    status, _ = await world.rest("GET", f"{LOG}?{query}", token=world.jwt())
    assert status == 422


async def test_the_log_is_the_apps_alone(world: World):
    world.issue()
    await world.events()
    [delivery] = world.forge.store.deliveries.values()
    for path in (LOG, f"{LOG}/{delivery.id}"):
        assert (await world.rest("GET", path))[0] == 401
        assert (await world.rest("GET", path, token=await world.token()))[0] == 401
    assert (await world.rest("GET", f"{LOG}/999999", token=world.jwt()))[0] == 404
    other, _ = await world.forge.register_app("deaf", "Deaf", owner="octo", permissions={}, events=[])
    assert (await world.rest("GET", f"{LOG}/{delivery.id}", token=world.jwt(iss=str(other.id))))[0] == 404


async def test_what_is_older_than_three_days_is_no_longer_told(world: World):
    world.issue()
    await world.events()
    await world.forge.close()
    for hours, told in ((71, 1), (73, 0)):
        later = datetime.now(UTC) + timedelta(hours=hours)
        clock = partial(datetime.fromtimestamp, later.timestamp(), UTC)
        async with await Forge.start(world.forge.store.directory, clock=clock) as forge:
            world.forge = forge
            at = int(later.timestamp())
            _, items = await world.rest("GET", LOG, token=world.jwt(iat=at, exp=at + 60))
            assert len(items) == told
    await world.restart()
