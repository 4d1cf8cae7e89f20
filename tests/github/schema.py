"""GitHub's own published GraphQL schema, fetched once per machine through npm.

Use it anywhere: `from tests.github.schema import github_schema  # noqa: F401` in a conftest.py.
"""

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema

PACKAGE = "@octokit/graphql-schema"
VERSION = "15.26.1"


def schema_file() -> Path:
    """Return the path of the schema, kept outside the tree. npm checks the archive's integrity."""
    kept = Path.home() / ".cache" / "pushpals" / f"github-schema-{VERSION}.graphql"
    if not kept.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("GitHub's schema comes from npm, which is not installed here")
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as name:
            folder = Path(name)
            subprocess.run(
                [npm, "pack", "--silent", "--pack-destination", name, f"{PACKAGE}@{VERSION}"],
                check=True,
                timeout=120,
                capture_output=True,
            )
            (archive,) = folder.glob("*.tgz")
            with tarfile.open(archive) as packed:
                member = packed.extractfile("package/schema.graphql")
                assert member is not None
                fetched = folder / "schema.graphql"
                fetched.write_bytes(member.read())
            fetched.replace(kept)  # In one step, for other processes do the same at the same time.
    return kept


@pytest.fixture(scope="session")
def github_schema() -> GraphQLSchema:
    """The schema of github.com."""
    return build_schema(schema_file().read_text(encoding="utf-8"), assume_valid=True)
