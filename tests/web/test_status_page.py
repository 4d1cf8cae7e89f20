"""The status page of a server in a real browser: it fits a phone, is easy to read, and needs no scripts."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, async_playwright

from pushpals.model import JobState, Task
from tests.server.test_status import FIVE, HERE, job, reporter, shown
from tests.web.test_browser import FAINT, FLAGS, OVERFLOW, PHONE

pytestmark = pytest.mark.browser

WIDE = "wide" * 60


async def look(context: BrowserContext, url: str) -> None:
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    await page.goto(url)
    assert await page.evaluate(OVERFLOW) == 0
    assert await page.evaluate(FAINT) == []
    titles = await page.locator("h2").all_inner_texts()
    assert titles[0].startswith("Waits for you")
    link = page.get_by_role("link", name="octo/names#5")
    assert await link.get_attribute("href") == "https://github.example/octo/names/issues/5"
    assert await page.locator("script").count() == 0
    assert [text for text in complaints if "favicon" not in text and "404" not in text] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_fits_and_can_be_read(chromium: str, scheme: str) -> None:
    wide = job("9-1", JobState.RUNNING, holder=HERE, task=Task(goal=WIDE))
    async with async_playwright() as playwright, shown(reporter(*FIVE, wide, live=WIDE)) as (url, _):
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for width in (PHONE, 1280):
            size, colours = {"width": width, "height": 844}, scheme
            context = await browser.new_context(viewport=size, color_scheme=colours)  # type: ignore[arg-type]
            await look(context, url)
        await browser.close()
