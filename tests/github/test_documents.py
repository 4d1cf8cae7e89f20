"""Every GraphQL document is one GitHub would accept, and a cheap one; values never become part of it."""

from collections.abc import Iterator

import pytest
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    NoDeprecatedCustomRule,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)
from graphql.execution import get_variable_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pushpals.github import (
    AddComment,
    AddLabels,
    AddReaction,
    AddReview,
    Annotation,
    CheckAction,
    CloseIssue,
    ClosePullRequest,
    ConvertToDraft,
    CreateCheckRun,
    CreatePullRequest,
    DisableAutoMerge,
    EnableAutoMerge,
    LineComment,
    MergePullRequest,
    Mutation,
    ReadyForReview,
    RemoveLabels,
    ReplyToThread,
    ResolveThread,
    SubjectView,
    UpdateCheckRun,
    UpdateComment,
    UpdatePullRequest,
    WriteFailed,
    documents,
)
from pushpals.github import parse as views
from tests.github import mock

SHA = "0123456789" * 4
MAX = documents.MAX_ALIASES
text = st.text(max_size=20)
ids = st.lists(text, min_size=1, max_size=3).map(tuple)
check = {
    "repository_id": text,
    "name": text,
    "external_id": text,
    "status": st.sampled_from(["QUEUED", "IN_PROGRESS", "COMPLETED"]),
    "conclusion": st.sampled_from([None, "SUCCESS", "NEUTRAL", "FAILURE", "ACTION_REQUIRED"]),
    "title": text,
    "summary": text,
    "text": text,
    "details_url": st.sampled_from([None, "https://pushpals.example/42-1"]),
    "actions": st.lists(st.builds(CheckAction, text, text, text), max_size=3).map(tuple),
    "annotations": st.lists(
        st.builds(
            Annotation, text, st.integers(1, 9), st.sampled_from(["NOTICE", "WARNING", "FAILURE"]), text, text
        ),
        max_size=3,
    ).map(tuple),
}
merge = {
    "pull_id": text,
    "head": st.just(SHA),
    "method": st.sampled_from(["MERGE", "SQUASH", "REBASE"]),
    "headline": st.none() | text,
    "body": st.none() | text,
}
WRITES: dict[type[Mutation], st.SearchStrategy[Mutation]] = {
    AddReaction: st.builds(AddReaction, text, st.sampled_from(["EYES", "ROCKET"])),
    AddComment: st.builds(AddComment, text, text),
    UpdateComment: st.builds(UpdateComment, text, text),
    CreateCheckRun: st.builds(CreateCheckRun, **check, head_sha=st.just(SHA)),
    UpdateCheckRun: st.builds(UpdateCheckRun, **check, check_run_id=text),
    CreatePullRequest: st.builds(CreatePullRequest, text, text, text, text, text, st.booleans()),
    UpdatePullRequest: st.builds(UpdatePullRequest, text, *[st.none() | text] * 3),
    ReadyForReview: st.builds(ReadyForReview, text),
    ConvertToDraft: st.builds(ConvertToDraft, text),
    ClosePullRequest: st.builds(ClosePullRequest, text),
    DisableAutoMerge: st.builds(DisableAutoMerge, text),
    EnableAutoMerge: st.builds(EnableAutoMerge, **merge),
    MergePullRequest: st.builds(MergePullRequest, **merge),
    AddReview: st.builds(
        AddReview,
        text,
        text,
        st.lists(st.builds(LineComment, text, st.integers(1, 9), text), max_size=3).map(tuple),
        st.sampled_from([None, SHA]),
    ),
    ReplyToThread: st.builds(ReplyToThread, text, text),
    ResolveThread: st.builds(ResolveThread, text),
    AddLabels: st.builds(AddLabels, text, ids),
    RemoveLabels: st.builds(RemoveLabels, text, ids),
    CloseIssue: st.builds(CloseIssue, text, st.sampled_from(["COMPLETED", "NOT_PLANNED", "DUPLICATE"])),
}
writes = st.lists(st.one_of(*WRITES.values()), min_size=1, max_size=12)
asked = st.fixed_dictionaries(
    {
        "branches": st.lists(text, max_size=MAX, unique=True),
        "commits": st.lists(st.just(SHA), max_size=1),
        "labels": st.lists(text, max_size=MAX, unique=True),
    }
)
quick = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LARGEST = documents.subject(
    "o", "n", 1, app_id=31, branches=["b"] * MAX, commits=[SHA] * documents.MAX_COMMITS, labels=["l"] * MAX
)


def complaints(schema: GraphQLSchema, document: documents.Document) -> list[str]:
    """Return what GitHub would object to: in the document, and in the values of its variables."""
    tree = parse(document.text)
    found = [error.message for error in validate(schema, tree, [*specified_rules, NoDeprecatedCustomRule])]
    (operation,) = (d for d in tree.definitions if isinstance(d, OperationDefinitionNode))
    values = get_variable_values(schema, operation.variable_definitions or (), document.variables)
    if isinstance(values, list):
        found += [error.message for error in values]
    return found


@quick
@given(text, text, asked)
def test_github_accepts_every_subject_query(github_schema, owner, name, asked):
    assert complaints(github_schema, documents.subject(owner, name, 42, app_id=31, **asked)) == []


@quick
@given(writes)
def test_github_accepts_every_document_of_writes(github_schema, writes):
    assert complaints(github_schema, documents.write([write.compiled() for write in writes])) == []


