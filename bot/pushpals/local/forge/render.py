"""The REST shapes of GitHub, one function for each kind of record, for REST answers and webhooks alike."""

from typing import Any

from pushpals.local.forge.app_entities import CheckRun, CheckSuite
from pushpals.local.forge.entities import (
    Comment,
    Entity,
    Issue,
    Label,
    PullRequest,
    Repo,
    Review,
    ReviewComment,
    ReviewThread,
    Subject,
)
from pushpals.local.forge.render_base import Json, when
from pushpals.local.forge.render_pulls import PullRenderer


class Renderer(PullRenderer):
    """Writes every kind of record as GitHub's JSON."""

    def part(self, key: str, value: object) -> object:
        """A part of a webhook payload: a record in its REST shape, anything else as it is."""
        if key == "issue" and isinstance(value, Issue | PullRequest):
            return self.issue(value)
        renderers: dict[type[Entity], Any] = {
            PullRequest: self.pull,
            Comment: self.comment,
            Review: self.review,
            Label: self.label,
            ReviewComment: self.review_comment,
            ReviewThread: self.review_thread,
            CheckRun: self.check_run,
            CheckSuite: self.check_suite,
        }
        return renderers[type(value)](value) if isinstance(value, Entity) else value

    def issue(self, subject: Issue | PullRequest) -> Json:
        """An issue, or a pull request shown as one."""
        repo = self._tables.repos[subject.repo_id]
        url = f"{self.api}/repos/{repo.full_name}/issues/{subject.number}"
        is_pull = isinstance(subject, PullRequest)
        page = f"{self.web}/{repo.full_name}/{'pull' if is_pull else 'issues'}/{subject.number}"
        shape = {
            **self._subject(subject),
            "id": subject.issue_id if isinstance(subject, PullRequest) else subject.id,
            "url": url,
            "repository_url": f"{self.api}/repos/{repo.full_name}",
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "timeline_url": f"{url}/timeline",
            "html_url": page,
            "state_reason": subject.state_reason,
            "reactions": self.reactions(subject, f"{url}/reactions"),
            "closed_by": self.user(subject.closed_by) if subject.closed_by else None,
        }
        if isinstance(subject, PullRequest):
            pull = f"{self.api}/repos/{repo.full_name}/pulls/{subject.number}"
            links = {"html_url": page, "diff_url": f"{page}.diff", "patch_url": f"{page}.patch"}
            shape["pull_request"] = {"url": pull, **links, "merged_at": when(subject.merged_at)}
            shape["draft"] = subject.draft
        return shape

    def pull(self, pull: PullRequest, *, mergeable: bool | None = None) -> Json:
        """A pull request. Webhooks say nothing of ``mergeable``, which GitHub computes later too."""
        repo = self._tables.repos[pull.repo_id]
        root = f"{self.api}/repos/{repo.full_name}"
        url, issue = f"{root}/pulls/{pull.number}", f"{root}/issues/{pull.number}"
        page = f"{self.web}/{repo.full_name}/pull/{pull.number}"
        links = {
            "url": url,
            "html_url": page,
            "issue_url": issue,
            "comments_url": f"{issue}/comments",
            "review_comments_url": f"{url}/comments",
            "review_comment_url": f"{root}/pulls/comments{{/number}}",
            "commits_url": f"{url}/commits",
            "statuses_url": f"{root}/statuses/{pull.head_sha}",
        }
        named = {"self": "url", "html": "html_url", "issue": "issue_url", "statuses": "statuses_url"}
        named |= {"comments": "comments_url", "review_comments": "review_comments_url"}
        named |= {"review_comment": "review_comment_url", "commits": "commits_url"}
        return {
            **self._subject(pull),
            **links,
            "_links": {name: {"href": links[key]} for name, key in named.items()},
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "head": self._end(repo, pull.head_ref, pull.head_sha),
            "base": self._end(repo, pull.base_ref, pull.base_sha),
            "draft": pull.draft,
            "merged": pull.merged_at is not None,
            "merged_at": when(pull.merged_at),
            "merged_by": self.user(pull.merged_by) if pull.merged_by else None,
            "merge_commit_sha": pull.merge_commit_sha,
            "mergeable": mergeable,
            "mergeable_state": {True: "clean", False: "dirty", None: "unknown"}[mergeable],
            "rebaseable": mergeable,
            "commits": pull.commits,
            "additions": pull.additions,
            "deletions": pull.deletions,
            "changed_files": pull.changed_files,
            "review_comments": sum(
                (c.repo_id, c.number) == (repo.id, pull.number) for c in self._tables.review_comments.values()
            ),
            "maintainer_can_modify": False,
            "auto_merge": self._auto_merge(pull),
            "requested_reviewers": [],
            "requested_teams": [],
        }

    def comment(self, comment: Comment) -> Json:
        """A comment of an issue or pull request."""
        repo = self._tables.repos[comment.repo_id]
        root = f"{self.api}/repos/{repo.full_name}/issues"
        subject = self.issue(self._tables.subject(comment.repo_id, comment.number))
        url = f"{root}/comments/{comment.id}"
        return {
            "id": comment.id,
            "node_id": comment.node_id,
            "url": url,
            "html_url": f"{subject['html_url']}#issuecomment-{comment.id}",
            "issue_url": f"{root}/{comment.number}",
            "body": comment.body,
            "user": self.user(comment.author),
            "created_at": when(comment.created_at),
            "updated_at": when(comment.updated_at),
            "author_association": self.association(repo, comment.author),
            "performed_via_github_app": self.app_behind(comment.author),
            "reactions": self.reactions(comment, f"{url}/reactions"),
        }

    def _subject(self, subject: Subject) -> Json:
        repo = self._tables.repos[subject.repo_id]
        comments = [c for c in self._tables.comments.values() if c.repo_id == repo.id]
        labels = [self._tables.labels[i] for i in subject.label_ids]
        return {
            "id": subject.id,
            "node_id": subject.node_id,
            "number": subject.number,
            "title": subject.title,
            "body": subject.body or None,
            "state": subject.state,
            "user": self.user(subject.author),
            "labels": [self.label(label) for label in labels],
            "assignee": None,
            "assignees": [],
            "milestone": None,
            "locked": False,
            "active_lock_reason": None,
            "comments": sum(comment.number == subject.number for comment in comments),
            "created_at": when(subject.created_at),
            "updated_at": when(subject.updated_at),
            "closed_at": when(subject.closed_at),
            "author_association": self.association(repo, subject.author),
            "performed_via_github_app": self.app_behind(subject.author),
        }

    def _auto_merge(self, pull: PullRequest) -> Json | None:
        wish = pull.auto_merge
        if wish is None:
            return None
        words = {"commit_title": None, "commit_message": None}
        return {"enabled_by": self.user(wish.enabled_by), "merge_method": wish.method, **words}

    def _end(self, repo: Repo, ref: str, sha: str) -> Json:
        shape = {"label": f"{repo.owner}:{ref}", "ref": ref, "sha": sha}
        return {**shape, "user": self.user(repo.owner), "repo": self.repo(repo)}
