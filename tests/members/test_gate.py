"""The gate over a bench of plain values: what stops a patch, and what is said of one that passes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.model import CheckResult, FailureKind, FileChange, JobRecord, Patch, Risk, Sha, Task
from pushpals.policy.repo_policy import RepoPolicy, Scope
from pushpals.review_agent import review
from pushpals.source_control import Gated, gate
from pushpals.source_control.gate import better_than_base
from tests.loop.snapshots import BASE, TREE, job, sha
from tests.members.test_review import diff

CODE, TEST = "auth/names.py", "tests/test_names.py"
WITH_TESTS = sha("base with the patch's tests")
JUDGED = sha("tree with the base's tests")


def ran(*failing: str, tests: int = 4, command: str = "pytest -q", ended: str = "exited") -> CheckResult:
    return CheckResult(
        command=command,
        exit_code=(1 if failing else 0) if ended == "exited" else None,
        ended=ended,
        passed=tests - len(failing),
        failed=len(failing),
        failing=failing,
    )


def changed(path: str, status: str = "modified") -> FileChange:
    return FileChange.model_validate(
        {"path": path, "status": status, "added": 1, "removed": 0, "mode": "100644"}
    )


@dataclass
class Bench:
    """Git and the sandbox as tables: what changed, and how the checks end on each tree."""

    files: tuple[FileChange, ...]
    results: Mapping[Sha, CheckResult] = field(default_factory=dict)
    checked: list[Sha] = field(default_factory=list)
    whole: bytes = b""

    async def apply(self, patch: Patch) -> Sha:
        return TREE

    async def changes(self, base: Sha, tree: Sha) -> tuple[FileChange, ...]:
        assert (base, tree) == (BASE, TREE)
        return self.files

    async def diff(self, base: Sha, tree: Sha) -> bytes:
        return self.whole

    async def overlay(self, onto: Sha, source: Sha, paths: Sequence[str]) -> Sha:
        assert paths
        return {(BASE, TREE): WITH_TESTS, (TREE, BASE): JUDGED}[onto, source]

    async def check(self, tree: Sha, task: Task) -> tuple[CheckResult, ...]:
        self.checked.append(tree)
        return tuple(self.results[tree].model_copy(update={"command": command}) for command in task.checks)


def judge(
    bench: Bench,
    patch: bytes | None = None,
    policy: RepoPolicy | None = None,
    record: JobRecord | None = None,
) -> Gated:
    """Return the gate's verdict on a patch; without one, on a diff that names what the bench says changed."""
    text = b"".join(diff(file.path, "x = 1") for file in bench.files) if patch is None else patch
    given_patch = Patch(base=BASE, diff=text, files=())
    return asyncio.run(gate(record or job(), given_patch, policy or RepoPolicy(), bench, review))


# What stops a patch


@pytest.mark.parametrize(
    ("path", "line", "rule"),
    [(CODE, "<<<<<<< ours", "conflict-marker"), (TEST, "@pytest.mark.skip", "test-skipped")],
)
def test_what_the_review_objects_to_goes_back_once_and_then_passes_with_the_objection(
    path: str, line: str, rule: str
) -> None:
    bench = Bench((changed(path),), {tree: ran() for tree in (TREE, BASE, WITH_TESTS, JUDGED)})
    first = judge(bench, diff(path, line))
    assert (first.sent_back, first.failure, first.report.evidence, bench.checked) == (True, None, None, [])
    second = judge(bench, diff(path, line), record=job(sent_back=1))
    assert (second.sent_back, second.failure) == (False, None)
    assert second.report.evidence
    for verdict in (first, second):
        assert [finding.rule for finding in verdict.report.findings if finding.blocking] == [rule]


def test_what_the_policy_forbids_stops_a_patch_that_the_review_objects_to_as_well() -> None:
    bench = Bench((changed(".github/workflows/ci.yml"),))
    verdict = judge(bench, diff(".github/workflows/ci.yml", "<<<<<<< ours"))
    assert verdict.failure
    assert not verdict.sent_back


def test_a_patch_that_changes_nothing_is_no_change() -> None:
    bench = Bench(())
    verdict = judge(bench)
    assert verdict.failure
    assert verdict.failure.kind is FailureKind.NO_CHANGE
    assert bench.checked == []


