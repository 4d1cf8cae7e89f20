"""An App signs a JWT, gets a token for less than it may do, and can do no more than that."""

import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from pushpals.local.forge import apps
from tests.forge.world import PERMISSIONS, World


async def test_an_app_sees_itself_and_its_installations(world: World):
    status, app = await world.rest("GET", "/app", token=world.jwt())
    assert (status, app["slug"], app["permissions"]) == (200, "pals", {"metadata": "read", **PERMISSIONS})
    status, found = await world.rest("GET", "/app/installations", token=world.jwt())
    assert (status, [one["id"] for one in found]) == (200, [world.installation.id])
    status, one = await world.rest("GET", "/repos/octo/names/installation", token=world.jwt())
    assert (status, one["id"]) == (200, world.installation.id)
    status, hook = await world.rest("GET", "/app/hook/config", token=world.jwt())
    assert (status, hook["url"], hook["secret"]) == (200, world.receiver.url, "********")


NOW = int(time.time())


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"exp": NOW + 3600}, "too far in the future"),
        ({"exp": NOW - 5}, "must be a numeric value in the future"),
        ({"iat": NOW + 3600}, "in the past"),
        ({"iss": "999999"}, "'Issuer' claim"),
        ({"iss": "nobody"}, "'Issuer' claim"),
    ],
)
async def test_a_jwt_with_a_wrong_claim_is_refused(world: World, claims: dict[str, object], reason: str):
    status, answer = await world.rest("GET", "/app", token=world.jwt(**claims))
    assert status == 401
    assert reason in answer["message"]


async def test_a_jwt_needs_the_apps_own_key_and_algorithm(world: World):
    claims = {"iss": str(world.app.id), "iat": NOW - 10, "exp": NOW + 300}
    other_key = jwt.encode(claims, _another_private_key(), algorithm="RS256")
    # The classic confusion: the public key used as an HMAC secret.
    weak = jwt.api_jws.PyJWS().encode(
        b'{"iss":"%d","iat":%d,"exp":%d}' % (world.app.id, NOW - 10, NOW + 300), "0" * 32, algorithm="HS256"
    )
    for token in (other_key, weak, "not.a.jwt", "a.b.c"):
        status, answer = await world.rest("GET", "/app", token=token)
        assert (status, answer["message"]) == (401, "A JSON web token could not be decoded")


async def test_a_token_does_what_it_is_for_and_a_jwt_does_not(world: World):
    token = await world.mint()
    assert (await world.rest("GET", "/installation/repositories", token=token))[0] == 200
    assert (await world.rest("GET", "/installation/repositories", token=world.jwt()))[0] == 401
    assert (await world.rest("GET", "/app", token=token))[0] == 401
    assert (await world.rest("GET", "/repos/octo/names", token="ghs_invented"))[0] == 401


async def test_tokens_vary_in_length(world: World):
    lengths = {len(apps.mint_token(world.forge.store, world.installation)[1]) for _ in range(40)}
    assert len(lengths) > 5


async def test_a_token_is_narrowed_to_repositories_and_permissions(world: World):
    other = await world.forge.create_repo("octo", "other", {"a": "b"})
    world.forge.install(world.app, [other])
    token = await world.mint(repositories=["names"], permissions={"issues": "read"})
    status, seen = await world.rest("GET", "/installation/repositories", token=token)
    assert [repo["full_name"] for repo in seen["repositories"]] == ["octo/names"]
    assert (await world.rest("GET", "/repos/octo/names/issues/1", token=token))[0] == 404  # there is none yet
    world.issue()
    assert (await world.rest("GET", "/repos/octo/names/issues/1", token=token))[0] == 200
    status, answer = await world.rest("GET", "/repos/octo/names/commits/main/check-runs", token=token)
    assert (status, answer["message"]) == (403, "Resource not accessible by integration")
    assert (await world.rest("GET", "/repos/octo/other", token=token))[0] == 404


@pytest.mark.parametrize(
    "asked",
    [
        {"permissions": {"administration": "write"}},
        {"permissions": {"metadata": "write"}},
        {"repositories": ["unknown"]},
        {"repository_ids": [424242]},
    ],
)
async def test_nobody_gets_more_than_the_installation_has(world: World, asked: dict[str, object]):
    path = f"/app/installations/{world.installation.id}/access_tokens"
    status, answer = await world.rest("POST", path, token=world.jwt(), json=asked)
    assert status == 422, answer


async def test_another_app_gets_no_token_for_it(world: World):
    stranger, key = await world.forge.register_app("stranger", "S", owner="bob", permissions={}, events=[])
    now = int(time.time())
    signed = jwt.encode({"iss": str(stranger.id), "iat": now, "exp": now + 60}, key, algorithm="RS256")
    path = f"/app/installations/{world.installation.id}/access_tokens"
    assert (await world.rest("POST", path, token=signed))[0] == 404
    assert (await world.rest("GET", "/repos/octo/names/installation", token=signed))[0] == 404


async def test_a_token_lives_an_hour(world: World, monkeypatch: pytest.MonkeyPatch):
    token = await world.mint()
    assert (await world.rest("GET", "/repos/octo/names", token=token))[0] == 200
    later = datetime.now(UTC) + timedelta(minutes=61)
    monkeypatch.setattr(world.forge.store, "_clock", lambda: later)
    status, answer = await world.rest("GET", "/repos/octo/names", token=token)
    assert (status, answer["message"]) == (401, "Bad credentials")


async def test_secrets_are_not_kept_in_the_clear(world: World):
    token = await world.mint()
    kept = (world.forge.store.directory / "forge.jsonl").read_text()
    assert token not in kept
    assert "PRIVATE KEY" not in kept
    assert (world.forge.store.directory / "forge.jsonl").stat().st_mode & 0o077 == 0


def _another_private_key() -> str:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
