"""The house rules hold in `bot/pushpals`, and the checker that says so notices each way to break them."""

import tomllib
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house import rules
from tests.house.rules import Violation
from tests.house.source import HOUSE, Module, load

ROOT = Path(__file__).parent.parent
Rule = Callable[[Mapping[str, Module]], Iterable[Violation]]
House = Callable[[dict[str, str]], Mapping[str, Module]]
RULES: list[Rule] = [
    rules.line_order,
    rules.cycles,
    rules.environment,
    rules.broad_except,
    rules.purity,
]


@pytest.fixture(scope="module")
def product() -> Mapping[str, Module]:
    return load(ROOT / "bot")


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Write a small package, given as {path: source}, and parse it."""

    def build(sources: dict[str, str]) -> Mapping[str, Module]:
        for name, source in {"__init__.py": "", **sources}.items():
            path = tmp_path / HOUSE / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return load(tmp_path)

    return build


def import_names(requirements: Iterable[str]) -> frozenset[str]:
    """Return the top-level names that the required distributions install."""
    wanted = {canonicalize_name(Requirement(line).name) for line in requirements}
    installed = packages_distributions().items()
    return frozenset(name for name, owners in installed if wanted & set(map(canonicalize_name, owners)))


def said(violations: Iterable[Violation]) -> list[str]:
    return sorted(map(str, violations))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_product_keeps_the_rule(product: Mapping[str, Module], rule: Rule) -> None:
    found = said(rule(product))
    assert not found, "\n".join(["", *found])


def test_the_product_imports_only_what_it_declares(product: Mapping[str, Module]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    everywhere = import_names(project["dependencies"])
    local = import_names(project["optional-dependencies"]["local"])
    assert {"aiohttp", "jwt", "git", "yaml"} <= everywhere
    found = said(rules.dependencies(product, everywhere, local))
    assert not found, "\n".join(["", *found])


def test_there_are_two_error_boundaries_at_most() -> None:
    assert len(set(rules.BROAD_EXCEPT)) == len(rules.BROAD_EXCEPT) <= rules.BOUNDARIES


def test_every_module_of_the_product_is_read(product: Mapping[str, Module]) -> None:
    assert len(product) == len(list((ROOT / "bot" / HOUSE).rglob("*.py")))


# What follows breaks the rules on purpose, in packages that live for one test.


@pytest.mark.parametrize(
    ("module", "source", "text"),
    [
        (
            "ledger/claims.py",
            "from pushpals.loop import decide",
            "'ledger' imports 'loop', which stands above it",
        ),
        ("ledger/claims.py", "import pushpals.loop.decide", "'ledger' imports 'loop', which stands above it"),
        ("ledger/claims.py", "from ..loop.decide import x", "'ledger' imports 'loop', which stands above it"),
        ("ledger/claims.py", "def f():\n    from pushpals import loop", "'ledger' imports 'loop'"),
        ("ledger/claims.py", "import importlib\nimportlib.import_module('pushpals.loop')", "imports 'loop'"),
        (
            "ledger/claims.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pushpals.loop import decide",
            "'ledger' imports 'loop', which stands above it",
        ),
        ("workerpals/a.py", "from pushpals.localbuddy import talk", "do not import each other"),
        ("git/mirror.py", "from pushpals.github.client import Client", "do not import each other"),
        ("server/app.py", "from pushpals.cli import main", "'server' imports 'cli'"),
        ("action.py", "from pushpals.cli import main", "do not import each other"),
        ("model.py", "from pushpals.policy import risk", "'model' imports 'policy'"),
        ("__init__.py", "from pushpals.model import Job", "'' imports 'model'"),
        ("gadgets/a.py", "", "the room 'gadgets' has no line"),
    ],
)
def test_an_import_against_the_line_order_is_found(house: House, module: str, source: str, text: str) -> None:
    [violation] = rules.line_order(house({module: source}))
    assert text in str(violation)


def test_imports_down_the_lines_are_fine(house: House) -> None:
    modules = house(
        {
            "cli.py": "from pushpals import __version__\nfrom pushpals.local import demo\nimport click",
            "server/app.py": "from pushpals.local import model\nimport pushpals.loop.act",
            "local/demo.py": "import pushpals.server.app\nfrom pushpals.local.forge import store",
            "loop/act.py": "from pushpals.workerpals import agent\nfrom pushpals.git.mirror import Mirror",
            "git/mirror.py": "from pushpals.model import Job\nfrom .errors import GitError",
            "git/errors.py": "",
        },
    )
    assert said(rules.line_order(modules)) == []


def test_a_cycle_is_found_even_through_a_local_import(house: House) -> None:
    modules = house(
        {
            "git/a.py": "from pushpals.git import b",
            "git/b.py": "from .c import x",
            "git/c.py": "def f():\n    import pushpals.git.a",
            "git/d.py": "from pushpals.git import a",
        },
    )
    [violation] = rules.cycles(modules)
    assert "pushpals.git.a, pushpals.git.b, pushpals.git.c" in str(violation)


def test_a_package_and_the_modules_it_offers_are_no_cycle(house: House) -> None:
    modules = house(
        {
            "git/__init__.py": "from pushpals.git.a import A",
            "git/a.py": "import pushpals.git.b",
            "git/b.py": "",
        }
    )
    assert said(rules.cycles(modules)) == []
    modules = house({"git/b.py": "from pushpals.git import A"})
    [violation] = rules.cycles(modules)
    assert "pushpals.git, pushpals.git.a, pushpals.git.b" in str(violation)


@pytest.mark.parametrize(
    "source",
    [
        "import os\nos.environ['HOME']",
        "import os as system\nsystem.getenv('HOME')",
        "from os import environ",
        "def f():\n    from os import getenv as ask",
        "from pydantic_settings import BaseSettings",
        "import docker\ndocker.from_env(timeout=3)",
    ],
)
def test_reading_the_environment_is_for_doors(house: House, source: str) -> None:
    modules = house({"git/mirror.py": source, "cli.py": source, "action.py": source, "server/app.py": source})
    [violation] = rules.environment(modules)
    assert violation.module == "pushpals.git.mirror"


def test_an_environment_passed_as_an_argument_is_fine(house: House) -> None:
    source = "import docker\ndef f(given):\n    docker.from_env(environment=given.environ)"
    assert said(rules.environment(house({"sandbox/a.py": source}))) == []


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    pass\nexcept:\n    pass",
        "try:\n    pass\nexcept Exception:\n    pass",
        "try:\n    pass\nexcept BaseException as error:\n    raise OSError from error",
        "try:\n    pass\nexcept (OSError, Exception):\n    pass",
        "for x in y:\n  try:\n    pass\n  except Exception:\n    if x:\n      break\n    raise",
        "try:\n    pass\nexcept* Exception:\n    pass",
        "import contextlib\nwith contextlib.suppress(OSError, Exception):\n    pass",
        "from contextlib import suppress as quiet\nwith quiet(Exception):\n    pass",
    ],
)
def test_catching_everything_is_found(house: House, source: str) -> None:
    [violation] = rules.broad_except(house({"loop/queue.py": source}), allowed=())
    assert "catches everything" in str(violation)


def test_catching_what_has_a_name_and_cleaning_up_are_fine(house: House) -> None:
    source = (
        "try:\n    pass\nexcept (OSError, ValueError):\n    pass\n"
        "try:\n    pass\nexcept BaseException:\n    close()\n    raise\n"
    )
    assert said(rules.broad_except(house({"loop/queue.py": source}), allowed=())) == []


def test_a_boundary_catches_everything_once_and_exists(house: House) -> None:
    caught = "        try:\n            pass\n        except Exception:\n            pass\n"
    place = "pushpals.loop.queue:Queue.work"
    head = "class Queue:\n    async def work(self):\n"
    assert said(rules.broad_except(house({"loop/queue.py": head + caught}), (place,))) == []
    [violation] = rules.broad_except(house({"loop/queue.py": head + caught + caught}), (place,))
    assert f"{place} catches everything" in str(violation)
    [violation] = rules.broad_except(house({"loop/queue.py": head + "        pass"}), (place,))
    assert "is listed and catches nothing broad" in str(violation)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("import asyncio", "imports asyncio"),
        ("from subprocess import run", "imports subprocess.run"),
        ("import os.path", "imports os"),
        ("def f():\n    import random", "imports random"),
        ("from datetime import datetime\ndatetime.now()", "calls datetime.datetime.now"),
        ("import datetime as dt\ndt.date.today()", "calls datetime.date.today"),
        ("open('rules')", "calls open"),
    ],
)
@pytest.mark.parametrize("module", ["policy/risk.py", "loop/decide.py"])
def test_io_and_clocks_in_pure_code_are_found(house: House, module: str, source: str, text: str) -> None:
    found = said(rules.purity(house({module: source, "loop/act.py": source})))
    assert found
    assert all(text in line or "imports os" in line for line in found)
    assert all(module.removesuffix(".py").replace("/", ".") in line for line in found)


def test_pure_code_leans_on_pure_code_and_takes_types_from_anywhere(house: House) -> None:
    modules = house(
        {
            "loop/decide.py": "from pushpals.loop.steps import Step\nfrom pushpals.git.diff import Diff",
            "loop/steps.py": "from .clock import now",
            "loop/clock.py": "import time",
            "git/diff.py": "import subprocess",
        },
    )
    [violation] = rules.purity(modules)
    assert violation.module == "pushpals.loop.clock"


def test_an_undeclared_dependency_is_found(house: House) -> None:
    source = "import json\nimport aiohttp\nimport graphql\nimport pytest\nfrom tests.fakes import Fake"
    modules = house({"git/a.py": source, "local/a.py": source})
    found = said(rules.dependencies(modules, frozenset({"aiohttp"}), frozenset({"graphql"})))
    assert [line.partition("]")[0] + line.partition("imports")[2] for line in found] == [
        "pushpals.git.a:3: [dependencies graphql, which is not declared for it",
        "pushpals.git.a:4: [dependencies pytest, which is not declared for it",
        "pushpals.git.a:5: [dependencies tests, which is not declared for it",
        "pushpals.local.a:4: [dependencies pytest, which is not declared for it",
        "pushpals.local.a:5: [dependencies tests, which is not declared for it",
    ]
