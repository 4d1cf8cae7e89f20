"""Lived through in the pages: a review on lines, answers in threads, CI, buttons, drafts and auto-merge."""

from pushpals.local.forge import checks
from pushpals.local.forge.entities import PullRequest
from tests.web.person import Page, Somebody
from tests.web.town import Town

PATH, LINE = "auth/names.py", 20


async def open_pull(town: Town, somebody: Somebody, at: str = "") -> tuple[PullRequest, Page]:
    pull = await town.deliver(town.open_bug())
    return pull, await somebody.open(f"{town.page}/pull/{pull.number}{at}")


async def test_a_review_with_comments_on_lines_goes_out_as_one(town: Town, somebody: Somebody) -> None:
    pull, page = await open_pull(town, somebody)
    where = [href for href in page.links if f"path={PATH}&line={LINE}#" in href]
    assert where, page.links
    page = await somebody.open(where[0])
    page = await somebody.press(page, "Add to my review", body="Why `\\w`?")
    assert "not sent yet" in page.text
    assert town.forge.store.threads_of(pull) == []
    page = await somebody.press(page, "Request changes", body="One thing")
    [thread] = town.forge.store.threads_of(pull)
    [comment] = town.forge.store.comments_in(thread)
    assert (thread.path, thread.line, comment.body, comment.author) == (PATH, LINE, "Why `\\w`?", "ada")
    [review] = town.forge.store.reviews_of(pull)
    assert (review.state, review.id) == ("CHANGES_REQUESTED", comment.review_id)
    assert "not sent yet" not in page.text
    assert "requested changes" in page.text


async def test_one_comment_on_a_line_can_be_said_at_once(town: Town, somebody: Somebody) -> None:
    pull, page = await open_pull(town, somebody, f"?path={PATH}&line={LINE}")
    page = await somebody.press(page, "Comment now", body="Why?")
    assert page.text.count("Why?") == 2  # in the diff and in the conversation
    assert [c.body for c in town.forge.store.review_comments.values()] == ["Why?"]
    assert [review.state for review in town.forge.store.reviews_of(pull)] == ["COMMENTED"]


async def test_what_was_kept_for_a_review_can_be_taken_back(town: Town, somebody: Somebody) -> None:
    _, page = await open_pull(town, somebody, f"?path={PATH}&line={LINE}")
    page = await somebody.press(page, "Add to my review", body="Why?")
    await somebody.become("sam")
    assert "Why?" not in (await somebody.open(page.path)).text
    await somebody.become("ada")
    page = await somebody.press(await somebody.open(page.path), "Take back")
    assert "Why?" not in page.text


async def test_an_empty_comment_on_a_line_is_asked_for_again(town: Town, somebody: Somebody) -> None:
    _, page = await open_pull(town, somebody, f"?path={PATH}&line={LINE}")
    page = await somebody.press(page, "Comment now", body="  ")
    assert page.status == 422
    assert "Write what you mean first" in page.text
    assert page.form("Comment now").fields["line"] == str(LINE)


async def test_a_line_outside_the_diff_is_refused_with_what_was_typed(town: Town, somebody: Somebody) -> None:
    _, page = await open_pull(town, somebody, f"?path={PATH}&line={LINE}")
    fields = {**page.form("Comment now").fields, "line": "9999", "body": "Keep me", "do": "now"}
    page = await somebody.post(page.form("Comment now").action.partition("#")[0], fields)
    assert page.status == 422
    assert town.forge.store.threads == {}


async def test_a_thread_is_answered_edited_and_resolved(town: Town, somebody: Somebody) -> None:
    pull, page = await open_pull(town, somebody)
    await town.forge.review_lines(pull, "sam", "COMMENTED", [(PATH, LINE, "Why?")])
    page = await somebody.press(await somebody.open(page.path), "Send answer", body="Because")
    assert "Because" in page.text
    answer = list(town.forge.store.review_comments.values())[-1]
    page = await somebody.open(f"{town.page}/review-comments/{answer.id}/edit")
    page = await somebody.press(page, "Save", body="Because of dots")
    assert "Because of dots" in page.text
    page = await somebody.press(page, "Resolve thread")
    [thread] = town.forge.store.threads_of(pull)
    assert thread.resolved_by == "ada"
    page = await somebody.press(page, "Open thread again")
    assert town.forge.store.fresh(thread).resolved_by is None
    # GitHub makes a review of each answer; the conversation shows it in its thread alone.
    assert page.text.count("reviewed") == 1


async def test_an_outdated_thread_stays_in_the_conversation(town: Town, somebody: Somebody) -> None:
    pull, page = await open_pull(town, somebody)
    await town.forge.review_lines(pull, "sam", "COMMENTED", [(PATH, LINE, "Why?")])
    await town.forge.push(town.repo, "ada", {PATH: "entirely = 'new'\n"}, branch=pull.head_ref)
    page = await somebody.open(page.path)
    assert f"outdated it was line {LINE}" in page.text
    assert page.text.count("Why?") == 1


async def test_a_review_is_dismissed(town: Town, somebody: Somebody) -> None:
    pull, page = await open_pull(town, somebody)
    page = await somebody.press(page, "Request changes", body="No")
    page = await somebody.press(page, "Dismiss review")
    assert [review.state for review in town.forge.store.reviews_of(pull)] == ["DISMISSED"]
    assert "and it was dismissed" in page.text
    assert "Dismiss review" not in page.buttons


