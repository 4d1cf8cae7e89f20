"""Every attack leads nowhere, and the same attack succeeds where its control is switched off."""

from __future__ import annotations

import importlib

import pytest

from tests.adversary.cases import AREAS, CASES, Case
from tests.adversary.controls import CONTROLS
from tests.adversary.stage import Breach, Stage

for area in AREAS:
    importlib.import_module(f"tests.adversary.{area}")
    importlib.import_module(f"tests.adversary.switches.{area}")

pytestmark = pytest.mark.thorough

EVERY = [
    pytest.param(each, id=each.name, marks=[pytest.mark.docker] if each.docker else []) for each in CASES
]


@pytest.mark.parametrize("case", EVERY)
async def test_the_attack_leads_nowhere(case: Case, stage: Stage) -> None:
    await case.body(stage)


@pytest.mark.parametrize("case", EVERY)
async def test_the_attack_succeeds_without_its_control(
    case: Case, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    CONTROLS[case.control].off(monkeypatch)
    with pytest.raises(Breach):
        await case.body(stage)


def test_there_are_enough_attacks_in_every_area() -> None:
    tried = {(case.area, case.tries) for case in CASES}
    assert len(tried) >= 80
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_control_is_proved_by_an_attack() -> None:
    assert {case.control for case in CASES} == CONTROLS.keys()
