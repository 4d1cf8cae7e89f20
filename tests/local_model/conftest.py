import base64
import hashlib
import zipfile
from pathlib import Path

import pytest

from pushpals.local.model.files import ModelFile, Part

PAYLOADS = (b"first piece, " * 4000, b"second piece, " * 4000, b"third piece, " * 4000, b"and the last.")


def build_wheel(folder: Path, package: str, payload: bytes) -> tuple[Path, str]:
    """Write an installable wheel that holds one data file; returns its path and the file's name inside."""
    module = package.replace("-", "_")
    member = f"{module}/data/part.bin"
    info = f"{module}-1.0.dist-info"
    files = {
        f"{module}/__init__.py": b"",
        member: payload,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')},{len(data)}"
        for name, data in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]).encode()
    path = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in files.items():
            wheel.writestr(name, data)
    return path, member


class Index:
    """A folder of wheels that pip is told to use instead of any index."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        parts = []
        for number, payload in enumerate(PAYLOADS, 1):
            package = f"toy-model-part{number}"
            wheel, member = build_wheel(folder, package, payload)
            wheel_sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
            sha256 = hashlib.sha256(payload).hexdigest()
            parts.append(Part(package, "1.0", wheel_sha256, member, len(payload), sha256))
        content = b"".join(PAYLOADS)
        self.model = ModelFile("toy", len(content), hashlib.sha256(content).hexdigest(), tuple(parts))
        self.environ = {"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}

    def wheel(self, number: int) -> Path:
        return self.folder / f"toy_model_part{number}-1.0-py3-none-any.whl"


@pytest.fixture
def index(tmp_path):
    return Index(tmp_path / "index")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"
