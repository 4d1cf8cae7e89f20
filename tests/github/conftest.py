from tests.github.schema import github_schema

__all__ = ["github_schema"]
