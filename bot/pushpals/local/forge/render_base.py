"""The REST shapes of accounts, repositories and Apps, which the other shapes contain."""

from datetime import datetime
from typing import Any

from pushpals.local.forge.app_entities import App, Installation
from pushpals.local.forge.entities import Label, Repo
from pushpals.local.forge.render_urls import repo_urls, user_urls
from pushpals.local.forge.tables import Tables

Json = dict[str, Any]

_REPO_CONSTANTS: Json = {
    "fork": False,
    "homepage": None,
    "language": None,
    "forks": 0,
    "forks_count": 0,
    "stargazers_count": 0,
    "watchers": 0,
    "watchers_count": 0,
    "subscribers_count": 0,
    "network_count": 0,
    "size": 0,
    "has_issues": True,
    "has_projects": False,
    "has_wiki": False,
    "has_pages": False,
    "has_discussions": False,
    "archived": False,
    "disabled": False,
    "is_template": False,
    "license": None,
    "topics": [],
    "allow_forking": True,
    "web_commit_signoff_required": False,
}


def when(moment: datetime | None) -> str | None:
    """A time as GitHub writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


class BaseRenderer:
    """Writes records as GitHub's JSON, with addresses under ``web`` (pages) and ``web``/api/v3 (REST)."""

    def __init__(self, tables: Tables, web: str) -> None:
        self._tables = tables
        self.web = web
        self.api = f"{web}/api/v3"

    def user(self, login: str) -> Json:
        """An account."""
        account = self._tables.account(login)
        return {
            "login": account.login,
            "id": account.id,
            "node_id": account.node_id,
            "type": account.type,
            "site_admin": False,
            "name": account.name,
            **user_urls(self.web, self.api, account.login),
        }

    def repo(self, repo: Repo) -> Json:
        """A repository, in full."""
        owner = self.user(repo.owner)
        owner.pop("name")
        open_count = sum(s.state == "open" for s in self._tables.subjects(repo.id))
        return {
            "id": repo.id,
            "node_id": repo.node_id,
            "name": repo.name,
            "full_name": repo.full_name,
            "private": repo.private,
            "visibility": "private" if repo.private else "public",
            "owner": owner,
            "description": repo.description,
            "default_branch": repo.default_branch,
            "created_at": when(repo.created_at),
            "updated_at": when(repo.pushed_at),
            "pushed_at": when(repo.pushed_at),
            "open_issues": open_count,
            "open_issues_count": open_count,
            **_REPO_CONSTANTS,
            **repo_urls(self.web, self.api, repo),
        }

    def label(self, label: Label) -> Json:
        """A label."""
        repo = self._tables.repos[label.repo_id]
        return {
            "id": label.id,
            "node_id": label.node_id,
            "url": f"{self.api}/repos/{repo.full_name}/labels/{label.name}",
            "name": label.name,
            "color": label.color,
            "default": False,
            "description": label.description,
            "archived_at": None,
            "archived_by": None,
        }

    def app(self, app: App) -> Json:
        """An App, without its secrets."""
        return {
            "id": app.id,
            "node_id": app.node_id,
            "client_id": f"Iv1.{app.id:016x}",
            "slug": app.slug,
            "name": app.name,
            "owner": self.user(app.owner),
            "description": None,
            "external_url": f"{self.web}/apps/{app.slug}",
            "html_url": f"{self.web}/apps/{app.slug}",
            "created_at": when(app.created_at),
            "updated_at": when(app.created_at),
            "permissions": app.permissions,
            "events": list(app.events),
        }

    def installation(self, installation: Installation) -> Json:
        """An installation of an App."""
        account = self.user(installation.account)
        root = f"{self.api}/app/installations/{installation.id}"
        return {
            "id": installation.id,
            "node_id": installation.node_id,
            "account": account,
            "repository_selection": "selected",
            "access_tokens_url": f"{root}/access_tokens",
            "repositories_url": f"{self.api}/installation/repositories",
            "html_url": f"{self.web}/settings/installations/{installation.id}",
            "app_id": installation.app_id,
            "app_slug": self._tables.apps[installation.app_id].slug,
            "target_id": account["id"],
            "target_type": account["type"],
            "permissions": installation.permissions,
            "events": list(installation.events),
            "created_at": when(installation.created_at),
            "updated_at": when(installation.updated_at),
            "single_file_name": None,
            "suspended_by": None,
            "suspended_at": None,
        }

    def association(self, repo: Repo, login: str) -> str:
        """How an author is tied to a repository."""
        if login.lower() == repo.owner.lower():
            return "OWNER"
        return "COLLABORATOR" if login.lower() in repo.roles else "NONE"

    def app_behind(self, login: str) -> Json | None:
        """The App whose bot has this login, if one has."""
        found = (app for app in self._tables.apps.values() if app.bot == login)
        app = next(found, None)
        return self.app(app) if app else None
