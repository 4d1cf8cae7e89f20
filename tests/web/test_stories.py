"""What people do on the pages, from the report of a bug to its end."""

import pytest

from pushpals.ledger import job_ref
from pushpals.local.forge import checks, pulls
from pushpals.local.forge.entities import PullRequest
from tests.web.person import Page, Somebody
from tests.web.town import BRANCH, NEW, Town

MERGE = "Merge pull request"


async def test_from_a_stranger_s_report_to_the_merge(town: Town, somebody: Somebody) -> None:
    await somebody.become("sam")
    page = await somebody.open(f"{town.page}/issues/new")
    page = await somebody.press(page, "Open issue", title="Login fails", body="With `a.b` it **fails**.")
    assert page.path == f"{town.page}/issues/1"
    assert "<code>a.b</code> it <strong>fails</strong>" in page.html
    assert "Hand to PushPals" not in page.buttons
    assert "A maintainer can add agent:ready" in page.text

    await somebody.become("ada")
    page = await somebody.press(await somebody.open(page.path), "Comment", body="I can see it too.")
    assert "ada commented just now" in page.text
    page = await somebody.press(page, "Hand to PushPals")
    issue = town.forge.store.issues[next(iter(town.forge.store.issues))]
    assert [label.name for label in town.forge.store.labels_of(issue)] == ["agent:ready"]
    assert "ada added agent:ready" in page.text
    assert "Handed to PushPals, which has not answered yet." in page.text

    pull = await town.deliver(issue)
    page = await somebody.open(page.path)
    assert "eyes: pushpals[bot]" in page.text
    assert "edited by pushpals[bot]" in page.text
    assert f"Pull request #{pull.number} waits for a decision" in page.text

    page = await somebody.open(f"{town.page}/pull/{pull.number}")
    assert "Read the report and the diff. Then approve and merge, or request changes." in page.text
    assert "python3 -m unittest: 15 passed" in page.text
    page = await somebody.press(page, "Approve", body="Short and tested.")
    assert "ada approved" in page.text
    assert "Merge it: it is approved." in page.text
    page = await somebody.press(page, MERGE)
    assert "Merged ada merged this into main" in page.text
    assert MERGE not in page.buttons

    page = await somebody.open(f"{town.page}/issues/1")
    assert "Closed: ada merged #2." in page.text
    assert "ada closed this" in page.text
    assert NEW in await town.forge.git.run(town.repo, "show", "main:auth/names.py")


@pytest.mark.parametrize(("method", "parents"), [("squash", 1), ("merge", 2)])
async def test_a_merge_is_of_the_kind_that_was_chosen(
    town: Town, somebody: Somebody, method: str, parents: int
) -> None:
    pull = await town.deliver(town.open_bug())
    page = await somebody.open(f"{town.page}/pull/{pull.number}")
    page = await somebody.press(page, MERGE, method=method)
    assert "ada merged this into main" in page.text
    line = await town.forge.git.run(town.repo, "rev-list", "--parents", "-1", "main")
    assert len(line.split()) == 1 + parents
    assert "+6" in page.text, "the diff stays readable after the merge"
    assert "ada closed this" not in page.text, "a merge closes, and is told once"
    commit = await somebody.open(f"{town.page}/commit/{await town.main()}")
    assert "auth/names.py" in commit.text


async def test_what_a_stranger_may_not_do_is_refused_and_not_offered(town: Town, somebody: Somebody) -> None:
    issue = town.forge.create_issue(town.repo, "ada", "A thing")
    pull = await town.deliver(town.open_bug())
    await somebody.become("sam")
    page = await somebody.open(f"{town.page}/issues/{issue.number}")
    assert page.buttons == ["Switch", "Comment"]
    page = await somebody.open(f"{town.page}/pull/{pull.number}")
    assert MERGE not in page.buttons
    assert "Merging needs write access here. A maintainer can merge it." in page.text
    token = page.form("Comment").fields["token"]
    common = {"token": token, "head": pull.head_sha, "name": "agent:ready", "title": "x", "body": "x"}
    for path in (
        f"issues/{issue.number}/labels",
        f"issues/{issue.number}/state",
        f"issues/{issue.number}/edit",
        f"pull/{pull.number}/merge",
        f"pull/{pull.number}/draft",
        f"pull/{pull.number}/auto-merge",
        f"pull/{pull.number}/branch",
        f"pull/{pull.number}/ci",
    ):
        answer = await somebody.post(f"{town.page}/{path}", common)
        assert answer.status == 403, path
        assert "You act as sam. Switch accounts above" in answer.text
    assert town.forge.store.fresh(issue) == issue
    assert town.forge.store.fresh(pull) == pull


