"""Nobody acts through a person's browser, and nothing that others wrote runs in it."""

import re
from collections.abc import AsyncIterator

import pytest

from pushpals.ledger import job_ref, request_ref
from pushpals.local.forge import checks
from pushpals.local.forge.entities import Issue
from pushpals.local.forge.web import words
from pushpals.local.forge.web.guard import Guard
from tests.web.person import Page, Somebody
from tests.web.town import BRANCH, Town

EVIL = (
    "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"
    "<a href='javascript:alert(3)'>x</a>{{987654321*3}}</textarea>"
)
URL_ATTRIBUTES = {"href", "src", "action", "formaction", "data-live"}


async def forged(town: Town, somebody: Somebody, **headers: str) -> Page:
    """A form sent with the right token and cookie, and headers that another site's page would cause."""
    page = await somebody.open(f"{town.page}/issues/new")
    fields = {**page.form("Open issue").fields, "title": "Forged", "body": "typed text"}
    return await somebody.post(f"{town.page}/issues/new", fields, **headers)


async def test_a_form_without_its_token_changes_nothing(town: Town, somebody: Somebody) -> None:
    await somebody.open("/")
    for token in ("", "0" * 64, "é"):
        fields = {"title": "Forged", "body": "My long text.", "token": token}
        page = await somebody.post(f"{town.page}/issues/new", fields)
        assert page.status == 403
        assert "Nothing of it is lost." in page.text
        assert "My long text." in page.text
        assert "Open issue" not in page.buttons, "the text is shown to copy, not to send with one click"
    assert not town.forge.store.issues


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_a_form_from_another_site_changes_nothing(
    town: Town, somebody: Somebody, headers: dict[str, str]
) -> None:
    page = await forged(town, somebody, **headers)
    assert page.status == 403
    assert "This form was sent from another site." in page.text
    assert not town.forge.store.issues
    assert (await forged(town, somebody)).path == f"{town.page}/issues/1"


async def test_a_form_without_the_cookie_changes_nothing(town: Town, somebody: Somebody) -> None:
    page = await somebody.open(f"{town.page}/issues/new")
    somebody.session.cookie_jar.clear()
    page = await somebody.press(page, "Open issue", title="Forged")
    assert page.status == 403
    assert not town.forge.store.issues


async def test_other_names_for_this_machine_are_not_answered(town: Town, somebody: Somebody) -> None:
    port = town.forge.url.rpartition(":")[2]
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1:1", f"127.0.0.1.evil.example:{port}"):
        page = await somebody.open(town.page, Host=host)
        assert page.status == 403
        assert town.forge.url in page.text
        assert "The accounts of a small web shop" not in page.text
    for host in (f"localhost:{port}", f"LOCALHOST:{port}", f"127.0.0.1:{port}"):
        assert (await somebody.open(town.page, Host=host)).status == 200


async def test_open_forms_outlive_a_restart_of_the_forge(town: Town) -> None:
    directory = town.forge.store.directory
    before, after = Guard(directory, town.forge.url), Guard(directory, town.forge.url)
    assert before.token == after.token
    assert (directory / "web.key").stat().st_mode & 0o077 == 0
    (directory / "web.key").write_bytes(b"short")
    assert Guard(directory, town.forge.url).token != before.token


async def test_cookies_and_headers_leave_no_door_open(town: Town, somebody: Somebody) -> None:
    page = await somebody.open(town.page)
    cookie = page.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'nonce-")
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in (again := await somebody.open(town.page)).headers
    assert again.headers["Content-Security-Policy"] != policy, "a nonce is used once"
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce
    assert [a for tag, a in page.read.elements if tag == "script"] == [{"nonce": nonce[1]}]


async def test_an_account_that_nobody_may_act_as_is_refused(town: Town, somebody: Somebody) -> None:
    page = await somebody.open("/")
    token = page.form("Switch").fields["token"]
    for login in (town.app.bot, "nobody", EVIL):
        assert (await somebody.post("/-/account", {"token": token, "login": login})).status == 404
    fields = {"token": token, "login": "sam"}
    page = await somebody.post("/-/account", fields, Referer=f"{town.forge.url}//evil.example/x")
    assert page.path == "/"
    page = await somebody.post("/-/account", fields, Referer="http://evil.example/x")
    assert page.path == "/"
    page = await somebody.post("/-/account", fields, Referer=f"{town.forge.url}{town.page}")
    assert page.path == town.page


# Hostile text, everywhere text can come from.


