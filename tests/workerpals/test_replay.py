"""The shipped recording still mends the sample: a change of a prompt or of the schedule must record anew."""

from pathlib import Path

from pushpals.llm import ReplayModel
from pushpals.local.model.discover import SAMPLE_RECORDING
from pushpals.sandbox import SandboxProvider
from tests.workerpals.bench.run import solve


async def test_the_shipped_recording_mends_the_sample(sandboxes: SandboxProvider, tmp_path: Path) -> None:
    model = ReplayModel(SAMPLE_RECORDING)
    result = await solve("sample", tmp_path / "workspace", sandboxes, model)
    assert result.outcome.failure is None
    assert result.right
    assert r'+    return re.sub(r"[^\w.-]", "", text)' in result.diff
    assert model._left == []