async def test_texts_are_edited_by_those_who_may_and_carry_a_mark(town: Town, somebody: Somebody) -> None:
    await somebody.become("sam")
    page = await somebody.open(f"{town.page}/issues/new")
    page = await somebody.press(page, "Open issue", title="A thnig", body="First\nsecond")
    page = await somebody.press(await somebody.open(f"{page.path}/edit"), "Save", title="A thing")
    issue = town.forge.store.subject(town.repo.id, 1)
    assert (issue.title, issue.body, issue.edits) == ("A thing", "First\nsecond", ())
    assert "sam changed the title from A thnig to A thing" in page.text
    page = await somebody.press(page, "Comment", body="A comment")
    [comment] = town.forge.store.comments_of(issue)

    await somebody.become("ada")
    edit = await somebody.open(f"{town.page}/comments/{comment.id}/edit")
    page = await somebody.press(edit, "Save", body="Another comment")
    assert "edited by ada" in page.text
    assert town.forge.store.fresh(comment).editor == "ada"
    octos = town.forge.comment(issue, "octo", "mine")
    await somebody.become("sam")
    assert (await somebody.open(f"{town.page}/comments/{octos.id}/edit")).status == 403
    assert (await somebody.open(f"{town.page}/comments/999999/edit")).status == 404


async def test_bad_input_is_answered_without_losing_the_text(town: Town, somebody: Somebody) -> None:
    page = await somebody.open(f"{town.page}/issues/new")
    page = await somebody.press(page, "Open issue", title=" ", body="A long\n</textarea>\ndescription")
    assert page.status == 422
    assert "Title can't be blank" in page.text
    assert page.form("Open issue").fields["body"] == "A long\n</textarea>\ndescription"
    page = await somebody.press(page, "Open issue", title="Now with a title")
    assert page.path == f"{town.page}/issues/1"

    text = "x" * 70_000
    page = await somebody.press(page, "Comment", body=text)
    assert page.status == 422
    assert "Body is too long" in page.text
    assert page.form("Save").fields["body"] == text
    page = await somebody.press(page, "Save", body="shorter")
    assert "shorter" in page.text

    edit = await somebody.open(f"{town.page}/issues/1/edit")
    page = await somebody.press(edit, "Save", title="t" * 300, body="kept")
    assert page.status == 422
    assert page.form("Save").fields["body"] == "kept"
    too_much = await somebody.post(f"{town.page}/issues/1/comments", {"body": "x" * (11 << 20)})
    assert too_much.status == 413
    assert "That is more than this forge takes." in too_much.text


async def test_labels_come_and_go(town: Town, somebody: Somebody) -> None:
    issue = town.open_bug()
    page = await somebody.open(f"{town.page}/issues/{issue.number}")
    page = await somebody.press(page, "Add", name="needs tests")
    assert "ada added needs tests" in page.text
    page = await somebody.press(page, "Remove needs tests")
    assert "ada removed needs tests" in page.text
    assert town.forge.store.labels_of(town.forge.store.fresh(issue)) == []
    page = await somebody.press(page, "Add", name=" ")
    assert page.status == 422
    before = len(town.forge.store.labels)
    await somebody.post(
        f"{town.page}/issues/1/labels",
        {"token": page.form("Switch").fields["token"], "name": "no", "do": "remove"},
    )
    assert len(town.forge.store.labels) == before, "removing a label that does not exist makes none"


async def test_an_issue_is_closed_and_reopened(town: Town, somebody: Somebody) -> None:
    town.open_bug()
    page = await somebody.press(await somebody.open(f"{town.page}/issues/1"), "Close issue")
    assert "Closed by ada." in page.text
    listed = await somebody.open(f"{town.page}/issues?state=closed")
    assert "Login fails for names with a dot" in listed.text
    assert "Login fails" not in (await somebody.open(f"{town.page}/issues")).text
    page = await somebody.press(page, "Reopen issue")
    assert "ada reopened this" in page.text


