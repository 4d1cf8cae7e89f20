"""Reading and writing through GraphQL: what the product asks, and how GitHub says no."""

from datetime import datetime
from typing import Any

import pytest

from pushpals.local.forge.entities import ReactionContent
from tests.forge.world import World

SUBJECT = """
query($number: Int!) {
  repository(owner: "octo", name: "names") {
    id databaseId nameWithOwner isPrivate url
    defaultBranchRef { name target { oid } }
    issueOrPullRequest(number: $number) {
      __typename
      ... on Issue {
        id databaseId fullDatabaseId number title body issueState: state stateReason
        createdAt updatedAt lastEditedAt url
        author { ...Who } editor { ...Who } labels(first: 10) { nodes { name } }
        comments(last: 50) { totalCount pageInfo { hasPreviousPage startCursor } nodes {
          id databaseId body createdAt lastEditedAt updatedAt viewerDidAuthor isMinimized url
          author { ...Who } editor { ...Who } } }
        timelineItems(itemTypes: [LABELED_EVENT, RENAMED_TITLE_EVENT], last: 50) { nodes {
          ... on LabeledEvent { id createdAt actor { ...Who } label { name } }
          ... on RenamedTitleEvent { previousTitle currentTitle } } }
        reactionGroups { content viewerHasReacted }
      }
      ... on PullRequest {
        number title pullState: state baseRefName baseRefOid headRefName headRefOid isDraft
        merged mergedAt mergeable mergedBy { login } reviewDecision isCrossRepository
        reviews(last: 20) { nodes {
          id databaseId state body submittedAt viewerDidAuthor commit { oid } author { ...Who } } }
        closingIssuesReferences(first: 5) { nodes { number } }
      }
    }
  }
}
fragment Who on Actor { __typename login ... on User { databaseId } ... on Bot { databaseId } }
"""


async def subject(world: World, number: int) -> Any:
    return (await world.data(SUBJECT, number=number))["repository"]["issueOrPullRequest"]


async def test_an_issue_with_everything_on_it(world: World):
    issue = world.issue(body="They do.")
    world.forge.add_label(issue, "octo", "agent:ready")
    world.forge.edit_issue(issue, "octo", title="Dots", body="Names with dots fail.")
    comment = world.forge.comment(issue, "bob", "Me too")
    world.forge.edit_comment(comment, "ana", "Me three")
    got = await subject(world, issue.number)
    assert (got["__typename"], got["id"], got["databaseId"]) == ("Issue", issue.node_id, issue.id)
    assert (got["fullDatabaseId"], got["issueState"], got["stateReason"]) == (str(issue.id), "OPEN", None)
    assert (got["author"]["login"], got["editor"]["login"]) == ("ana", "octo")
    assert got["url"] == f"{world.forge.url}/octo/names/issues/1"
    assert got["labels"]["nodes"] == [{"name": "agent:ready"}]
    assert datetime.fromisoformat(got["createdAt"]) == issue.created_at
    assert got["lastEditedAt"] is not None
    [seen] = got["comments"]["nodes"]
    assert (seen["body"], seen["author"]["login"], seen["editor"]["login"]) == ("Me three", "bob", "ana")
    assert (seen["viewerDidAuthor"], seen["isMinimized"]) == (False, False)
    labeled, renamed = got["timelineItems"]["nodes"]
    assert (labeled["actor"]["login"], labeled["label"]["name"]) == ("octo", "agent:ready")
    assert renamed == {"previousTitle": "Names with dots fail", "currentTitle": "Dots"}


async def test_several_mutations_run_in_order_and_one_failure_is_its_own(world: World):
    issue = world.issue()
    answer = await world.graphql(
        """mutation($id: ID!) {
             m0: addReaction(input: {subjectId: $id, content: EYES, clientMutationId: "x"}) {
               clientMutationId reaction { content } subject { id } }
             m1: addComment(input: {subjectId: $id, body: " "}) { subject { id } }
             m2: addComment(input: {subjectId: $id, body: "Working"}) {
               commentEdge { node { body author { login __typename } viewerDidAuthor } } } }""",
        id=issue.node_id,
    )
    data = answer["data"]
    assert data["m0"]["clientMutationId"] == "x"
    assert data["m0"]["subject"] == {"id": issue.node_id}
    assert data["m1"] is None
    node = data["m2"]["commentEdge"]["node"]
    # GraphQL shows the bot without the suffix that REST and webhooks show.
    assert node == {
        "body": "Working",
        "author": {"login": "pals", "__typename": "Bot"},
        "viewerDidAuthor": True,
    }
    [error] = answer["errors"]
    assert (error["type"], error["path"]) == ("UNPROCESSABLE", ["m1"])
    assert world.forge.store.comments_of(issue)[0].author == "pals[bot]"
    groups = (await subject(world, issue.number))["reactionGroups"]
    assert len(groups) == len(ReactionContent)
    assert [g["content"] for g in groups if g["viewerHasReacted"]] == ["EYES"]