@pytest.mark.parametrize(
    ("path", "line", "kind", "rule"),
    [
        (".github/workflows/ci.yml", "x: 1", FailureKind.POLICY, None),
        (CODE, "token = 'ghp_" + "x" * 36 + "'", FailureKind.SECRET, "secret"),
        ("docs/a.md", "outside of the scope", FailureKind.POLICY, None),
    ],
)
def test_what_a_rule_forbids_stops_before_any_check_runs(
    path: str, line: str, kind: FailureKind, rule: str | None
) -> None:
    bench = Bench((changed(path),))
    policy = RepoPolicy(scope=Scope(write=("auth/", "tests/", ".github/")))
    verdict = judge(bench, diff(path, line), policy)
    assert verdict.failure
    assert verdict.failure.kind is kind
    assert verdict.failure.rule == (rule or verdict.report.findings[0].rule)
    assert path in verdict.failure.cause
    assert bench.checked == []
    assert verdict.report.evidence is None
    assert verdict.report.files == bench.files


def test_among_several_reasons_a_secret_is_named() -> None:
    bench = Bench((changed(CODE), changed("setup.sh")))
    patch = diff("setup.sh", "<<<<<<< ours") + diff(CODE, "token = 'ghp_" + "x" * 36 + "'")
    verdict = judge(bench, patch, RepoPolicy(scope=Scope(write=("auth/",))))
    assert verdict.failure
    assert (verdict.failure.kind, verdict.failure.rule) == (FailureKind.SECRET, "secret")
    assert CODE in verdict.failure.cause
    assert "And 1 more." in verdict.failure.cause
    assert "ghp_" not in verdict.failure.cause


def test_words_that_hold_a_secret_are_withheld_and_the_change_goes_on() -> None:
    bench = Bench((changed(CODE),), {BASE: ran("a"), TREE: ran()})
    told = job().report.model_copy(update={"words": "I used it.\nghp_" + "x" * 36, "refused": ("`curl`",)})
    verdict = judge(bench, record=job(report=told))
    assert verdict.failure is None
    assert verdict.report.words == ""
    assert len(verdict.report.refused) == 2
    assert "worker's own words are left out" in verdict.report.refused[1]
    assert "ghp_" not in verdict.report.model_dump_json()
    harmless = told.model_copy(update={"words": "I used a token."})
    assert judge(bench, record=job(report=harmless)).report.words == "I used a token."


def test_a_damaged_diff_stops_the_patch_in_words() -> None:
    verdict = judge(Bench((changed(CODE),)), diff(CODE, "x = 1")[:-8])
    assert verdict.failure
    assert (verdict.failure.kind, verdict.failure.rule) == (FailureKind.POLICY, "diff")


def test_red_checks_stop_the_patch_and_are_named() -> None:
    bench = Bench((changed(CODE),), {BASE: ran("a"), TREE: ran("b")})
    verdict = judge(bench)
    assert verdict.failure
    assert verdict.failure.kind is FailureKind.CHECKS
    assert "`pytest -q`: 1 failed, 3 passed" in verdict.failure.cause
    assert verdict.report.evidence
    assert verdict.report.evidence.thin is None


# What is said of one that passes


def test_a_proven_change_passes_with_its_evidence_and_its_risk() -> None:
    bench = Bench((changed("pyproject.toml"),), {BASE: ran("a"), TREE: ran(), JUDGED: ran()})
    verdict = judge(bench)
    assert (verdict.failure, verdict.tree) == (None, TREE)
    assert verdict.report.risk is Risk.MEDIUM
    assert verdict.report.risk_reasons == ("`pyproject.toml` changes (rule: dependencies)",)
    evidence = verdict.report.evidence
    assert evidence
    assert (evidence.tree, evidence.base, evidence.head, evidence.thin) == (TREE, (ran("a"),), (ran(),), None)


def test_the_risk_of_the_task_is_never_lowered() -> None:
    bench = Bench((changed(CODE),), {BASE: ran("a"), TREE: ran()})
    task = job().task.model_copy(update={"risk": Risk.HIGH})
    assert judge(bench, record=job(task=task)).report.risk is Risk.HIGH


def test_a_new_test_counts_by_failing_on_base() -> None:
    bench = Bench((changed(CODE), changed(TEST, "added")), {WITH_TESTS: ran("new"), TREE: ran()})
    verdict = judge(bench)
    assert verdict.report.evidence
    assert verdict.report.evidence.thin is None
    assert sorted(bench.checked) == sorted([WITH_TESTS, TREE])


@pytest.mark.parametrize(("judged", "thin"), [(ran(), False), (ran("old"), True)])
def test_edited_tests_are_judged_by_their_former_text(judged: CheckResult, *, thin: bool) -> None:
    bench = Bench((changed(CODE), changed(TEST)), {WITH_TESTS: ran("a"), TREE: ran(), JUDGED: judged})
    verdict = judge(bench)
    assert verdict.failure is None
    assert verdict.report.evidence
    said = verdict.report.evidence.thin or ""
    assert (TEST in said and "with their former text the checks fail" in said) is thin
    assert JUDGED in bench.checked