def test_github_accepts_the_query_for_open_issues(github_schema):
    for after in (None, "cursor"):
        assert complaints(github_schema, documents.open_issues("o", "n", "agent:ready", after)) == []


def test_github_accepts_the_query_for_open_pull_requests_and_it_is_cheap(github_schema):
    for after in (None, "cursor"):
        document = documents.open_pulls("o", "n", "main", after)
        assert complaints(github_schema, document) == []
        nodes, requests = cost(document)
        assert nodes < 15_000
        assert requests / 100 < 10


def test_github_accepts_the_query_for_the_checks_of_commits(github_schema):
    for commits in ([SHA], [SHA] * MAX):
        assert complaints(github_schema, documents.ci("octo", "names", commits)) == []


def test_github_accepts_the_query_for_what_a_text_mentions(github_schema):
    for numbers in ([1], range(1, MAX + 1)):
        assert complaints(github_schema, documents.linked("octo", "names", numbers)) == []


def test_github_accepts_the_query_for_what_became_of_pull_requests(github_schema):
    for count in (1, MAX):
        branches = [f"agent/bug-fixer/{n}-1" for n in range(count)]
        assert complaints(github_schema, documents.outcomes("octo", "names", branches)) == []
    with pytest.raises(ValueError, match="at most 25"):
        documents.outcomes("octo", "names", ["x"] * (MAX + 1))


def test_every_kind_of_write_is_among_those_tried():
    def leaves(kind: type[Mutation]) -> Iterator[type[Mutation]]:
        below = kind.__subclasses__()
        yield from [kind] if not below else (leaf for sub in below for leaf in leaves(sub))

    assert set(leaves(Mutation)) == set(WRITES)  # type: ignore[type-abstract]


@quick
@given(st.data(), st.lists(st.sampled_from(list(WRITES)), min_size=1, max_size=6))
def test_a_document_of_writes_is_the_same_text_for_other_values(data, kinds):
    texts = {documents.write([data.draw(WRITES[kind]).compiled() for kind in kinds]).text for _ in range(2)}
    assert len(texts) == 1


@given(asked, asked)
def test_a_query_is_the_same_text_for_other_names(one, other):
    sizes = {kind: min(len(one[kind]), len(other[kind])) for kind in one}
    texts = {
        documents.subject(
            owner, "n", number, app_id=number, **{kind: names[kind][: sizes[kind]] for kind in sizes}
        ).text
        for owner, number, names in (("o", 1, one), ('"){', 2, other))
    }
    assert len(texts) == 1


@quick
@given(asked, st.randoms(use_true_random=False))
def test_every_answer_the_schema_allows_can_be_read(github_schema, asked, rng):
    document = documents.subject("octo", "names", 42, app_id=31, **asked)
    answer = mock.answer(github_schema, document, rng)
    assert "errors" not in answer
    view = views.subject(answer["data"], **asked)
    assert isinstance(view, SubjectView)
    assert (view.kind == "pull") == (view.pull is not None)
    assert set(view.pulls) == set(asked["branches"])


@quick
@given(writes, st.randoms(use_true_random=False), st.booleans())
def test_every_payload_the_schema_allows_can_be_read(github_schema, writes, rng, nulls):
    document = documents.write([write.compiled() for write in writes])
    answer = mock.answer(github_schema, document, rng, nulls=nulls)
    assert "errors" not in answer
    payloads = [answer["data"][f"m{n}"] for n in range(len(writes))]
    read = [write.written(payload or {}) for write, payload in zip(writes, payloads, strict=True)]
    assert nulls or not any(isinstance(view, WriteFailed) for view in read)


def test_the_largest_query_stays_far_below_the_node_limit_and_costs_little():
    nodes, requests = cost(LARGEST)
    assert nodes < 50_000  # GitHub's limit is 500,000.
    assert requests / 100 < 30  # Points; GitHub gives an installation at least 5,000 an hour.
    usual = documents.subject("o", "n", 1, app_id=31, branches=["b"], commits=[SHA], labels=["l"])
    assert cost(usual)[1] / 100 < 2


def cost(document: documents.Document) -> tuple[int, int]:
    """Return nodes and requests by GitHub's rules ("Rate limits and node limits for the GraphQL API").

    Both branches of the union are counted, so the truth is lower.
    """
    tree = parse(document.text)
    fragments = {d.name.value: d for d in tree.definitions if isinstance(d, FragmentDefinitionNode)}

    def walk(selections: SelectionSetNode | None, times: int) -> tuple[int, int]:
        nodes = requests = 0
        for node in selections.selections if selections else ():
            if isinstance(node, FragmentSpreadNode):
                more = walk(fragments[node.name.value].selection_set, times)
            elif isinstance(node, InlineFragmentNode):
                more = walk(node.selection_set, times)
            else:
                assert isinstance(node, FieldNode)
                more = field(node, times)
            nodes, requests = nodes + more[0], requests + more[1]
        return nodes, requests

    def field(node: FieldNode, times: int) -> tuple[int, int]:
        sizes = [
            int(a.value.value)
            for a in node.arguments or ()
            if a.name.value in {"first", "last"} and isinstance(a.value, IntValueNode)
        ]
        if not sizes:
            return walk(node.selection_set, times)
        nodes, requests = walk(node.selection_set, times * sizes[0])
        return nodes + times * sizes[0], requests + times

    (operation,) = (d for d in tree.definitions if isinstance(d, OperationDefinitionNode))
    return walk(operation.selection_set, 1)
