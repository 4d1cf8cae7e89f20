"""`pushpals setup`: from an empty home to an App whose key is kept, and what can go wrong on the way."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from githubkit_schemas.latest import models
from playwright.async_api import Page, async_playwright, expect

from pushpals.github import Endpoints
from pushpals.local.forge.errors import UnprocessableError
from pushpals.local.forge.manifests import Manifest
from pushpals.server.needs import APP_EVENTS, APP_PERMISSIONS
from tests.onboarding.home import Home
from tests.stories.scripted import ScriptedModel
from tests.stories.town import FIX, LABEL, TITLE
from tests.web.person import Reader
from tests.web.test_browser import DESK, FAINT, FLAGS, OVERFLOW, PHONE

OPEN = "Open in your browser: "


@pytest.mark.browser
async def test_from_the_first_command_to_a_pull_request(home: Home, chromium: str) -> None:
    forge = home.forge
    async with (
        home.pushpals("setup", "--port", "0", "--github-url", forge.url, "--no-model") as setup,
        async_playwright() as playwright,
    ):
        url = await setup.line(OPEN)
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = await (await browser.new_context(viewport={"width": PHONE, "height": 800})).new_page()
        await page.goto(forge.url)
        await page.get_by_label("You are").select_option("octo")
        await page.get_by_role("button", name="Switch").click()
        await page.goto(url)
        await fits(page)
        await page.get_by_role("button", name="Make the App on").click()
        await expect(page.locator("main")).to_contain_text("asks for an App of octo")
        await page.get_by_role("button", name="Make the App for octo").click()
        await expect(page.locator("main")).to_contain_text("Its key is kept on this machine.")
        assert "code" not in page.url
        await fits(page)
        await page.get_by_role("link", name="Install pushpals-octo").click()
        await page.get_by_role("button", name="Install").click()
        await expect(page.locator("main")).to_contain_text("Installed on octo/names.")
        await browser.close()
        code, said = await setup.end()

    assert code == 0, said
    assert "ok    installations   octo" in said
    assert "FAIL" not in said
    assert said.endswith("\nNext: pushpals serve\n")
    [app] = forge.store.apps.values()
    assert app.permissions == {"metadata": "read", **APP_PERMISSIONS}
    assert set(app.events) == set(APP_EVENTS)
    key = home.config / f"app-{app.id}.pem"
    assert {path.name for path in home.config.iterdir()} == {"env", key.name}
    assert [path.stat().st_mode & 0o777 for path in (home.config, key, home.config / "env")] == [
        0o700,
        0o600,
        0o600,
    ]
    assert key.read_text().splitlines()[1] not in said

    model = await ScriptedModel([FIX]).start()
    issue = forge.create_issue(home.repo, "ada", TITLE, "Names with a dot are cut.")
    given = {"MODEL_URL": model.url, "MODEL": "scripted", "PORT": "0", "POLL_QUICK_SECONDS": "0.5"}
    async with home.pushpals("serve", **given) as serve:
        await serve.line("PushPals reads the deliveries at")
        forge.add_label(issue, "ada", LABEL)
        pull = await forge.until(lambda: next(iter(forge.store.pulls.values()), None), timeout=60.0)
    assert pull
    assert pull.author == f"{app.slug}[bot]"
    await model.close()


async def fits(page: Page) -> None:
    """See that a page fits a phone and a desk, and can be read in light and dark."""
    for width in (PHONE, DESK):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.evaluate(OVERFLOW) == 0
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme)
        assert await page.evaluate(FAINT) == []
    await page.set_viewport_size({"width": PHONE, "height": 800})


async def ask(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.text()


async def agree(home: Home, page: str) -> str:
    """Say yes on GitHub's page, without the browser; return where the person is sent back to."""
    _, html = await ask(page)
    [form] = Reader(html).forms
    state = parse_qs(urlsplit(form.action).query)["state"][0]
    manifest = Manifest.parse(form.fields["manifest"])
    assert json.loads(form.fields["manifest"])["public"] is False
    return await home.forge.manifests.agree(manifest, manifest.name, "octo", state)


async def test_what_does_not_come_from_its_page_makes_nothing(home: Home) -> None:
    async with home.pushpals("setup", "--port", "0", "--github-url", home.forge.url) as setup:
        url = await setup.line(OPEN)
        back = await agree(home, url)
        code = parse_qs(urlsplit(back).query)["code"][0]
        status, page = await ask(f"{url}created?code={code}&state=another")
        assert (status, "did not come from the page of this setup" in page) == (403, True)
        state = parse_qs(urlsplit(back).query)["state"][0]
        status, page = await ask(f"{url}created?code=used&state={state}")
        assert (status, "each is good once, and for an hour" in page) == (400, True)
        assert "Begin again" in page
        async with aiohttp.ClientSession() as session:
            answer = await session.get(url, headers={"Host": "evil.example"})
            assert answer.status == 403
        assert not list(home.config.iterdir())
        status, page = await ask(back)  # and the right one still works
        assert (status, "Its key is kept" in page) == (200, True)
        assert (await ask(back))[0] == 200, "reloading harms nothing"
        assert len(list(home.config.glob("app-*.pem"))) == 1