async def test_reacting_twice_is_reacting_once(world: World):
    issue = world.issue()
    query = (
        """mutation($id: ID!) { addReaction(input: {subjectId: $id, content: EYES}) { reaction { id } } }"""
    )
    first = await world.data(query, id=issue.node_id)
    assert await world.data(query, id=issue.node_id) == first
    assert len(world.forge.store.fresh(issue).reactions) == 1


async def test_labels_come_and_go_and_an_issue_closes(world: World):
    issue = world.issue()
    label = world.forge.create_label(world.repo, "agent:working")
    found = await world.data(
        """{ repository(owner: "octo", name: "names") {
               a: label(name: "Agent:Working") { id }
               b: label(name: "x") { id } } }"""
    )
    assert found["repository"] == {"a": {"id": label.node_id}, "b": None}
    change = """mutation($id: ID!, $labels: [ID!]!) { %s(input: {labelableId: $id, labelIds: $labels}) {
        labelable { labels(first: 5) { nodes { name } } } } }"""
    for name, left in (
        ("addLabelsToLabelable", [{"name": "agent:working"}]),
        ("addLabelsToLabelable", [{"name": "agent:working"}]),
        ("removeLabelsFromLabelable", []),
    ):
        made = await world.data(change % name, id=issue.node_id, labels=[label.node_id])
        assert made[name]["labelable"]["labels"]["nodes"] == left
    closed = await world.data(
        """mutation($id: ID!) {
             closeIssue(input: {issueId: $id, stateReason: NOT_PLANNED}) { issue { state stateReason } } }""",
        id=issue.node_id,
    )
    assert closed["closeIssue"]["issue"] == {"state": "CLOSED", "stateReason": "NOT_PLANNED"}
    assert (await world.events()).count("issues.labeled") == 1


async def test_a_pull_request_from_draft_to_closed(world: World):
    issue = world.issue()
    pull = await world.pull(body="Fixes #1. See also closes: #77", draft=True)
    got = await subject(world, pull.number)
    assert (got["isDraft"], got["mergeable"], got["reviewDecision"]) == (True, "MERGEABLE", None)
    assert got["closingIssuesReferences"]["nodes"] == [{"number": issue.number}]
    world.forge.review(pull, "bob", "APPROVED")
    # bob has no write access: his opinion does not decide.
    assert (await subject(world, pull.number))["reviewDecision"] is None
    world.forge.review(pull, "ana", "CHANGES_REQUESTED", "Not yet")
    got = await subject(world, pull.number)
    assert got["reviewDecision"] == "CHANGES_REQUESTED"
    assert [r["commit"]["oid"] for r in got["reviews"]["nodes"]] == [pull.head_sha] * 2
    made = await world.data(
        """mutation($id: ID!) {
             a: markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } }
             b: updatePullRequest(input: {pullRequestId: $id, title: "Better", body: "New"}) {
               pullRequest { title body } }
             c: closePullRequest(input: {pullRequestId: $id}) { pullRequest { state } } }""",
        id=pull.node_id,
    )
    assert [payload["pullRequest"] for payload in made.values()] == [
        {"isDraft": False},
        {"title": "Better", "body": "New"},
        {"state": "CLOSED"},
    ]
    assert (await world.hook("pull_request.edited"))["changes"]["title"] == {"from": "Improve names"}