async def test_a_review_asks_for_changes_with_words(town: Town, somebody: Somebody) -> None:
    pull = await town.deliver(town.open_bug())
    page = await somebody.open(f"{town.page}/pull/{pull.number}")
    page = await somebody.press(page, "Request changes")
    assert page.status == 422
    assert "Body can't be blank" in page.text
    page = await somebody.press(page, "Request changes", body="Not *yet*.")
    assert "ada requested changes" in page.text
    assert "Wait for a new commit: changes were requested." in page.text
    assert "Before you merge: Changes were requested." in page.text
    [review] = town.forge.store.reviews_of(pull)
    assert (review.state, review.body, review.commit_oid) == (
        "CHANGES_REQUESTED",
        "Not *yet*.",
        pull.head_sha,
    )
    page = await somebody.press(page, "Comment only", body="One more thing.")
    assert "One more thing." in page.text
    page = await somebody.press(page, "Close pull request")
    assert "ada closed it without merging." in page.text
    issue = await somebody.open(f"{town.page}/issues/1")
    assert f"ada closed pull request #{pull.number} without merging it." in issue.text
    again = {"external_id": "1-2", "status": "in_progress", "output": {"title": "Turn 1", "summary": ""}}
    checks.create_run(town.forge.store, town.app, town.repo, await town.main(), "PushPals / 1-2", again)
    assert "PushPals is working. Turn 1" in (await somebody.open(f"{town.page}/issues/1")).text


async def test_one_s_own_pull_request_is_not_approved(town: Town, somebody: Somebody) -> None:
    await town.push_fix()
    pull = await town.forge.create_pull(town.repo, "ada", "Mine", BRANCH)
    page = await somebody.open(f"{town.page}/pull/{pull.number}")
    assert "Approve" not in page.buttons
    form = page.form("Comment only")
    page = await somebody.post(form.action, {**form.fields, "do": "approve", "body": "I like it."})
    assert page.status == 422
    assert "Can not approve your own pull request" in page.text
    assert page.form("Comment only").fields["body"] == "I like it."


async def test_what_was_not_read_is_neither_approved_nor_merged(town: Town, somebody: Somebody) -> None:
    pull = await town.deliver(town.open_bug())
    read = await somebody.open(f"{town.page}/pull/{pull.number}")
    await town.forge.push(town.repo, "sam", {"evil.py": "1\n"}, branch=BRANCH)
    page = await somebody.press(read, "Approve", body="Good as I read it.")
    assert page.status == 422
    assert "New commits came while you read." in page.text
    assert page.form("Approve").fields["body"] == "Good as I read it."
    page = await somebody.press(read, MERGE)
    assert page.status == 422
    assert "nothing was merged" in page.text
    assert town.forge.store.fresh(pull).merged_at is None
    assert town.forge.store.reviews_of(pull) == []


async def conflicting(town: Town) -> PullRequest:
    pull = await town.deliver(town.open_bug())
    await town.forge.push(town.repo, "octo", {"auth/names.py": "other\n"})
    return pull


async def test_a_conflict_disables_the_merge_and_says_why(town: Town, somebody: Somebody) -> None:
    pull = await conflicting(town)
    page = await somebody.open(f"{town.page}/pull/{pull.number}")
    assert MERGE not in page.buttons
    assert page.text.count("It conflicts with main.") == 2, "at a glance, and beside the button"
    token = page.form("Approve").fields["token"]
    page = await somebody.post(
        f"{town.page}/pull/{pull.number}/merge", {"token": token, "head": pull.head_sha}
    )
    assert page.status == 422
    assert "conflicts with the base branch" in page.text


async def test_a_draft_is_merged_only_once_it_is_ready(town: Town, somebody: Somebody) -> None:
    await town.push_fix()
    pull = await town.forge.create_pull(town.repo, town.app.bot, "Draft", BRANCH, draft=True)
    page = await somebody.open(f"{town.page}/pull/{pull.number}")
    assert MERGE not in page.buttons
    assert "This is a draft." in page.text
    page = await somebody.press(page, "Mark as ready for review")
    assert "ada marked this as ready for review" in page.text
    assert MERGE in page.buttons
    assert "Before you merge: No check has run on this commit." in page.text


