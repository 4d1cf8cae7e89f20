"""What the repository promises as a tree of files: locks that fit the project and name no address."""

import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
# A lock that names an index installs from it wherever it is used. Spelled so that this file names none.
HOSTS = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("deb", "debian", "org"),
    ]
]


def tracked() -> Iterator[Path]:
    """Yield the tracked files that exist."""
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    for name in filter(None, names.stdout.split("\0")):
        path = ROOT / name
        if path.is_file() and not path.is_symlink():
            yield path


def test_no_file_names_a_package_host() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked()
        for host in HOSTS
        if host.encode() in path.read_bytes()
    ]
    assert found == []


def pins(lock: str) -> dict[str, Requirement]:
    """Return the pinned requirements of a lock, by name; every one of them must carry a hash."""
    entries = (ROOT / "requirements" / lock).read_text().replace("\\\n", " ").splitlines()
    lines = [line for line in entries if line.strip() and not line.startswith("#")]
    assert all(" --hash=sha256:" in line for line in lines)
    found = [Requirement(line.partition(" --hash")[0]) for line in lines]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def declared(*extras: str) -> list[Requirement]:
    """Return what `pyproject.toml` asks for, with the extras and what builds the project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    options = project["project"]["optional-dependencies"]
    lines = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    return [Requirement(line) for line in [*lines, *(line for extra in extras for line in options[extra])]]


@pytest.mark.parametrize(("lock", "extras"), [("demo.txt", ["local"]), ("dev.txt", ["local", "dev"])])
def test_the_lock_holds_what_the_project_declares(lock: str, extras: list[str]) -> None:
    locked = pins(lock)
    for wanted in declared(*extras):
        pin = locked.get(canonicalize_name(wanted.name))
        assert pin is not None, f"{wanted} is not in {lock}: run make lock"
        version = str(pin.specifier).removeprefix("==")
        assert wanted.specifier.contains(version), f"{pin} does not fit {wanted}: run make lock"


def test_the_demo_runs_what_the_tests_ran() -> None:
    tested = pins("dev.txt")
    for name, pin in pins("demo.txt").items():
        assert tested[name].specifier == pin.specifier


@pytest.mark.parametrize("target", ["setup", "demo", "test"])
def test_make_refuses_an_old_python_in_plain_words(tmp_path: Path, target: str) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    made = subprocess.run(
        ["make", target, f"PYTHON={old}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert made.returncode != 0
    assert "PushPals needs Python 3.11 or newer" in made.stdout
    assert not (tmp_path / ".venv").exists()
