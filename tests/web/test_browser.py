"""The pages in a real browser: how they fit, how they refresh, and the whole way to a merge by clicking."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from pushpals.local.forge import checks
from tests.web.town import BRANCH, Town

pytestmark = pytest.mark.browser

PHONE, DESK = 390, 1280
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

SMALL_TARGETS = """() => {
  const wanted = "button, select, summary, textarea, .button, .row, .edit, .go, .choice, .tabs a, "
    + ".top nav a, .links a, input:not([type=hidden]):not([type=checkbox]):not([type=radio])";
  return [...document.querySelectorAll(wanted)]
    .filter((one) => one.getClientRects().length && one.getBoundingClientRect().height < 40)
    .map((one) => one.outerHTML.slice(0, 100));
}"""

UNLABELLED = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
  .filter((one) => !one.labels.length && !one.ariaLabel).map((one) => one.outerHTML)"""

# The contrast of text with what lies behind it, by WCAG 2.2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
FAINT = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const found = channels(getComputedStyle(one).backgroundColor);
      if (found[3] === undefined || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faint = [];
  while (texts.nextNode()) {
    const one = texts.currentNode.parentElement;
    const shown = texts.currentNode.data.trim() && one.getClientRects().length;
    if (!shown || one.closest("script, :disabled")) continue;
    const [a, b] = [light(channels(getComputedStyle(one).color)), light(behind(one))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${texts.currentNode.data.trim().slice(0, 40)}`);
  }
  return faint;
}"""


@dataclass
class Window:
    """A browser's window, and what its console complained about."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        await self.page.goto(self.url + path)

    async def click(self, button: str) -> None:
        await self.page.get_by_role("button", name=button, exact=True).click()

    async def see(self, text: str) -> None:
        await expect(self.page.locator("main")).to_contain_text(text)


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        await started.close()


@pytest.fixture
async def phone(browser: Browser, town: Town) -> AsyncIterator[Window]:
    context = await browser.new_context(viewport={"width": PHONE, "height": 844}, has_touch=True)
    window = await open_window(context, town)
    yield window
    assert window.complaints == []


async def open_window(context: BrowserContext, town: Town) -> Window:
    window = Window(await context.new_page(), town.forge.url)
    window.page.on("console", lambda m: window.complaints.append(m.text) if m.type == "error" else None)
    window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
    window.page.set_default_timeout(45_000)
    expect.set_options(timeout=45_000)
    return window


async def furnished(town: Town) -> list[str]:
    """Fill the town with one of everything, long words included; return the paths of its pages."""
    bug = town.open_bug()
    town.forge.add_label(bug, "ada", "agent:ready")
    pull = await town.deliver(bug)
    wide = "wide" * 60
    body = f"{wide}\n\n```\n{wide}\n```\n\n| {wide} | b |\n|---|---|\n| `{wide}` | 2 |\n\n- [x] {wide}"
    issue = town.forge.create_issue(town.repo, "sam", f"A {wide}", body)
    files = {f"{wide}.py": f"{wide}{wide}\n", "run.sh": "#!/bin/sh\n"}
    await town.forge.push(town.repo, "sam", files, branch="wide", message=f"{wide}\n\n{wide}")
    other = await town.forge.create_pull(town.repo, "sam", wide, "wide", body=body, draft=True)
    town.forge.review(other, "ada", "CHANGES_REQUESTED", body)
    await town.forge.review_lines(other, "ada", "COMMENTED", [(f"{wide}.py", 1, body), ("run.sh", 1, "Why?")])
    first, second = town.forge.store.threads_of(other)
    town.forge.reply(first, "sam", wide)
    town.forge.resolve(second, "ada")
    await town.forge.set_status(town.repo, "sam", other.head_sha, wide, "pending", wide)
    town.forge.create_label(town.repo, wide[:50])
    town.forge.add_label(issue, "ada", wide[:50])
    run = await town.start_work(issue, wide[:100])
    where = {"path": wide, "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": wide}
    action = {"label": "Approve plan", "description": "Go ahead", "identifier": "approve"}
    output = {"title": wide[:100], "summary": body, "text": body, "annotations": [where]}
    checks.update_run(town.forge.store, town.app, run, {"actions": [action], "output": output})
    inside = [
        "",
        "/issues",
        "/pulls",
        "/issues/new",
        "/issues/1",
        f"/issues/{issue.number}",
        "/issues/1/edit",
    ]
    inside += [f"/pull/{pull.number}", f"/pull/{other.number}", "/record/1-1"]
    inside += [f"/pull/{other.number}?path=run.sh&line=1"]
    inside += [f"/commit/{other.head_sha}", *(f"/runs/{one}" for one in town.forge.store.runs)]
    return ["/", *(f"{town.page}{path}" for path in inside)]


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_fits_and_can_be_read_and_tapped(
    browser: Browser, town: Town, width: int, scheme: str
) -> None:
    paths = await furnished(town)
    context = await browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme="dark" if scheme == "dark" else "light"
    )
    window = await open_window(context, town)
    problems = []
    for path in paths:
        await window.open(path)
        over = await window.page.evaluate(OVERFLOW)
        problems += [f"{path}: {over} pixels too wide"] if over > 0 else []
        for probe in (SMALL_TARGETS, UNLABELLED, FAINT):
            problems += [f"{path}: {found}" for found in await window.page.evaluate(probe)]
        problems += [] if await window.page.locator("h1").count() else [f"{path}: no heading"]
    assert problems == []
    assert window.complaints == []


async def test_long_lines_scroll_inside_their_box(phone: Window, town: Town) -> None:
    await town.forge.push(town.repo, "sam", {"a.py": "x" * 500 + "\n"}, branch=BRANCH)
    pull = await town.forge.create_pull(town.repo, "sam", "Long", BRANCH)
    await phone.open(f"{town.page}/pull/{pull.number}")
    box = phone.page.get_by_role("region", name="Changes of a.py")
    assert await box.evaluate("box => box.scrollWidth > box.clientWidth")
    assert await phone.page.evaluate(OVERFLOW) <= 0


async def test_a_check_run_updates_without_a_reload(phone: Window, town: Town) -> None:
    run = await town.start_work(town.open_bug(), "Turn 1 of 50")
    await phone.open(f"{town.page}/runs/{run.id}")
    await phone.page.evaluate("window.stayed = true")
    await phone.see("in progress Turn 1 of 50")
    town.report_progress(run, "Turn 2 of 50")
    await phone.see("in progress Turn 2 of 50")
    fields = {
        "conclusion": "success",
        "output": {"title": "5 passed", "summary": "<details><summary>a</summary>b</details>"},
    }
    checks.update_run(town.forge.store, town.app, run, fields)
    await phone.see("success 5 passed")
    assert await phone.page.evaluate("window.stayed")
    await expect(phone.page.locator("#news")).to_have_text("success: 5 passed")
    await expect(phone.page.locator("[data-live]")).to_have_count(0)


async def test_a_check_run_updates_without_scripts(browser: Browser, town: Town) -> None:
    run = await town.start_work(town.open_bug(), "Turn 1 of 50")
    context = await browser.new_context(java_script_enabled=False)
    window = await open_window(context, town)
    await window.open(f"{town.page}/runs/{run.id}")
    town.report_progress(run, "Turn 2 of 50")
    await window.see("in progress Turn 2 of 50")


async def test_progress_arrives_while_a_comment_is_being_written(phone: Window, town: Town) -> None:
    issue = town.open_bug()
    await phone.open(f"{town.page}/issues/{issue.number}")
    await phone.page.get_by_label("Comment (Markdown)").fill("Half a thought")
    comment = town.comment(issue, "Planning.")
    await phone.see("Planning.")
    town.forge.edit_comment(comment, town.app.bot, "<details><summary>More</summary>\n\nOne\n\n</details>")
    await phone.page.get_by_text("More", exact=True).click()
    await phone.see("One")
    town.forge.edit_comment(comment, town.app.bot, "<details><summary>More</summary>\n\nTwo\n\n</details>")
    # Somebody who looks into it is not disturbed; elsewhere on the page it goes on.
    await phone.page.get_by_label("Comment (Markdown)").focus()
    await expect(phone.page.get_by_text("Two", exact=True)).to_be_visible()
    await expect(phone.page.get_by_label("Comment (Markdown)")).to_have_value("Half a thought")


async def test_a_forge_that_stopped_is_told(browser: Browser, town: Town) -> None:
    town.open_bug()
    window = await open_window(await browser.new_context(), town)
    await window.open(f"{town.page}/issues/1")
    await town.forge.close()
    await expect(window.page.get_by_text("Not live: the forge does not answer.")).to_be_visible()


async def test_from_the_issue_to_the_merge_by_clicking(phone: Window, town: Town) -> None:
    page = phone.page
    await phone.open("/")
    await page.get_by_role("link", name="octo/dotted-names").first.click()
    await page.get_by_role("link", name="New issue").click()
    await page.get_by_label("Title").fill("Login fails for names with a dot")
    await page.get_by_label("Description (Markdown)").fill("I cannot log in as `ada.lovelace`.")
    await phone.click("Open issue")
    await phone.see("ada opened this just now")
    await phone.click("Hand to PushPals")
    await phone.see("ada added agent:ready")

    [issue] = town.forge.store.issues.values()
    run = await town.start_work(issue)
    await page.get_by_role("link", name="Watch it live").click()
    await phone.see("Turn 3 of 50: edit auth/names.py")
    pull = await town.deliver(issue)
    checks.update_run(town.forge.store, town.app, run, {"conclusion": "success"})
    await phone.see("success")
    await page.get_by_role("link", name="issue #1").click()
    await page.get_by_role("link", name=f"Read #{pull.number}").click()

    await phone.see("2 files, +6 −1. Closes #1 Login fails for names with a dot.")
    await page.get_by_text("How it was made").click()
    await phone.see("qwen2.5-coder-1.5b-instruct")
    await page.get_by_role("link", name="Go to the review").click()
    await page.get_by_label("What you found").fill("Small and tested.")
    await phone.click("Approve")
    await phone.see("ada approved")
    await page.get_by_role("link", name="Go to the merge").click()
    await page.get_by_label("Squash into one commit").check()
    await phone.click("Merge pull request")
    await phone.see("ada merged this into main")
    await page.get_by_role("link", name="#1", exact=True).first.click()
    await phone.see(f"Closed: ada merged #{pull.number}.")


async def test_a_refused_review_is_seen_at_once_with_its_reason(phone: Window, town: Town) -> None:
    pull = await town.deliver(town.open_bug())
    await phone.open(f"{town.page}/pull/{pull.number}")
    await phone.click("Request changes")
    await expect(phone.page.get_by_role("alert")).to_be_in_viewport()
    await expect(phone.page.get_by_role("alert")).to_have_text("Body can't be blank")
    # The browser notes the status of the answer as an error of the page.
    assert all("422" in text for text in phone.complaints)
    phone.complaints.clear()


async def test_one_plays_the_stranger_by_switching(phone: Window, town: Town) -> None:
    town.open_bug()
    await phone.open(f"{town.page}/issues/1")
    await phone.page.get_by_label("You are").select_option("sam")
    await phone.click("Switch")
    await phone.see("Comment as sam")
    await expect(phone.page.get_by_role("button", name="Hand to PushPals")).to_have_count(0)
    assert phone.page.url.endswith(f"{town.page}/issues/1")


async def test_the_keyboard_finds_its_way(browser: Browser, town: Town) -> None:
    window = await open_window(await browser.new_context(), town)
    await window.open("/")
    await window.page.keyboard.press("Tab")
    focused = window.page.locator(":focus")
    await expect(focused).to_have_text("Skip to content")
    assert await focused.evaluate("one => one.getBoundingClientRect().left >= 0")
    assert await focused.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
    await window.page.keyboard.press("Enter")
    await expect(window.page.locator("main")).to_be_focused()


async def test_an_answer_being_written_is_not_lost_when_news_come(phone: Window, town: Town) -> None:
    """The conversation refreshes itself; what stands in a text box of it stays there meanwhile."""
    pull = await town.deliver(town.open_bug())
    await phone.open(f"{town.page}/pull/{pull.number}")
    await phone.page.get_by_role("link", name="Comment on line 20 of auth/names.py").click()
    await phone.page.get_by_label("Comment on line 20 (Markdown)").fill("Why this?")
    await phone.click("Comment now")
    await phone.page.get_by_text("Answer", exact=True).click()
    answer = phone.page.get_by_label("Answer (Markdown)")
    await answer.fill("Half a tho")
    await answer.blur()
    fetched = phone.page.expect_response(lambda r: r.url.endswith("/live/checks") and r.status == 200)
    async with fetched:
        await town.forge.ci(town.repo, pull.head_sha, "tests", "failure")
    town.forge.comment(pull, "sam", "News")
    async with phone.page.expect_response(lambda r: r.url.endswith("/live/merge") and r.status == 200):
        await town.forge.set_status(town.repo, "ada", pull.head_sha, "build", "pending")
    assert await answer.input_value() == "Half a tho"
    await answer.fill("Half a thought, then the rest")
    await phone.click("Send answer")
    await phone.see("News")
    [_, said] = town.forge.store.review_comments.values()
    assert said.body == "Half a thought, then the rest"