async def test_a_conflict_is_seen(world: World):
    pull = await world.pull()
    await world.forge.push(world.repo, "ana", {"names.py": "other\n"}, message="Collide")
    assert (await subject(world, pull.number))["mergeable"] == "CONFLICTING"


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("agent/1-1", "A pull request already exists for octo:agent/1-1."),
        ("same", "No commits between main and same"),
        ("missing", "Head sha can't be blank"),
    ],
)
async def test_github_refuses_some_pull_requests(world: World, head: str, message: str):
    await world.pull()
    main = await world.forge.git.sha(world.repo, "refs/heads/main")
    await world.forge.git.set_ref(world.repo, "refs/heads/same", main)
    answer = await world.graphql(
        """mutation($input: CreatePullRequestInput!) {
             createPullRequest(input: $input) { pullRequest { number } } }""",
        input={"repositoryId": world.repo.node_id, "baseRefName": "main", "headRefName": head, "title": "T"},
    )
    assert answer["data"] == {"createPullRequest": None}
    [error] = answer["errors"]
    assert error["type"] == "UNPROCESSABLE"
    assert message in error["message"]


async def test_pull_requests_are_found_by_branch_newest_first(world: World):
    first = await world.pull()
    world.forge.close_issue(first, "ana")
    second = await world.pull()
    found = await world.data(
        """{ repository(owner: "octo", name: "names") {
               all: pullRequests(headRefName: "agent/1-1", first: 5,
                                 orderBy: {field: CREATED_AT, direction: DESC}) { nodes { number } }
               open: pullRequests(headRefName: "agent/1-1", first: 5, states: [OPEN]) { nodes { number } }
               none: pullRequests(headRefName: "agent/9-9", first: 5) { nodes { number } } } }"""
    )
    numbers = {key: [n["number"] for n in page["nodes"]] for key, page in found["repository"].items()}
    assert numbers == {"all": [second.number, first.number], "open": [second.number], "none": []}


async def test_issues_are_paged_and_filtered(world: World):
    for n in range(7):
        issue = world.issue(f"Issue {n}")
        if n % 2:
            world.forge.add_label(issue, "ana", "agent:ready")
    query = """query($after: String) { repository(owner: "octo", name: "names") {
        issues(first: 2, after: $after, labels: ["agent:ready"], states: [OPEN]) {
          totalCount nodes { number } pageInfo { hasNextPage endCursor } } } }"""
    page = (await world.data(query))["repository"]["issues"]
    assert (page["totalCount"], [n["number"] for n in page["nodes"]]) == (3, [2, 4])
    page = (await world.data(query, after=page["pageInfo"]["endCursor"]))["repository"]["issues"]
    assert ([n["number"] for n in page["nodes"]], page["pageInfo"]["hasNextPage"]) == ([6], False)


@pytest.mark.parametrize(
    ("bounds", "kind"),
    [
        ("", "MISSING_PAGINATION_BOUNDARIES"),
        ("(first: 101)", "EXCESSIVE_PAGINATION"),
        ('(first: 1, after: "what")', "INVALID_CURSOR_ARGUMENTS"),
    ],
)
async def test_a_page_needs_sensible_bounds(world: World, bounds: str, kind: str):
    answer = await world.graphql(
        f'{{ repository(owner: "octo", name: "names") {{ issues{bounds} {{ totalCount }} }} }}'
    )
    assert answer["errors"][0]["type"] == kind


async def test_what_is_not_there_is_not_found(world: World):
    answer = await world.graphql(
        """{ a: repository(owner: "octo", name: "nothing") { id }
             b: repository(owner: "octo", name: "names") { issueOrPullRequest(number: 9) { __typename } }
             c: node(id: "I_invented") { id } }"""
    )
    assert [error["type"] for error in answer["errors"]] == ["NOT_FOUND"] * 3
    assert answer["errors"][0]["message"] == "Could not resolve to a Repository with the name 'octo/nothing'."
    assert [error["path"] for error in answer["errors"]] == [["a"], ["b", "issueOrPullRequest"], ["c"]]


async def test_a_query_that_is_not_githubs_is_refused(world: World):
    answer = await world.graphql("{ repository { wishes } }")
    assert "data" not in answer
    answer = await world.graphql("{ repository(")
    assert "Syntax Error" in answer["errors"][0]["message"]


