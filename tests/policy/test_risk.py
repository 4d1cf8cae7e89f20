"""The floor under a change's risk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pushpals.model import FileChange, Risk
from pushpals.policy.repo_policy import RepoPolicy, Scope
from pushpals.policy.risk import floor, is_test


def changed(path: str, added: int = 1, *, deleted: bool = False) -> FileChange:
    status, mode = ("deleted", "000000") if deleted else ("modified", "100644")
    return FileChange.model_validate(
        {"path": path, "status": status, "added": added, "removed": 0, "mode": mode}
    )


def test_a_small_change_of_ordinary_code_is_low() -> None:
    assert floor([changed("src/names.py"), changed("README.md")], RepoPolicy()) == (Risk.LOW, ())


@pytest.mark.parametrize(
    ("path", "risk", "rule"),
    [
        ("src/auth.py", Risk.HIGH, "access control"),
        ("src/OAuthClient.ts", Risk.HIGH, "access control"),
        ("app/user_permissions.rb", Risk.HIGH, "access control"),
        ("lib/crypto/box.c", Risk.HIGH, "cryptography"),
        ("lib/jwt_tools.go", Risk.HIGH, "cryptography"),
        ("db/migrations/0001_x.sql", Risk.HIGH, "migration"),
        (".github/workflows/ci.yml", Risk.HIGH, "built-in rule"),
        ("pyproject.toml", Risk.MEDIUM, "dependencies"),
        ("web/package-lock.json", Risk.MEDIUM, "dependencies"),
        ("requirements/dev.txt", Risk.MEDIUM, "dependencies"),
        ("Dockerfile", Risk.MEDIUM, "build"),
        ("src/app/__init__.py", Risk.MEDIUM, "public interface"),
        ("types/index.d.ts", Risk.MEDIUM, "public interface"),
        # A folder called auth is an area, and an author is no authentication.
        ("auth/names.py", Risk.LOW, None),
        ("src/authors.py", Risk.LOW, None),
        ("tests/test_auth.py", Risk.LOW, None),
        ("tests/__init__.py", Risk.LOW, None),
        ("src/tlsx.py", Risk.LOW, None),
    ],
)
def test_a_path_sets_a_floor_and_names_its_rule(path: str, risk: Risk, rule: str | None) -> None:
    found, reasons = floor([changed(path)], RepoPolicy())
    assert found is risk
    assert [rule in reason for reason in reasons if rule] == [True] * bool(rule)
    assert floor([path], RepoPolicy()) == (found, reasons)


def test_the_gravest_reason_comes_first() -> None:
    risk, reasons = floor([changed("go.mod"), changed("src/auth.py")], RepoPolicy())
    assert risk is Risk.HIGH
    assert reasons == (
        "`src/auth.py` changes (rule: access control)",
        "`go.mod` changes (rule: dependencies)",
    )


def test_paths_the_policy_protects_are_high() -> None:
    policy = RepoPolicy(scope=Scope(protected=("billing/",)))
    assert floor([changed("billing/a.py")], policy)[0] is Risk.HIGH


@pytest.mark.parametrize(
    ("files", "risk"),
    [
        ([changed(f"{n}.py") for n in range(10)], Risk.LOW),
        ([changed(f"{n}.py") for n in range(11)], Risk.MEDIUM),
        ([changed("a.py", 300)], Risk.LOW),
        ([changed("a.py", 301)], Risk.MEDIUM),
        ([changed("a.py", deleted=True)], Risk.MEDIUM),
        ([changed("tests/test_a.py", deleted=True)], Risk.MEDIUM),
    ],
)
def test_size_and_deletions_set_a_floor(files: list[FileChange], risk: Risk) -> None:
    assert floor(files, RepoPolicy())[0] is risk


@pytest.mark.parametrize(
    "path", ["tests/a.py", "src/tests/data.json", "test_a.py", "a_test.go", "x/a.spec.ts"]
)
def test_tests_are_known_by_their_names(path: str) -> None:
    assert is_test(path)
    assert not is_test("src/" + path.replace("test", "tent").replace("spec", "spot"))


PATHS = st.sampled_from(["a.py", "auth.py", "go.mod", "x/__init__.py", "tests/x.py", ".github/pushpals.yml"])


@given(st.lists(PATHS, max_size=12), PATHS)
def test_more_files_never_mean_less_risk(paths: list[str], another: str) -> None:
    assert floor([*paths, another], RepoPolicy())[0].rank >= floor(paths, RepoPolicy())[0].rank
