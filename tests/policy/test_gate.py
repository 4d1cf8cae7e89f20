"""The gate in one call."""

from pushpals.model import FileChange
from pushpals.policy.gate import check_patch
from pushpals.policy.repo_policy import Limits, RepoPolicy

DIFF = b"diff --git a/x.py b/x.py\nindex 1..2 100644\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n"
X = FileChange(path="x.py", status="modified", added=1, removed=1, mode="100644")
Y = X.model_copy(update={"path": "y.py"})


def rules(diff: bytes, *files: FileChange, policy: RepoPolicy | None = None) -> list[str]:
    return [finding.rule for finding in check_patch(diff, files, ("**",), policy or RepoPolicy())]


def test_an_ordinary_change_passes() -> None:
    assert rules(DIFF, X) == []


def test_scope_size_and_secrets_are_all_looked_at() -> None:
    secret = DIFF.replace(b"+b", b"+ghp_" + b"x" * 40)
    policy = RepoPolicy(limits=Limits(file_bytes=10))
    outside = check_patch(secret, (X,), ("docs/",), policy)
    assert [finding.rule for finding in outside] == ["task.scope", "limits.file_bytes", "secret"]


def test_neither_the_list_nor_the_diff_can_hide_a_file() -> None:
    assert rules(DIFF) == ["diff"]
    assert rules(DIFF, X, Y) == ["diff"]
    assert rules(DIFF, X, X) == ["diff"]
    assert rules(DIFF + DIFF.replace(b"x.py", b"y.py"), X) == ["diff"]
    assert rules(DIFF + DIFF, X) == ["diff"]


def test_a_damaged_diff_stops_the_change() -> None:
    assert rules(DIFF[:-3], X) == ["diff"]