@pytest.mark.parametrize("oid", ["main", "--all", "A" * 40, "0" * 39])
async def test_an_object_id_is_forty_hex_digits(world: World, oid: str):
    literal = f'{{ repository(owner: "octo", name: "names") {{ object(oid: "{oid}") {{ oid }} }} }}'
    variable = """query($oid: GitObjectID!) {
        repository(owner: "octo", name: "names") { object(oid: $oid) { oid } } }"""
    for answer in (await world.graphql(literal), await world.graphql(variable, oid=oid)):
        assert "is not a git object id" in answer["errors"][0]["message"]


async def test_refs_and_objects_are_found_by_name(world: World):
    head = await world.branch("topic")
    await world.forge.git.set_ref(world.repo, "refs/pushpals/jobs/1-1", head)
    got = await world.data(
        """{ repository(owner: "octo", name: "names") {
               full: ref(qualifiedName: "refs/heads/topic") { name prefix target { oid } }
               short: ref(qualifiedName: "topic") { name }
               own: ref(qualifiedName: "refs/pushpals/jobs/1-1") { target { oid } }
               none: ref(qualifiedName: "nothing") { name }
               file: object(expression: "topic:names.py") { __typename oid }
               option: object(expression: "--all") { oid } } }"""
    )
    found = got["repository"]
    assert found["full"] == {"name": "topic", "prefix": "refs/heads/", "target": {"oid": head}}
    assert (found["short"], found["own"]) == ({"name": "topic"}, {"target": {"oid": head}})
    assert (found["none"], found["option"], found["file"]["__typename"]) == (None, None, "Blob")


WRITES = {
    "issues": ['addComment(input: {subjectId: "$issue", body: "x"}) { subject { id } }'],
    "pull_requests": ['closePullRequest(input: {pullRequestId: "$pull"}) { pullRequest { id } }'],
    "checks": [
        'createCheckRun(input: {repositoryId: "$repo", headSha: "$sha", name: "x"}) { checkRun { id } }',
    ],
}


@pytest.mark.parametrize("allowed", [*WRITES, "contents"])
async def test_each_write_needs_its_permission(world: World, allowed: str):
    issue, pull = world.issue(), await world.pull()
    values = {
        "$issue": issue.node_id,
        "$pull": pull.node_id,
        "$repo": world.repo.node_id,
        "$sha": pull.head_sha,
    }
    token = await world.mint(permissions={allowed: "write"})
    for needed, writes in WRITES.items():
        for write in writes:
            text = write
            for name, value in values.items():
                text = text.replace(name, value)
            answer = await world.graphql(f"mutation {{ {text} }}", token=token)
            if needed == allowed:
                assert "errors" not in answer
            else:
                [error] = answer["errors"]
                assert (error["type"], error["message"]) == (
                    "FORBIDDEN",
                    "Resource not accessible by integration",
                )


async def test_a_narrow_token_can_not_reach_another_repository(world: World):
    other = await world.forge.create_repo("octo", "other", {"a": "b"})
    world.forge.install(world.app, [other])
    issue = world.forge.create_issue(other, "ana", "Elsewhere")
    token = await world.mint(repositories=["names"])
    answer = await world.graphql(
        """mutation($id: ID!) { addComment(input: {subjectId: $id, body: "x"}) { subject { id } } }""",
        token=token,
        id=issue.node_id,
    )
    assert answer["errors"][0]["type"] == "NOT_FOUND"
    answer = await world.graphql('{ repository(owner: "octo", name: "other") { id } }', token=token)
    assert answer["errors"][0]["type"] == "NOT_FOUND"


async def test_installation_tokens_are_no_node_of_the_graph(world: World):
    await world.token()
    store = world.forge.store
    hidden = [*store.tokens.values(), *store.apps.values(), *store.installations.values()]
    for record in hidden:
        answer = await world.graphql("query($id: ID!) { node(id: $id) { id } }", id=record.node_id)
        assert answer["errors"][0]["type"] == "NOT_FOUND"


async def test_the_allowance_and_the_viewer(world: World):
    got = await world.data("{ rateLimit { cost limit remaining used resetAt } viewer { login databaseId } }")
    assert (got["rateLimit"]["cost"], got["rateLimit"]["limit"]) == (1, 5000)
    assert got["rateLimit"]["remaining"] + got["rateLimit"]["used"] == 5000
    assert got["viewer"] == {"login": "pals[bot]", "databaseId": world.forge.store.account("pals[bot]").id}