@pytest.fixture
async def evil(town: Town) -> Town:
    """A town where all that others wrote is an attack."""
    store, forge = town.forge.store, town.forge
    with store.transaction():
        town.repo = store.put(store.repos[town.repo.id].model_copy(update={"description": EVIL}))
    issue = forge.create_issue(town.repo, "sam", EVIL[:200], EVIL)
    forge.edit_issue(issue, "sam", title=f"{EVIL[:150]} again")
    forge.add_label(issue, "ada", EVIL[:50])
    forge.comment(issue, "sam", EVIL)
    names = {
        f"{EVIL.replace('/', '|')[:90]}.py": f"{EVIL}\n\u202e\n",
        "new\nline.py": EVIL,
        "README.md": EVIL,
    }
    await forge.push(town.repo, "sam", names, branch=BRANCH, message=f"{EVIL}\n\n{EVIL}")
    pull = await forge.create_pull(town.repo, "sam", EVIL[:200], BRANCH, body=f"Fixes #1. {EVIL}")
    forge.comment(pull, "sam", EVIL)
    forge.review(pull, "ada", "CHANGES_REQUESTED", EVIL)
    where = {"path": EVIL, "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": EVIL}
    fields = {
        "external_id": "1-1",
        "status": "in_progress",
        "output": {"title": EVIL, "summary": EVIL, "text": EVIL, "annotations": [{**where, "title": EVIL}]},
        "actions": [{"label": '"><script>x', "description": "'><script>x", "identifier": "\"'><b>"}],
    }
    checks.create_run(store, town.app, town.repo, pull.head_sha, EVIL, fields)
    lines = [("README.md", 1, EVIL), ("new\nline.py", 1, EVIL)]
    review = await forge.review_lines(pull, "ada", "COMMENTED", lines, EVIL)
    forge.edit_review(review, "ada", f"{EVIL} again")
    forge.reply(store.threads_of(pull)[0], "sam", EVIL)
    await forge.set_status(town.repo, "sam", pull.head_sha, EVIL, "failure", EVIL)
    await forge.ci(town.repo, pull.head_sha, EVIL, "failure", title=EVIL, log=EVIL)
    files = {
        "record.json": f'{{"state": "{EVIL}"'.encode(),
        "report.md": EVIL.encode(),
        "audit.jsonl": EVIL.encode(),
        "patch.diff": f"diff --git a/{EVIL} b/x\n--- a/{EVIL}\n@@ -1 +1 @@ {EVIL}\n+{EVIL}\n".encode(),
    }
    await town.commit_record(request_ref(1), {"plan.md": EVIL.encode()}, EVIL)
    await town.commit_record(job_ref("1-1"), files, f"{EVIL}\x01\x02")
    return town


async def every_page(town: Town, somebody: Somebody) -> AsyncIterator[Page]:
    run, ci = town.forge.store.runs.values()
    [pull] = town.forge.store.pulls.values()
    [comment, _] = town.forge.store.comments.values()
    paths = [
        "",
        "/issues",
        "/issues?state=closed",
        "/pulls",
        "/issues/new",
        "/issues/1",
        "/issues/1/edit",
        "/pull/2",
        "/pull/2?path=README.md&line=1",
        "/pull/2?path=new%0Aline.py&line=1",
        f"/runs/{ci.id}",
        f"/review-comments/{next(iter(town.forge.store.review_comments))}/edit",
        f"/reviews/{next(iter(town.forge.store.reviews))}/edit",
    ]
    paths += [f"/comments/{comment.id}/edit", f"/runs/{run.id}", f"/runs/{run.id}/live/run", "/record/1-1"]
    paths += [f"/commit/{pull.head_sha}", "/issues/1/live/talk", "/issues/1/live/glance"]
    paths += [f"/pull/2/live/{part}" for part in ("talk", "glance", "checks", "merge")]
    for path in paths:
        yield await somebody.open(f"{town.page}{path}")
    yield await somebody.open("/")
    yield await somebody.open('/<script>alert(1)</script>/"><img src=x>')


async def test_hostile_text_is_text_on_every_page(evil: Town, somebody: Somebody) -> None:
    seen = 0
    async for page in every_page(evil, somebody):
        assert page.status in {200, 404}, page.path
        read = page.read
        assert read.stack == [], page.path
        assert sum(tag == "script" for tag, _ in read.elements) <= 1
        assert all("alert(" not in script for script in read.scripts)
        for tag, attributes in read.elements:
            assert tag not in {"img", "iframe", "object", "embed", "style", "base"}, page.path
            assert not [name for name in attributes if name.startswith("on") or name == "style"], page.path
            for name in URL_ATTRIBUTES & set(attributes):
                assert re.match(r"/|#|\?|data:image/svg|https?://", attributes[name] or "/"), page.path
        assert "2962962963" not in page.text
        seen += "alert(1)" in page.text
    assert seen > 12, "the attack is shown as what it is"


async def test_every_form_carries_the_token_and_posts(evil: Town, somebody: Somebody) -> None:
    forms = 0
    async for page in every_page(evil, somebody):
        for form in page.read.forms:
            assert form.method == "post"
            assert form.fields["token"] == page.read.forms[0].fields["token"]
            assert form.action.startswith("/")
            forms += 1
    assert forms > 30


async def test_what_one_sees_is_what_there_is(evil: Town, somebody: Somebody) -> None:
    page = await somebody.open(f"{evil.page}/pull/2")
    assert '<span class="unseen">U+202E</span>' in page.html
    assert "new␊line.py" in page.text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain <b>", "plain &lt;b&gt;"),
        ("a\u202eb", 'a<span class="unseen">U+202E</span>b'),
        ("a\u200db", 'a<span class="unseen">U+200D</span>b'),
        ("\N{HEAVY BLACK HEART}\ufe0f", "\N{HEAVY BLACK HEART}\ufe0f"),
        (
            "\N{HEAVY BLACK HEART}\ufe0f\ufe0e",
            '\N{HEAVY BLACK HEART}\ufe0f<span class="unseen">U+FE0E</span>',
        ),
        ("é\r", 'é<span class="unseen">U+000D</span>'),
    ],
)
def test_unseen_characters_are_shown(text: str, html: str) -> None:
    assert words.visible(text) == html


def test_code_in_titles_is_code() -> None:
    assert words.titled("Keep `a<b` and ` alone") == "Keep <code>a&lt;b</code> and ` alone"


async def test_a_title_that_cannot_be_is_still_one_line(town: Town, somebody: Somebody) -> None:
    issue: Issue = town.forge.create_issue(town.repo, "sam", "a\nb")
    page = await somebody.open(f"{town.page}/issues/{issue.number}")
    assert page.read.stack == []
