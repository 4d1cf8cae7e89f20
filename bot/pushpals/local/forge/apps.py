"""GitHub Apps: registration, installation, and the tokens they act with."""

import hashlib
import secrets
import string
from collections.abc import Iterable, Mapping
from datetime import timedelta

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from pushpals.local.forge.accounts import create_account
from pushpals.local.forge.app_entities import App, Installation, Token
from pushpals.local.forge.entities import Account, Repo
from pushpals.local.forge.errors import UnprocessableError
from pushpals.local.forge.store import Store

ACTIONS_APP = 15368
ACTIONS_BOT = 41898282
_OF_JOBS = ("actions", "checks", "contents", "issues", "metadata", "pull_requests", "statuses")
"""Those permissions of a workflow's job that something here goes by."""
TOKEN_LIFE = timedelta(hours=1)
LEVELS = ("read", "write", "admin")
_ALPHABET = string.ascii_letters + string.digits


def new_key() -> tuple[str, str]:
    """An RSA key pair as PEM texts: (private, public)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return private.decode(), public.decode()


def register(  # noqa: PLR0913 - these are the fields of the form.
    store: Store,
    slug: str,
    name: str,
    *,
    owner: str,
    permissions: Mapping[str, str],
    events: Iterable[str],
    webhook_url: str | None,
    webhook_secret: str,
    public_key: str,
) -> App:
    """Register an App and its bot user. Raises UnprocessableError if the slug is taken."""
    with store.transaction():
        app = store.put(
            App(
                **store.identity(App),
                slug=slug,
                name=name,
                owner=store.account(owner).login,
                permissions={"metadata": "read", **permissions},
                events=tuple(events),
                webhook_url=webhook_url,
                webhook_secret=webhook_secret,
                public_key=public_key,
                created_at=store.now(),
            )
        )
        create_account(store, app.bot, kind="Bot", name=name)
        return app


def install(store: Store, app: App, repos: Iterable[Repo]) -> Installation:
    """Install an App on repositories of one owner, or add them to its installation there."""
    chosen = list(repos)
    owners = {repo.owner for repo in chosen}
    if len(owners) != 1:
        raise UnprocessableError("An installation covers repositories of exactly one account")
    account = owners.pop()
    ids = [repo.id for repo in chosen]
    with store.transaction():
        now = store.now()
        for old in store.installations.values():
            if (old.app_id, old.account) == (app.id, account):
                merged = tuple(dict.fromkeys([*old.repo_ids, *ids]))
                return store.put(old.model_copy(update={"repo_ids": merged, "updated_at": now}))
        return store.put(
            Installation(
                **store.identity(Installation),
                app_id=app.id,
                account=account,
                repo_ids=tuple(ids),
                permissions=app.permissions,
                events=app.events,
                created_at=now,
                updated_at=now,
            )
        )


def actions_app(store: Store) -> App:
    """The App behind every GITHUB_TOKEN, made if need be; its id and its bot's are those that GitHub has."""
    known = store.apps.get(ACTIONS_APP)
    if known is not None:
        return known
    with store.transaction():
        owner = Account(
            **store.identity(Account), login="github", type="Organization", created_at=store.now()
        )
        app = App(
            **{**store.identity(App), "id": ACTIONS_APP},
            slug="github-actions",
            name="GitHub Actions",
            owner=store.put(owner).login,
            permissions=dict.fromkeys(_OF_JOBS, "write"),
            events=(),
            webhook_url=None,
            webhook_secret="",
            public_key="",
            created_at=store.now(),
        )
        bot = {**store.identity(Account), "id": ACTIONS_BOT}
        store.put(Account(**bot, login=app.bot, type="Bot", name=app.name, created_at=store.now()))
        return store.put(app)


def job_token(store: Store, repo: Repo, permissions: Mapping[str, str]) -> str:
    """The GITHUB_TOKEN of a workflow's job with these ``permissions``, spelled as workflows spell them.

    It is an installation token of the Actions App, narrowed to the repository and to what the job asks for.
    Raises UnprocessableError for a permission that no job can have.
    """
    installation = install(store, actions_app(store), [repo])
    asked = {name.replace("-", "_"): level for name, level in permissions.items() if level != "none"}
    return mint_token(store, installation, repo_ids=[repo.id], permissions=asked)[1]


def mint_token(
    store: Store,
    installation: Installation,
    *,
    repo_ids: Iterable[int] | None = None,
    permissions: Mapping[str, str] | None = None,
) -> tuple[Token, str]:
    """Make an installation token, narrowed as asked; return its record and the secret itself.

    Raises UnprocessableError when more is asked than the installation has.
    """
    wanted = installation.repo_ids if repo_ids is None else tuple(repo_ids)
    if not wanted or not set(wanted) <= set(installation.repo_ids):
        raise UnprocessableError(
            "There is at least one repository that does not exist or is not accessible "
            "to the parent installation."
        )
    granted = dict(installation.permissions if permissions is None else permissions)
    if not all(allows(installation.permissions, name, level) for name, level in granted.items()):
        raise UnprocessableError("The permissions requested are not granted to this installation.")
    # Nobody may rely on the length of a token, so it varies.
    length = 36 + secrets.randbelow(60)
    secret = "ghs_" + "".join(secrets.choice(_ALPHABET) for _ in range(length))
    with store.transaction():
        token = Token(
            **store.identity(Token),
            digest=digest(secret),
            installation_id=installation.id,
            repo_ids=wanted,
            permissions={"metadata": "read", **granted},
            expires_at=store.now() + TOKEN_LIFE,
        )
        for old in [t for t in store.tokens.values() if t.expires_at < store.now()]:
            store.drop(old)
        return store.put(token), secret


def allows(permissions: Mapping[str, str], name: str, level: str) -> bool:
    """Whether a set of permissions includes this one at this level (write includes read)."""
    have = permissions.get(name)
    return have in LEVELS and level in LEVELS and LEVELS.index(have) >= LEVELS.index(level)


def digest(secret: str) -> str:
    """The form in which a token is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()