async def test_an_address_for_webhooks_keeps_their_secret(home: Home) -> None:
    hook = "https://pals.example/webhook"
    options = ("--port", "0", "--github-url", home.forge.url, "--webhook-url", hook, "--org", "octo")
    async with home.pushpals("setup", *options) as setup:
        url = await setup.line(OPEN)
        assert "/organizations/octo/settings/apps/new?" in (await ask(url))[1]
        await ask(await agree(home, url))
        await setup.line("App ")
    [app] = home.forge.store.apps.values()
    assert app.webhook_url == hook
    secret = home.config / f"webhook-secret-{app.id}"
    assert secret.read_text() == app.webhook_secret
    assert secret.stat().st_mode & 0o777 == 0o600
    assert home.setting("PUSHPALS_WEBHOOK_SECRET_FILE") == str(secret)
    assert home.setting("PUSHPALS_POLL") is None
    async with home.pushpals("setup", "--webhook-url", "http://pals.example") as refused:
        code, said = await refused.end()
    assert (code, "must be an address that begins with https://" in said) == (2, True)


async def test_setup_goes_on_where_it_ended(home: Home) -> None:
    forge, options = home.forge, ("--port", "0", "--github-url", home.forge.url, "--no-model")
    app, key = await forge.register_app(
        "pushpals", "PushPals", owner="octo", permissions=APP_PERMISSIONS, events=APP_EVENTS,
        webhook_url="http://127.0.0.1:9/nobody",
    )  # fmt: skip
    home.config.mkdir(parents=True, mode=0o700)
    left = home.config / f"app-{app.id}.pem"
    left.touch(mode=0o600)
    left.write_text(key)
    async with home.pushpals("setup", *options) as setup:
        assert (
            await setup.line(f"The key of App {app.id} is here") == "; going on where the last setup ended."
        )
        place = await setup.line("Now install it on the repositories it shall serve: ")
        assert place == f"{forge.url}/github-apps/pushpals/installations/new"
        forge.install(app, [home.repo])
        code, said = await setup.end()
    assert (code, "Installed for octo." in said) == (0, True), said
    before = (home.config / "env").read_text()
    async with home.pushpals("setup", *options) as again:
        code, said = await again.end()
    assert (code, said.startswith("An App is configured in ")) == (0, True), said
    assert (home.config / "env").read_text() == before


async def test_a_key_is_kept_though_its_settings_cannot_be(home: Home) -> None:
    hook = ("--webhook-url", "https://pals.example/webhook")
    options = ("--port", "0", "--github-url", home.forge.url)
    async with home.pushpals("setup", *options, *hook) as setup:
        url = await setup.line(OPEN)
        back = await agree(home, url)
        (home.config / "env").write_text("# of another setup\n")
        (home.config / "webhook-secret").write_text("of another App")
        status, page = await ask(back)
    assert (status, "its key is kept" in page, "its key is lost" in page) == (500, True, False)
    assert (home.config / "env").read_text() == "# of another setup\n"
    (home.config / "env").unlink()
    async with home.pushpals("setup", *options) as setup:
        await setup.line("Now install it")
    [app] = home.forge.store.apps.values()
    secret = home.config / f"webhook-secret-{app.id}"
    assert secret.read_text() == app.webhook_secret
    assert home.setting("PUSHPALS_WEBHOOK_SECRET_FILE") == str(secret)
    assert home.setting("PUSHPALS_POLL") is None

    (home.config / "env").unlink()  # as if it had ended before the secret was kept
    secret.unlink()
    async with home.pushpals("setup", *options, *hook) as setup:
        await setup.line("Its webhook's secret is not here")
        await setup.line("Now install it")
    assert home.setting("PUSHPALS_POLL") == "true"


async def test_no_settings_are_written_for_a_key_that_github_does_not_know(home: Home) -> None:
    _, key = await home.forge.register_app(
        "pushpals", "PushPals", owner="octo", permissions=APP_PERMISSIONS, events=APP_EVENTS,
        webhook_url="http://127.0.0.1:9/nobody",
    )  # fmt: skip
    home.config.mkdir(parents=True, mode=0o700)
    left = home.config / "app-999999.pem"
    left.touch(mode=0o600)
    left.write_text(key)
    async with home.pushpals("setup", "--port", "0", "--github-url", home.forge.url) as setup:
        code, said = await setup.end()
    assert (code, f"knows no App 999999 with the key {left}" in said) == (1, True), said
    assert "--github-url" in said
    assert not (home.config / "env").exists()


async def test_the_forge_exchanges_a_code_as_github_describes_it(home: Home) -> None:
    forge = home.forge
    given = {"name": "Pals", "url": "https://x", "redirect_url": "http://127.0.0.1:9/"}
    back = await forge.manifests.agree(Manifest.parse(json.dumps(given)), "Pals", "octo", "s")
    code = parse_qs(urlsplit(back).query)["code"][0]
    place = f"{Endpoints.at(forge.url).rest}/app-manifests/{code}/conversions"
    async with aiohttp.ClientSession() as session:
        async with session.post(place) as answer:
            assert answer.status == 201
            models.AppManifestsCodeConversionsPostResponse201.model_validate(await answer.json())
        async with session.post(place) as again:
            assert again.status == 404


async def test_a_folder_that_others_look_into_keeps_no_key(home: Home) -> None:
    home.config.mkdir(parents=True, mode=0o755)
    async with home.pushpals("setup", "--github-url", home.forge.url) as setup:
        code, said = await setup.end()
    assert (code, f"chmod 700 {home.config}" in said) == (1, True), said


def test_the_forge_refuses_what_is_no_manifest() -> None:
    for text in (
        "",
        "[]",
        '{"url": "https://x"}',
        '{"redirect_url": "http://x"}',
        '{"url": "x", "redirect_url": "a"}',
    ):
        with pytest.raises(UnprocessableError):
            Manifest.parse(text)