@pytest.mark.parametrize("path", ["pyproject.toml", "unittest.py", "sub/conftest.py", "Makefile"])
def test_a_change_that_rewrote_its_judge_is_not_called_proven(path: str) -> None:
    results = {BASE: ran("a"), WITH_TESTS: ran("a"), TREE: ran(), JUDGED: ran("a")}
    verdict = judge(Bench((changed(CODE), changed(path, "added")), results))
    assert verdict.report.evidence
    assert "what decides how the checks run was edited" in (verdict.report.evidence.thin or "")


def test_a_change_after_which_fewer_tests_run_is_not_called_proven() -> None:
    for head in (ran(tests=2), ran().model_copy(update={"passed": None, "failed": None})):
        verdict = judge(Bench((changed(CODE),), {BASE: ran("a"), TREE: head}))
        assert verdict.report.evidence
        assert "ran 4 tests before the change" in (verdict.report.evidence.thin or "")


def test_checks_that_passed_before_prove_little() -> None:
    verdict = judge(Bench((changed(CODE),), {BASE: ran(), TREE: ran()}))
    assert verdict.failure is None
    assert verdict.report.evidence
    assert "passed before the change too" in (verdict.report.evidence.thin or "")


def test_tests_that_still_fail_are_counted_and_named() -> None:
    verdict = judge(Bench((changed(CODE),), {BASE: ran("a", "b", "c"), TREE: ran("b")}))
    assert verdict.failure is None
    assert verdict.report.evidence
    assert verdict.report.evidence.thin == "of 3 tests that failed before, 1 still fails: b."


def test_of_very_many_that_fail_only_what_is_known_is_said() -> None:
    many = ran("a", "b", "c").model_copy(update={"unnamed": 77})
    proven = judge(Bench((changed(CODE),), {BASE: many, TREE: ran("b")}))
    assert proven.failure is None
    assert proven.report.evidence
    assert proven.report.evidence.thin == "of 80 tests that failed before, at least 1 still fails: b."
    unknown = judge(Bench((changed(CODE),), {BASE: many, TREE: ran("b").model_copy(update={"unnamed": 9})}))
    assert unknown.failure
    assert unknown.failure.kind is FailureKind.CHECKS


@pytest.mark.parametrize("reason", ["none was recognised", None])
def test_without_checks_nothing_runs_and_the_reason_is_told(reason: str | None) -> None:
    bench = Bench((changed(CODE),))
    task = job().task.model_copy(update={"checks": (), "no_check_reason": reason})
    verdict = judge(bench, record=job(task=task))
    assert verdict.failure is None
    assert verdict.report.evidence
    assert verdict.report.evidence.thin == (reason or "the repository has no checks")
    assert bench.checked == []


# Better than base


@pytest.mark.parametrize(
    ("base", "head", "better"),
    [
        (ran("a"), ran(), True),
        (ran("a", "b"), ran("b"), True),
        (ran("a", "b"), ran("a", "b"), False),
        (ran("a", "b"), ran("b", "c"), False),
        (ran("a"), ran("b"), False),
        (ran(), ran("a"), False),
        (ran("a", "b"), ran("b", ended="timeout"), False),
        (ran("a"), CheckResult(command="pytest -q", exit_code=2), False),
        (ran("a", "b", command="other"), ran("b"), False),
        (ran("a", "b"), ran("b").model_copy(update={"unnamed": 1}), False),
        (ran("a", "b").model_copy(update={"unnamed": 1}), ran("b"), True),
    ],
    ids=[
        "green", "fewer", "as many", "one new", "another", "broken", "timeout", "no names", "not run before",
        "not all named", "not all named before",
    ],
)  # fmt: skip
def test_better_is_fewer_failing_tests_and_no_new_one(
    base: CheckResult, head: CheckResult, *, better: bool
) -> None:
    assert better_than_base((base,), (head,)) is better


names = st.sets(st.sampled_from("abcd"))


@given(st.lists(st.tuples(names, names), max_size=3))
def test_no_check_may_be_worse_for_the_whole_to_be_better(pairs: list[tuple[set[str], set[str]]]) -> None:
    base = [ran(*sorted(was), command=str(n)) for n, (was, _) in enumerate(pairs)]
    head = [ran(*sorted(now), command=str(n)) for n, (_, now) in enumerate(pairs)]
    assert better_than_base(base, head) is all(not now or now < was for was, now in pairs)
