"""The App's signature and its tokens: narrow, kept, renewed in time, never shown."""

import asyncio
from itertools import count

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pushpals.github import (
    CONTROL,
    OBSERVE,
    PUSH,
    AccessDenied,
    AppAuth,
    BadCredentials,
    NotFound,
    Permissions,
)
from pushpals.github.auth import TokenKey, Tokens
from pushpals.model import RepoRef
from tests.github.fake import REPO, ROLE, START, TOKENS, Reply

NO_ROLE = Reply(200, {"role_name": "read", "user": {"id": 1}})


def claims(signature: str, key: str) -> dict[str, object]:
    public = load_pem_private_key(key.encode(), None).public_key()
    unchecked = {"verify_exp": False, "verify_iat": False}
    decoded: dict[str, object] = jwt.decode(signature, public, ["RS256"], options=unchecked)  # type: ignore[arg-type]
    return decoded


def test_the_signature_is_what_github_asks_for(app_key):
    assert claims(AppAuth(31, app_key).jwt(START), app_key) == {
        "iss": "31",
        "iat": int(START) - 60,
        "exp": int(START) + 9 * 60,
    }


def test_the_signature_is_kept_while_it_is_good(app_key):
    auth = AppAuth(31, app_key)
    first = auth.jwt(START)
    assert auth.jwt(START + 7 * 60) == first
    for now in (START + 8 * 60, START - 3600):
        again = auth.jwt(now)
        assert again != first
        assert claims(again, app_key)["iat"] == int(now) - 60


@pytest.mark.parametrize("key", ["", "not a key", "-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END"])
def test_a_broken_key_is_explained_and_never_quoted(key):
    with pytest.raises(BadCredentials, match="whole PEM file") as caught:
        AppAuth(31, key).jwt(START)
    assert caught.value.__suppress_context__  # The parser's own words may hold a part of the key.
    assert "c2VjcmV0" not in str(caught.value)


def test_the_key_is_not_shown(app_key):
    auth = AppAuth(31, app_key)
    auth.jwt(START)
    assert repr(auth) == "AppAuth(app_id=31)"


async def test_a_token_is_narrowed_to_the_repository_and_the_permissions(world):
    token = await world.github.repo(REPO, 7).git_token(PUSH)
    (asked,) = world.server.asked(TOKENS)
    assert token == "ghs_first"
    assert asked.body == {"repositories": ["names"], "permissions": dict(PUSH)}
    signature = asked.headers["authorization"].removeprefix("bearer ")
    assert jwt.decode(signature, options={"verify_signature": False})["iss"] == "31"


async def test_a_token_is_asked_for_once_per_repository_and_permissions(world):
    repo = world.github.repo(REPO, 7)
    other = world.github.repo(RepoRef.parse("octo/other"), 7)
    for _ in range(3):
        await repo.git_token(PUSH)
        await repo.git_token(Permissions(**dict(PUSH)))
    assert len(world.server.asked(TOKENS)) == 1
    await repo.git_token(OBSERVE)
    await other.git_token(PUSH)
    assert [seen.body["repositories"] for seen in world.server.asked(TOKENS)] == [
        ["names"],
        ["names"],
        ["other"],
    ]


async def test_a_token_is_replaced_when_less_than_ten_minutes_remain(world):
    repo = world.github.repo(REPO, 7)
    world.server.on(TOKENS, world.token("ghs_first"), Reply(201, world.token("ghs_second", minutes=110).body))
    world.clock.now += 49 * 60
    assert await repo.git_token(PUSH) == "ghs_first"
    world.clock.now = START + 49 * 60
    assert await repo.git_token(PUSH) == "ghs_first"
    world.clock.now = START + 50 * 60 + 1
    assert await repo.git_token(PUSH) == "ghs_second"


async def test_many_who_ask_at_once_make_one_request(world):
    repo = world.github.repo(REPO, 7)
    tokens = await asyncio.gather(*(repo.git_token(CONTROL) for _ in range(20)))
    assert set(tokens) == {"ghs_first"}
    assert len(world.server.asked(TOKENS)) == 1


async def test_one_who_gives_up_does_not_fail_the_others(world):
    repo = world.github.repo(REPO, 7)
    first = asyncio.create_task(repo.git_token(CONTROL))
    second = asyncio.create_task(repo.git_token(CONTROL))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "ghs_first"


