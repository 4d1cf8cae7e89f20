"""The roles that come with PushPals, read from the package as the loop reads them."""

from importlib import resources

from pushpals.policy.repo_policy import RepoPolicy
from pushpals.policy.roles import BUILT_IN_ROLES, Roles, gather


def texts() -> dict[str, str]:
    """Return the text of every built-in role by its path."""
    folder = resources.files("pushpals") / "roles"
    return {f"{name}.md": (folder / f"{name}.md").read_text(encoding="utf-8") for name in BUILT_IN_ROLES}


def built_in(policy: RepoPolicy | None = None) -> Roles:
    """Return the built-in roles."""
    return gather(texts(), {}, policy or RepoPolicy())
