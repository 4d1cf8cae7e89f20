"""People, repositories, roles and labels: what exists before anybody opens an issue."""

from typing import Literal

from pushpals.local.forge.entities import Account, AccountType, Label, Repo, Role
from pushpals.local.forge.errors import UnprocessableError
from pushpals.local.forge.store import Store

_BUILT_IN: dict[str, Literal["none", "read", "triage", "write", "maintain", "admin"]] = {
    "none": "none",
    "read": "read",
    "triage": "triage",
    "write": "write",
    "maintain": "maintain",
    "admin": "admin",
}
_LEGACY = {"triage": "read", "maintain": "write"}


def create_account(
    store: Store, login: str, *, kind: AccountType = "User", name: str | None = None
) -> Account:
    """Add an account. Raises UnprocessableError if the login is taken."""
    if any(account.login.lower() == login.lower() for account in store.accounts.values()):
        raise UnprocessableError(f"The login {login} is already taken")
    with store.transaction():
        identity = store.identity(Account)
        return store.put(Account(**identity, login=login, type=kind, name=name, created_at=store.now()))


def record_repo(
    store: Store,
    owner: str,
    name: str,
    *,
    private: bool = False,
    description: str | None = None,
    default_branch: str = "main",
) -> Repo:
    """Add a repository's record.

    Raises NotFoundError for an unknown owner, UnprocessableError for a name that is taken.
    """
    account = store.account(owner)
    full_name = f"{account.login}/{name}".lower()
    if any(repo.full_name.lower() == full_name for repo in store.repos.values()):
        raise UnprocessableError(f"The repository {owner}/{name} exists already")
    now = store.now()
    with store.transaction():
        return store.put(
            Repo(
                **store.identity(Repo),
                owner=account.login,
                name=name,
                private=private,
                description=description,
                default_branch=default_branch,
                created_at=now,
                pushed_at=now,
            )
        )


def set_role(store: Store, repo: Repo, login: str, name: str, base: str | None = None) -> Repo:
    """Give an account a role on a repository: a built-in one, or a custom one that extends ``base``.

    Raises NotFoundError for an unknown login, UnprocessableError for a custom role without a base.
    """
    account = store.account(login)
    built_in = _BUILT_IN.get(base or name)
    if built_in is None:
        raise UnprocessableError(f"{name} is not a built-in role; name the built-in role it extends")
    with store.transaction():
        roles = {**store.repos[repo.id].roles, account.login.lower(): Role(name=name, base=built_in)}
        return store.put(store.repos[repo.id].model_copy(update={"roles": roles}))


def legacy_permission(role: Role) -> str:
    """What REST calls ``permission``: it knows no triage (told as read) and no maintain (told as write)."""
    return _LEGACY.get(role.base, role.base)


def can_write(store: Store, repo: Repo, login: str) -> bool:
    """Whether an account's role allows pushing."""
    return store.role(repo, login).base in {"write", "maintain", "admin"}


def ensure_label(store: Store, repo: Repo, name: str, color: str = "ededed", description: str = "") -> Label:
    """The label of that name, made if it does not exist."""
    found = store.label(repo.id, name)
    if found is not None:
        return found
    with store.transaction():
        identity = store.identity(Label, repo.id)
        return store.put(
            Label(**identity, repo_id=repo.id, name=name, color=color, description=description or None)
        )