async def test_a_failed_check_is_told_at_a_glance(town: Town, somebody: Somebody) -> None:
    pull = await town.deliver(town.open_bug())
    fields = {"conclusion": "failure", "output": {"title": "2 tests failed", "summary": "no"}}
    checks.create_run(town.forge.store, town.app, town.repo, pull.head_sha, "CI", fields)
    page = await somebody.open(f"{town.page}/pull/{pull.number}")
    assert "CI: failure and 1 more. 2 tests failed" in page.text
    assert "Look at the failed check, then request changes or close it." in page.text
    assert "Before you merge: CI: failure." in page.text


async def test_a_check_run_is_read_while_it_runs_and_after(town: Town, somebody: Somebody) -> None:
    run = await town.start_work(town.open_bug())
    town.clock.move(1.5)
    page = await somebody.open(f"{town.page}/runs/{run.id}")
    assert "in progress Turn 3 of 50: edit auth/names.py" in page.text
    assert "running for 1m 30s" in page.text
    assert '<meta http-equiv="refresh"' in page.html
    live = {str(attrs["data-live"]): attrs for _, attrs in page.read.elements if "data-live" in attrs}
    [(address, attrs)] = live.items()
    tag = str(attrs["data-tag"])
    assert (await somebody.open(address, **{"If-None-Match": tag})).status == 304
    town.report_progress(run, "Turn 4 of 50: run the tests")
    part = await somebody.open(address, **{"If-None-Match": tag})
    assert "Turn 4 of 50: run the tests" in part.text
    assert "<html" not in part.html
    assert (await somebody.open(address, **{"If-None-Match": part.headers["ETag"]})).status == 304

    checks.update_run(town.forge.store, town.app, run, {"conclusion": "timed_out"})
    page = await somebody.open(f"{town.page}/runs/{run.id}")
    assert "timed out" in page.text
    assert "data-live=" not in page.html
    assert '<meta http-equiv="refresh"' not in page.html
    issue = await somebody.open(f"{town.page}/issues/1")
    assert "PushPals stopped:" in issue.text


async def test_a_button_of_a_check_run_reaches_its_app(town: Town, somebody: Somebody) -> None:
    town.forge.set_webhook(town.app, "http://127.0.0.1:1/nobody-listens")
    run = await town.start_work(town.open_bug())
    action = {"label": "Approve plan", "description": "Go ahead", "identifier": "approve"}
    checks.update_run(town.forge.store, town.app, run, {"actions": [action]})
    page = await somebody.open(f"{town.page}/runs/{run.id}")
    page = await somebody.press(page, "Approve plan")
    assert page.path == f"{town.page}/runs/{run.id}"
    told = [d.action for d in town.forge.store.deliveries.values() if d.event == "check_run"]
    assert "requested_action" in told
    await somebody.become("sam")
    page = await somebody.open(page.path)
    assert "Approve plan" not in page.buttons
    fields = {"token": page.form("Switch").fields["token"], "do": "approve"}
    assert (await somebody.post(f"{page.path}/actions", fields)).status == 403


async def test_the_record_of_a_job_is_read_from_the_issue_and_the_pull_request(
    town: Town, somebody: Somebody
) -> None:
    pull = await town.deliver(town.open_bug())
    address = f"{town.page}/record/1-1"
    for path in ("issues/1", f"pull/{pull.number}"):
        assert address in (await somebody.open(f"{town.page}/{path}")).links
    page = await somebody.open(address)
    assert "Published" in page.text
    assert "Job 1-1 is queued." in page.text
    assert "9 events, unbroken" in page.text
    assert "model call model · bug_fixer The dot is dropped here. Details" in page.text
    assert "Plan for #1: Login fails for names with a dot" in page.text
    assert "May not write .github/workflows/ci.yml" in page.text
    assert "auth/names.py" in page.text
    assert f"{town.page}/runs/" in "".join(page.links)
    assert page.buttons == ["Switch"], "a record is only read"


async def test_a_record_that_was_tampered_with_says_so(town: Town, somebody: Somebody) -> None:
    await town.deliver(town.open_bug())
    trail = await town.forge.git.run(town.repo, "show", "refs/pushpals/jobs/1-1:audit.jsonl")
    changed = {"audit.jsonl": trail.replace("15 passed", "99 passed").encode(), "record.json": b"{broken"}
    await town.commit_record(job_ref("1-1"), changed, "Nothing to see here.")
    page = await somebody.open(f"{town.page}/record/1-1")
    assert "line 8 does not continue the line before it" in page.text
    assert "Trust nothing in it." in page.text
    await town.commit_record(job_ref("1-1"), {"audit.jsonl": b"no json\n"}, "Nor here.")
    page = await somebody.open(f"{town.page}/record/1-1")
    assert page.status == 200
    assert "no json" in page.text


