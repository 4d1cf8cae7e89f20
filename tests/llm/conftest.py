import pytest

from pushpals.llm import OpenAICompatModel, RetryPolicy
from tests.llm.fake_endpoint import fake_endpoint


@pytest.fixture
async def endpoint():
    async with fake_endpoint() as endpoint:
        yield endpoint


@pytest.fixture
def naps():
    """The waits between tries, in seconds, none of them slept."""
    return []


@pytest.fixture
async def connect(endpoint, naps):
    """Make models that talk to the endpoint and are closed at the end."""

    async def nap(seconds):
        naps.append(seconds)

    models = []

    def connect(name="fake", *, url=None, **options):
        models.append(OpenAICompatModel(url or endpoint.url, name, retry=RetryPolicy(sleep=nap), **options))
        return models[-1]

    yield connect
    for model in models:
        await model.close()