async def test_a_refused_token_is_replaced_once(world):
    world.server.on(TOKENS, world.token("ghs_first"), world.token("ghs_second"))
    world.server.on(ROLE, Reply(401, {"message": "Bad credentials"}), NO_ROLE)
    assert (await world.github.repo(REPO, 7).role_of("ana")).name == "read"
    sent = [seen.headers["authorization"] for seen in world.server.asked(ROLE)]
    assert sent == ["token ghs_first", "token ghs_second"]


async def test_a_late_complaint_about_an_old_token_leaves_the_new_one():
    made = (f"ghs_{number}" for number in count())

    async def create(_key: TokenKey) -> dict[str, str]:
        return {"token": next(made), "expires_at": "2027-11-20T11:00:00Z"}

    key = TokenKey(7, REPO, CONTROL)
    tokens = Tokens(create, clock=lambda: START)
    first = await tokens.token(key)
    tokens.forget(key, first)
    second = await tokens.token(key)
    tokens.forget(key, first)
    assert (first, second, await tokens.token(key)) == ("ghs_0", "ghs_1", "ghs_1")


async def test_an_app_that_stays_refused_gives_up_without_telling_the_token(world):
    world.server.on(TOKENS, world.token("ghs_first"), world.token("ghs_second"))
    world.server.on(ROLE, Reply(401, {"message": "Bad credentials"}))
    with pytest.raises(BadCredentials) as caught:
        await world.github.repo(REPO, 7).role_of("ana")
    assert len(world.server.asked(ROLE)) == 2
    assert "ghs_" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("'Expiration time' claim ('exp') is too far in the future", "clock"),
        (
            "'Issued at' claim ('iat') must be an Integer",
            "clock",
        ),
        ("A JSON web token could not be decoded", "belongs to this App id"),
        ("Bad credentials", "App id and its private key"),
    ],
)
async def test_a_refused_signature_comes_with_what_to_do(world, said, hint):
    world.server.on("/api/v3/app", Reply(401, {"message": said}))
    with pytest.raises(BadCredentials, match=hint):
        await world.github.app()


async def test_permissions_the_installation_does_not_give_are_named(world):
    said = "The permissions requested are not granted to this installation."
    world.server.on(TOKENS, Reply(422, {"message": said}))
    world.server.on("/api/v3/repos/octo/names/installation", Reply(200, {"id": 7}))
    with pytest.raises(AccessDenied, match="contents: write") as caught:
        await world.github.repo(REPO, 7).git_token(PUSH)
    assert said in str(caught.value)


async def test_the_installation_is_looked_up_once_and_again_when_it_is_gone(world):
    lookup = "/api/v3/repos/octo/names/installation"
    world.server.on(lookup, Reply(200, {"id": 7}), Reply(200, {"id": 8}))
    await asyncio.gather(*(world.github.repo(REPO).git_token(PUSH) for _ in range(5)))
    await world.github.repo(REPO).git_token(OBSERVE)
    assert len(world.server.asked(lookup)) == 1

    world.server.on(TOKENS, Reply(404, {"message": "Not Found"}))
    world.server.on(TOKENS.replace("7", "8"), world.token("ghs_new"))
    assert await world.github.repo(REPO).git_token(CONTROL) == "ghs_new"
    assert len(world.server.asked(lookup)) == 2


@pytest.mark.parametrize("status", [404, 422])
async def test_an_app_that_was_installed_anew_is_found_whatever_number_a_hint_gave(world, status):
    world.server.on(TOKENS, Reply(status, {"message": "Not Found"}))
    world.server.on(TOKENS.replace("7", "8"), world.token("ghs_new"))
    world.server.on("/api/v3/repos/octo/names/installation", Reply(200, {"id": 8}))
    world.server.on(ROLE, NO_ROLE)
    repo = world.github.repo(REPO, 7)
    assert (await repo.role_of("ana")).name == "read"
    assert await repo.git_token(PUSH) == "ghs_new"
    names = [name for _, name in world.requests]
    assert names == ["token", "installation", "token", "role", "token"]


async def test_a_repository_without_the_app_is_explained(world):
    with pytest.raises(NotFound, match="not installed on octo/names"):
        await world.github.repo(REPO).git_token(PUSH)
