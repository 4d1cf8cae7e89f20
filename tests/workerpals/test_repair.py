"""Small changes are tried in the sandbox, and the tests choose; where they cannot, the model does."""

import pytest

from pushpals.workerpals import ToolUsed, repair
from tests.workerpals.conftest import BUGGY, RIGHT, WRONG, Desk, OpenDesk, Scripted

MENDED = BUGGY["shop/prices.py"].replace(WRONG, RIGHT)
LOOPS = (
    BUGGY["shop/prices.py"]
    + '''

def countdown(left):
    """Return how many steps it takes to come to nothing."""
    steps = 0
    while left > 0:
        left = left + 1
        steps = steps + 1
    return steps
'''
)


async def test_one_operator_is_mended_without_asking_the_model(desk: Desk):
    model = Scripted("unused", lines=["unused"])
    outcome = await desk.work(model)
    assert (outcome.failure, outcome.usage.turns, outcome.doubt) == (None, 0, "")
    assert (model.asked, model.gaps) == ([], [])
    assert desk.text("shop/prices.py") == MENDED
    assert desk.changed(BUGGY) == {"shop/prices.py"}
    assert any(isinstance(event, ToolUsed) and event.line.endswith("1 pass") for event in desk.events)


async def test_where_the_tests_cannot_tell_the_model_chooses_and_the_doubt_is_told(open_desk: OpenDesk):
    text = "def adult(age):\n    return age > 18\n"
    test = (
        "import unittest\n\nfrom box import adult\n\n\nclass T(unittest.TestCase):\n"
        "    def test_one(self):\n        self.assertTrue(adult(18))\n"
    )
    files = {"box.py": text, "test_box.py": test}
    results = set()
    for number in ("1", "2"):
        desk = await open_desk(files)
        model = Scripted(number, lines=["unused"])
        outcome = await desk.work(model)
        assert outcome.failure is None
        assert "passed the tests too" in outcome.doubt
        assert "+     return age >= 18" in model.asked[0][-1].content
        assert "def test_one" in model.asked[0][-1].content
        results.add(desk.text("box.py"))
    assert len(results) == 2


@pytest.mark.timeout(300)
@pytest.mark.thorough
async def test_changes_that_run_for_ever_are_ended_and_the_right_one_is_found(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair, "SECONDS", 200.0)  # a busy machine decides nothing
    test = BUGGY["tests/test_prices.py"].replace("import discount", "import countdown, discount") + (
        "\n    def test_countdown(self):\n        self.assertEqual(countdown(3), 3)\n"
    )
    files = {
        **BUGGY, "shop/prices.py": LOOPS.replace(WRONG, RIGHT), "tests/test_prices.py": test,
    }  # fmt: skip
    desk = await open_desk(files)
    outcome = await desk.work(Scripted("1", lines=["unused"]), check_minutes=(0.05,))
    assert outcome.failure is None
    assert "left = left - 1" in desk.text("shop/prices.py")
