"""The register of controls: what each keeps, and how it is switched off in this process.

Switching off means: the product runs as it would if nobody had written that control. A control that no case
proves, and a case whose control is not here, fail the suite.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest

Off = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Control:
    """One control."""

    name: str
    keeps: str
    """What it sees to, as a phrase."""
    off: Off


CONTROLS: dict[str, Control] = {}


def control(name: str, keeps: str) -> Callable[[Off], Off]:
    """Register how a control is switched off."""

    def register(off: Off) -> Off:
        assert name not in CONTROLS, name
        CONTROLS[name] = Control(name, keeps, off)
        return off

    return register


def swapped(name: str, keeps: str, *places: str, by: object) -> None:
    """Register a control that is off when `places` (`module:attribute`) are replaced by something else."""

    def off(patch: pytest.MonkeyPatch) -> None:
        for place in places:
            module, _, path = place.partition(":")
            owner = importlib.import_module(module)
            *above, attribute = path.split(".")
            for part in above:
                owner = getattr(owner, part)
            patch.setattr(owner, attribute, by)

    control(name, keeps)(off)