async def test_the_conversation_of_an_issue_refreshes_by_itself(town: Town, somebody: Somebody) -> None:
    issue = town.open_bug()
    part = await somebody.open(f"{town.page}/issues/1/live/talk")
    assert "Nothing has been said yet." in part.text
    comment = town.comment(issue, "### PushPals\nWorking")
    tag = {"If-None-Match": part.headers["ETag"]}
    part = await somebody.open(f"{town.page}/issues/1/live/talk", **tag)
    assert "Working" in part.text
    town.forge.edit_comment(comment, town.app.bot, "Ready for review")
    tag = {"If-None-Match": part.headers["ETag"]}
    assert "Ready for review" in (await somebody.open(f"{town.page}/issues/1/live/talk", **tag)).text
    glance = await somebody.open(f"{town.page}/issues/1/live/glance")
    assert "Not handed to PushPals." in glance.text


async def test_a_repository_shows_what_is_open_and_new(town: Town, somebody: Somebody) -> None:
    pull = await town.deliver(town.open_bug())
    page = await somebody.open("/")
    assert "octo/dotted-names The accounts of a small web shop 2 open issues and pull requests" in page.text
    page = await somebody.open(town.page)
    assert "Default branch main" in page.text
    assert "Login fails for names with a dot" in page.text
    assert "Initial commit" in page.text
    pulled = await somebody.open(f"{town.page}/pulls")
    assert "Keep dots in normalize_name" in pulled.text
    head = await somebody.open(f"{town.page}/commit/{pull.head_sha[:10]}")
    assert "auth/names.py" in head.text
    first = await somebody.open(f"{town.page}/commit/{await town.main()}")
    assert "README.md added" in first.text
    raw = await somebody.open(f"{town.page}/pull/{pull.number}.diff")
    assert raw.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert raw.html.startswith("diff --git a/auth/names.py")


async def test_what_is_not_there_is_a_page_that_helps(town: Town, somebody: Somebody) -> None:
    await town.deliver(town.open_bug())
    private = await town.forge.create_repo("octo", "secrets", {"a": "b"}, private=True)
    for path in (
        "/nothing",
        "/nobody/nothing",
        f"{town.page}/issues/99",
        f"{town.page}/pull/1",
        f"{town.page}/runs/99",
        f"{town.page}/record/9-9",
        f"{town.page}/commit/{'0' * 40}",
        f"{town.page}/what/ever",
        f"/{private.full_name}",
    ):
        page = await somebody.open(path)
        assert page.status == 404, path
        assert "Not found" in page.text
        assert "/" in page.links
    assert "secrets" not in (await somebody.open("/")).text
    await somebody.become("octo")
    assert "secrets" in (await somebody.open("/")).text


async def test_old_addresses_lead_to_the_right_page(town: Town, somebody: Somebody) -> None:
    pull = await town.deliver(town.open_bug())
    page = await somebody.open(f"{town.page}/issues/{pull.number}")
    assert page.path == f"{town.page}/pull/{pull.number}"
    with_reference = town.forge.comment(pull, "ada", "See #1, #99 and `refs/pushpals/jobs/1-1`.")
    page = await somebody.open(page.path)
    assert with_reference.body.startswith("See")
    assert {f"{town.page}/issues/1", f"{town.page}/record/1-1"} <= set(page.links)
    assert f"{town.page}/issues/99" not in page.links


async def test_pages_stay_readable_while_branches_go(town: Town, somebody: Somebody) -> None:
    pull = await town.deliver(town.open_bug())
    await town.forge.git.run(town.repo, "update-ref", "-d", f"refs/heads/{BRANCH}")
    page: Page = await somebody.open(f"{town.page}/pull/{pull.number}")
    assert page.status == 200
    assert await pulls.mergeable(town.forge.git, town.repo, pull) is True


async def test_a_forge_without_people_says_so(town: Town, somebody: Somebody) -> None:
    with town.forge.store.transaction():
        for account in list(town.forge.store.accounts.values()):
            town.forge.store.drop(account)
    page = await somebody.open(f"{town.page}/issues/new")
    assert page.status == 200
    page = await somebody.press(page, "Open issue", title="A thing")
    assert page.status == 403
    assert "This forge has no people yet" in page.text
