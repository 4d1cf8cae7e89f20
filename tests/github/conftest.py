from collections.abc import AsyncIterator

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.github import fake
from tests.github.schema import github_schema

__all__ = ["github_schema"]


@pytest.fixture(scope="session")
def app_key() -> str:
    """A private key as GitHub lets one download it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


@pytest.fixture
async def world(app_key: str) -> AsyncIterator[fake.World]:
    server = fake.FakeServer()
    await server.server.start_server()
    made = fake.world(server, app_key)
    yield made
    await made.github.close()
    await server.server.close()