async def test_ci_is_played_and_auto_merge_waits_for_it(town: Town, somebody: Somebody) -> None:
    pull, page = await open_pull(town, somebody)
    assert "Merge when green" not in page.buttons
    page = await somebody.press(page, "Job failed", name="tests", body="E  assert 1")
    assert "tests failure failed" in page.text
    assert [run.log for run in town.forge.store.runs.values()][-1] == "E assert 1".replace("E ", "E  ")
    page = await somebody.press(page, "Job runs", name="tests")
    page = await somebody.press(page, "Merge when green")
    assert "ada wants this merged as soon as its checks are green." in page.text
    page = await somebody.press(page, "Cancel auto-merge")
    page = await somebody.press(page, "Merge when green")
    page = await somebody.press(page, "Job passed", name="tests")
    assert town.forge.store.fresh(pull).merged_by == "ada"
    page = await somebody.press(page, "Delete branch")
    assert await town.forge.git.resolve(town.repo, f"refs/heads/{pull.head_ref}") is None
    assert "Delete branch" not in page.buttons


async def test_a_commit_status_counts_like_a_check(town: Town, somebody: Somebody) -> None:
    pull, page = await open_pull(town, somebody)
    await town.forge.set_status(town.repo, "ada", pull.head_sha, "ci/build", "error", "Disk full")
    page = await somebody.open(page.path)
    assert "ci/build error Disk full Commit status by ada." in page.text
    assert "Before you merge: ci/build: error." in page.text


async def test_a_draft_is_one_click_away_and_back(town: Town, somebody: Somebody) -> None:
    pull, page = await open_pull(town, somebody)
    page = await somebody.press(page, "Convert to draft")
    assert "Draft" in page.text
    assert town.forge.store.fresh(pull).draft
    page = await somebody.press(page, "Mark as ready for review")
    assert not town.forge.store.fresh(pull).draft


async def test_the_buttons_of_a_check_run_are_on_its_issue_and_pressed_there(
    town: Town, somebody: Somebody
) -> None:
    issue = town.open_bug()
    run = await town.start_work(issue)
    plan = {"label": "Approve plan", "description": "Go ahead", "identifier": "approve"}
    output = {"title": "The plan waits for a maintainer", "summary": "x"}
    update = {"conclusion": "action_required", "actions": [plan], "output": output}
    checks.update_run(town.forge.store, town.app, run, update)
    address = f"{town.page}/issues/{issue.number}"
    page = await somebody.open(address)
    assert "The plan waits for a maintainer" in page.text
    town.forge.set_webhook(town.app, "http://127.0.0.1:9/webhook")
    page = await somebody.press(page, "Approve plan")
    assert page.path == address
    pressed = [d for d in town.forge.store.deliveries.values() if d.action == "requested_action"]
    assert len(pressed) == 1
    # The buttons of its plan are there as well.
    checks.update_run(town.forge.store, town.app, run, {"external_id": f"plan-{issue.number}"})
    assert "Approve plan" in (await somebody.open(address)).buttons
    await somebody.become("sam")
    assert "Approve plan" not in (await somebody.open(address)).buttons


async def test_a_comment_on_a_line_no_file_can_have_is_refused(town: Town, somebody: Somebody) -> None:
    _, page = await open_pull(town, somebody, f"?path={PATH}&line={LINE}")
    form = page.form("Comment now")
    for path, line in ((f"{PATH}\0", "1"), (":(glob)**", str(LINE)), ("../x", "1"), (PATH, "9" * 5000)):
        fields = {**form.fields, "path": path, "line": line, "body": "x", "do": "now"}
        answer = await somebody.post(form.action.partition("#")[0], fields)
        assert answer.status == 422, (path, line[:10])
    assert town.forge.store.threads == {}


async def test_a_branch_that_fell_behind_is_updated(town: Town, somebody: Somebody) -> None:
    pull, page = await open_pull(town, somebody)
    assert "Update branch" not in page.buttons
    await town.forge.push(town.repo, "ada", {"more.py": "1"})
    page = await somebody.press(await somebody.open(page.path), "Update branch")
    assert town.forge.store.fresh(pull).head_sha != pull.head_sha
    assert "Update branch" not in page.buttons


async def test_a_request_of_several_tasks_shows_all_of_them(town: Town, somebody: Somebody) -> None:
    issue = town.open_bug()
    for task in (1, 2):
        branch = f"agent/bug-fixer/{issue.number}-{task}"
        await town.forge.push(town.repo, "ada", {f"{task}.py": "1"}, branch=branch)
        body = f"Part {task} of 2 of #{issue.number}."
        pull = await town.forge.create_pull(town.repo, town.app.bot, f"Task {task}", branch, body=body)
        fields = {"external_id": f"{issue.number}-{task}", "conclusion": "success"}
        name = f"PushPals / {issue.number}-{task}"
        checks.create_run(town.forge.store, town.app, town.repo, pull.head_sha, name, fields)
    page = await somebody.open(f"{town.page}/issues/{issue.number}")
    assert "2 pull requests wait for a decision: #2, #3" in page.text
    assert "Read each, then merge it or close it." in page.text
    assert "Pull request #2 Open Pull request #3 Open" in page.text
    assert all(f"Check run PushPals / 1-{task}" in page.text for task in (1, 2))
    assert f"Part of the work on #{issue.number}." in (await somebody.open(f"{town.page}/pull/2")).text
    await town.forge.merge(town.forge.store.pulls[min(town.forge.store.pulls)], "ada")
    page = await somebody.open(f"{town.page}/issues/{issue.number}")
    assert "Pull request #3 waits for a decision: Task 2" in page.text
