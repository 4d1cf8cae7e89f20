"""The promises of `tests/conftest.py`: CI runs every test, and a smaller machine says what it leaves out."""

import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).with_name("conftest.py")
INI = """
[pytest]
addopts = -p xdist -p no:cacheprovider
markers =
  docker: an engine
  browser: a browser
"""
NO_ENGINE = "unix:///nonexistent/docker.sock"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A test suite of its own under our conftest, on a machine with neither an engine nor Chromium."""
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makeini(INI)
    (pytester.path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(pytester.path / "bin"))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # The others only take time to load.
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    monkeypatch.delenv("PUSHPALS_REQUIRE_ALL", raising=False)
    return pytester


@pytest.fixture
def complete(suite: pytest.Pytester) -> pytest.Pytester:
    """The same on a machine said to lack nothing, so that the tests alone decide."""
    suite.makeconftest(CONFTEST.read_text() + "\n\ndef missing():\n    return {}\n")
    return suite


def install_chromium(suite: pytest.Pytester) -> None:
    browser = suite.path / "bin" / "chromium"
    browser.write_text(f"#!{sys.executable}\n")
    browser.chmod(0o755)


@pytest.mark.parametrize("workers", ["0", "2"])
def test_what_the_machine_lacks_is_left_out_and_named(suite: pytest.Pytester, workers: str) -> None:
    suite.makepyfile(
        """
        import pytest
        @pytest.mark.docker
        def test_engine(): assert False
        @pytest.mark.browser
        def test_page(): assert False
        def test_plain(): pass
        """,
    )
    result = suite.runpytest_subprocess("-n", workers)
    assert result.ret == 0
    result.assert_outcomes(passed=1, deselected=0 if workers == "2" else 2)
    result.stdout.fnmatch_lines(
        [
            "left out: tests marked docker, because no Docker engine answers",
            "left out: tests marked browser, because Chromium is not installed",
        ],
    )


def test_browser_tests_get_the_browser_that_is_there(suite: pytest.Pytester) -> None:
    install_chromium(suite)
    suite.makepyfile(
        """
        import pytest
        @pytest.mark.browser
        def test_page(chromium): assert chromium.endswith("bin/chromium")
        """,
    )
    result = suite.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*marked browser*")


def test_ci_refuses_a_machine_that_cannot_run_all(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUSHPALS_REQUIRE_ALL", "1")
    suite.makepyfile("def test_plain(): pass")
    result = suite.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no Docker engine answers, Chromium is not installed*"])


SKIPS = {
    "in a test": "import pytest\ndef test_a(): pytest.skip('later')",
    "by a mark": "import pytest\n@pytest.mark.skipif(True, reason='later')\ndef test_a(): pass",
    "in a module": "import pytest\npytest.importorskip('no_such_module')\ndef test_a(): pass",
}


@pytest.mark.parametrize("source", SKIPS.values(), ids=SKIPS.keys())
def test_a_skipped_test_fails_ci(
    complete: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    complete.makepyfile(test_skips=source, test_runs="def test_b(): pass")
    monkeypatch.setenv("PUSHPALS_REQUIRE_ALL", "1")
    result = complete.runpytest_subprocess("-n", "2")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*this run fails, because tests were skipped"])


def test_a_skipped_test_fails_nobody_else(complete: pytest.Pytester) -> None:
    complete.makepyfile(SKIPS["in a test"])
    result = complete.runpytest_subprocess()
    assert result.ret == 0
    result.assert_outcomes(skipped=1)


def test_ci_is_content_when_every_test_ran(
    complete: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUSHPALS_REQUIRE_ALL", "1")
    complete.makepyfile("def test_plain(): pass")
    result = complete.runpytest_subprocess()
    assert result.ret == 0
    result.assert_outcomes(passed=1)
