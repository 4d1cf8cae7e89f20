"""What a test may watch and disturb: requests, effects, faults, and GitHub's own limits."""

from pathlib import Path

import aiohttp
import pytest

from pushpals.local.forge.server import Forge
from pushpals.local.forge.traffic import Effect, Fault, RequestRecord
from tests.forge.world import Receiver, World, make_world

COMMENT = """mutation Say($id: ID!) {
  a: addReaction(input: {subjectId: $id, content: EYES}) { reaction { id } }
  b: addComment(input: {subjectId: $id, body: "x"}) { subject { id } } }"""


async def test_every_request_is_on_record(world: World, tmp_path: Path):
    issue = world.issue()
    token = await world.token()
    await world.rest("GET", "/repos/octo/names", token=token)
    await world.graphql(COMMENT, id=issue.node_id)
    await world.graphql("query Look { viewer { login } }")
    clone = await world.clone(tmp_path / "clone", token)
    await clone.commit("a", "b", "Change")
    await clone.git("push", "origin", "HEAD:refs/heads/topic")
    seen = world.forge.requests
    minted, read, wrote, looked = seen[:4]
    assert (minted.kind, minted.method, minted.status, minted.app_id) == ("rest", "POST", 201, world.app.id)
    assert (minted.installation_id, read.installation_id) == (None, world.installation.id)
    assert read.path == "/api/v3/repos/octo/names"
    assert (wrote.operation, wrote.mutations) == ("Say", ("addReaction", "addComment"))
    assert (looked.kind, looked.operation, looked.mutations) == ("graphql", "Look", ())
    pushes = [r for r in seen if r.kind == "git" and r.path.endswith("/git-receive-pack")]
    assert [(r.status, r.installation_id) for r in pushes] == [(200, world.installation.id)]


async def test_an_effect_is_told_when_it_is_durable_and_not_yet_answered(world: World, tmp_path: Path):
    issue = world.issue()
    kept: list[tuple[Effect, bool, int]] = []

    async def observe(effect: Effect) -> None:
        # A second reader of the same journal sees it already.
        journal = (world.forge.store.directory / "forge.jsonl").read_text()
        kept.append((effect, '"body":"x"' in journal, effect.request.status))

    world.forge.on_effect = observe
    await world.graphql(COMMENT, id=issue.node_id)
    await world.graphql("{ viewer { login } }")
    [(made, _, _), (said, durable, status)] = kept
    assert made.request.path.endswith("/access_tokens")
    assert (said.request.mutations, durable, status) == (("addReaction", "addComment"), True, 0)
    clone = await world.clone(tmp_path / "clone", await world.token())
    await clone.commit("a", "b", "Change")
    await clone.git("push", "--atomic", "origin", "HEAD:refs/heads/topic", "HEAD:refs/pushpals/jobs/1-1")
    [*_, (pushed, _, _)] = kept
    assert len(kept) == 3
    assert sorted(pushed.refs) == ["refs/heads/topic", "refs/pushpals/jobs/1-1"]


async def test_a_failed_mutation_is_no_effect(world: World):
    await world.token()
    effects: list[Effect] = []

    async def observe(effect: Effect) -> None:
        effects.append(effect)

    world.forge.on_effect = observe
    await world.graphql('mutation { closeIssue(input: {issueId: "I_none"}) { issue { id } } }')
    assert effects == []


def says(name: str) -> Fault:
    return Fault(lambda record: name in record.mutations)


async def test_a_fault_before_leaves_no_trace_and_one_after_does(world: World):
    issue = world.issue()
    comments = world.forge.store.comments
    for when, expected in (("before", 0), ("after", 1)):
        fault = says("addComment")
        fault.when = "after" if when == "after" else "before"
        world.forge.faults.append(fault)
        with pytest.raises(AssertionError):
            await world.graphql(COMMENT, id=issue.node_id)
        assert world.forge.requests[-1].status == 502
        assert len(comments) == expected
    await world.graphql(COMMENT, id=issue.node_id)
    assert len(comments) == 2


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_dropped_connection(world: World, when: str):
    issue = world.issue()
    await world.token()
    world.forge.faults.append(Fault(status=None, when="after" if when == "after" else "before"))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await world.graphql(COMMENT, id=issue.node_id)
    assert len(world.forge.store.comments_of(issue)) == (when == "after")


async def test_a_fault_carries_its_headers_as_often_as_asked(world: World):
    def is_repo(record: RequestRecord) -> bool:
        return record.path.endswith("/repos/octo/names")

    token = await world.token()
    world.forge.faults.append(Fault(is_repo, status=403, headers={"Retry-After": "7"}, body="{}", times=2))
    url = f"{world.forge.url}/api/v3/repos/octo/names"
    seen = []
    for _ in range(3):
        async with world.session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
            seen.append((answer.status, answer.headers.get("Retry-After")))
    assert seen == [(403, "7"), (403, "7"), (200, None)]


async def test_an_unchanged_answer_is_free(world: World):
    world.issue()
    url = f"{world.forge.url}/api/v3/repos/octo/names/issues/1"
    headers = {"Authorization": f"Bearer {await world.token()}"}
    async with world.session.get(url, headers=headers) as first:
        etag, remaining = first.headers["ETag"], int(first.headers["X-RateLimit-Remaining"])
    async with world.session.get(url, headers={**headers, "If-None-Match": etag}) as second:
        assert (second.status, await second.read()) == (304, b"")
        assert int(second.headers["X-RateLimit-Remaining"]) == remaining
    world.forge.comment(world.forge.store.subject(world.repo.id, 1), "bob", "News")
    async with world.session.get(url, headers={**headers, "If-None-Match": etag}) as third:
        assert third.status == 200
        assert int(third.headers["X-RateLimit-Remaining"]) == remaining - 1
        assert third.headers["X-RateLimit-Resource"] == "core"
        assert third.headers["X-GitHub-Request-Id"]


async def test_the_allowance_ends(tmp_path: Path, receiver: Receiver):
    world = await make_world(await Forge.start(tmp_path / "forge", hourly_limit=2), receiver)
    try:
        token = await world.token()
        statuses = [(await world.rest("GET", "/repos/octo/names", token=token))[0] for _ in range(3)]
        assert statuses == [200, 200, 403]
        answers = [await world.graphql("{ viewer { login } }") for _ in range(3)]
        assert ["errors" in answer for answer in answers] == [False, False, True]
        assert answers[2]["errors"][0]["type"] == "RATE_LIMITED"
        status, limits = await world.rest("GET", "/rate_limit", token=token)
        assert (status, limits["rate"]["remaining"]) == (200, 0)
    finally:
        await world.close()


async def test_lists_come_in_pages(world: World):
    for n in range(3):
        world.forge.install(world.app, [await world.forge.create_repo("octo", f"r{n}", {"a": "b"})])
    url: str | None = f"{world.forge.url}/api/v3/installation/repositories?per_page=3"
    headers = {"Authorization": f"Bearer {await world.token()}"}
    names: list[str] = []
    while url:
        async with world.session.get(url, headers=headers) as answer:
            names += [repo["name"] for repo in (await answer.json())["repositories"]]
            url = str(answer.links["next"]["url"]) if "next" in answer.links else None
    assert names == ["names", "r0", "r1", "r2"]
