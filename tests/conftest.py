"""What this machine can run, and the promise that CI runs all of it.

Tests marked `docker` and `browser` are left out where no engine answers or no Chromium is installed, and the
run says so. With PUSHPALS_REQUIRE_ALL=1 nothing is left out: what is missing stops the run, and a skipped
test fails it.
"""

import os
import shutil
import tempfile
from functools import cache

import pytest

REQUIRE_ALL = os.environ.get("PUSHPALS_REQUIRE_ALL") == "1"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
MARKERS = ("docker", "browser")
MEMORY = "/dev/shm"
ENOUGH_MEMORY = 4 << 30


def keep_temporary_files_in_memory() -> None:
    """Let `tmp_path` be in memory where there is room: thousands of small repositories are made.

    On a disk that takes a good part of the suite's time. Whoever sets TMPDIR has chosen otherwise.
    """
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    told = os.statvfs(MEMORY)
    if told.f_bavail * told.f_frsize >= ENOUGH_MEMORY and not told.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = MEMORY
        tempfile.tempdir = None


keep_temporary_files_in_memory()


def chromium_path() -> str | None:
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def engine_answers() -> bool:
    import docker  # noqa: PLC0415 - takes as long to import as most runs take; few of them ask

    try:
        client = docker.from_env(timeout=5)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except (docker.errors.DockerException, OSError):
        return False


@cache
def missing() -> dict[str, str]:
    """Return the markers whose tests cannot run here, each with the reason."""
    reasons = {}
    if not engine_answers():
        reasons["docker"] = "no Docker engine answers"
    if chromium_path() is None:
        reasons["browser"] = "Chromium is not installed"
    return reasons


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the Chromium that tests marked `browser` drive."""
    path = chromium_path()
    assert path is not None
    return path


def pytest_configure(config: pytest.Config) -> None:
    if REQUIRE_ALL and not is_worker(config) and missing():
        raise pytest.UsageError(f"PUSHPALS_REQUIRE_ALL=1, but {', '.join(missing().values())}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    needy = [item for item in items if any(map(item.get_closest_marker, MARKERS))]
    left_out = {item for item in needy if any(map(item.get_closest_marker, missing()))}
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=list(left_out))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    # Parallel workers do not tell what they deselected, so then the reasons are given in any case.
    parallel = terminalreporter.config.getoption("numprocesses", None)
    if parallel or terminalreporter.stats.get("deselected"):
        for marker, reason in missing().items():
            terminalreporter.write_line(f"left out: tests marked {marker}, because {reason}", yellow=True)
    if skipped(terminalreporter.config):
        terminalreporter.write_line(
            "PUSHPALS_REQUIRE_ALL=1: this run fails, because tests were skipped", red=True
        )


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def skipped(config: pytest.Config) -> bool:
    """Tell whether tests were skipped in a run that must run all of them."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return REQUIRE_ALL and not is_worker(config) and bool(reporter and reporter.stats.get("skipped"))


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
