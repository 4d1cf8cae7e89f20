"""The many addresses in GitHub's JSON: dull, but clients follow them, so each must be there."""

from pushpals.local.forge.entities import Repo

_USER = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPO = {
    "url": "",
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


def user_urls(web: str, api: str, login: str) -> dict[str, str]:
    """The addresses of an account."""
    root = f"{api}/users/{login}"
    fixed = {
        "url": root,
        "html_url": f"{web}/{login}",
        "avatar_url": f"{web}/avatars/{login}",
        "gravatar_id": "",
    }
    return {**fixed, **{key: root + suffix for key, suffix in _USER.items()}}


def repo_urls(web: str, api: str, repo: Repo) -> dict[str, str | None]:
    """The addresses of a repository."""
    root = f"{api}/repos/{repo.full_name}"
    page = f"{web}/{repo.full_name}"
    host = web.partition("://")[2]
    fixed = {
        "html_url": page,
        "clone_url": f"{page}.git",
        "svn_url": page,
        "git_url": f"git://{host}/{repo.full_name}.git",
        "ssh_url": f"ssh://git@{host}/{repo.full_name}.git",
        "mirror_url": None,
    }
    return {**{key: root + suffix for key, suffix in _REPO.items()}, **fixed}
