"""The REST shapes of GitHub, one function for each kind of record, for REST answers and webhooks alike."""

from typing import Any

from pushpals.local.forge.app_entities import CheckRun
from pushpals.local.forge.entities import (
    Authored,
    Comment,
    Entity,
    Issue,
    Label,
    PullRequest,
    ReactionContent,
    Repo,
    Review,
    Subject,
)
from pushpals.local.forge.render_base import BaseRenderer, Json, when

_REACTIONS = {
    ReactionContent.THUMBS_UP: "+1",
    ReactionContent.THUMBS_DOWN: "-1",
    ReactionContent.LAUGH: "laugh",
    ReactionContent.HOORAY: "hooray",
    ReactionContent.CONFUSED: "confused",
    ReactionContent.HEART: "heart",
    ReactionContent.ROCKET: "rocket",
    ReactionContent.EYES: "eyes",
}


class Renderer(BaseRenderer):
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
            CheckRun: self.check_run,
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
            "reactions": self._reactions(subject, f"{url}/reactions"),
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
            "review_comments": 0,
            "maintainer_can_modify": False,
            "auto_merge": None,
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
            "reactions": self._reactions(comment, f"{url}/reactions"),
        }

    def review(self, review: Review) -> Json:
        """A submitted review, as webhooks show it (the state in lower case)."""
        repo = self._tables.repos[review.repo_id]
        pull = f"{self.api}/repos/{repo.full_name}/pulls/{review.number}"
        page = f"{self.web}/{repo.full_name}/pull/{review.number}#pullrequestreview-{review.id}"
        return {
            "id": review.id,
            "node_id": review.node_id,
            "user": self.user(review.author),
            "body": review.body or None,
            "state": review.state.lower(),
            "html_url": page,
            "pull_request_url": pull,
            "_links": {"html": {"href": page}, "pull_request": {"href": pull}},
            "submitted_at": when(review.submitted_at),
            "updated_at": when(review.submitted_at),
            "commit_id": review.commit_oid,
            "author_association": self.association(repo, review.author),
        }

    def check_run(self, run: CheckRun) -> Json:
        """A check run."""
        repo = self._tables.repos[run.repo_id]
        url = f"{self.api}/repos/{repo.full_name}/check-runs/{run.id}"
        page = f"{self.web}/{repo.full_name}/runs/{run.id}"
        pulls = (p for p in self._tables.pulls.values() if p.repo_id == repo.id and p.state == "open")
        return {
            "id": run.id,
            "node_id": run.node_id,
            "name": run.name,
            "head_sha": run.head_sha,
            "external_id": run.external_id or "",
            "url": url,
            "html_url": page,
            "details_url": run.details_url or page,
            "status": run.status,
            "conclusion": run.conclusion,
            "started_at": when(run.started_at),
            "completed_at": when(run.completed_at),
            "output": {
                "title": run.title,
                "summary": run.summary,
                "text": run.text,
                "annotations_count": len(run.annotations),
                "annotations_url": f"{url}/annotations",
            },
            "check_suite": {"id": run.suite_id},
            "app": self.app(self._tables.apps[run.app_id]),
            "pull_requests": [self._pull_reference(p) for p in pulls if p.head_sha == run.head_sha],
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

    def _end(self, repo: Repo, ref: str, sha: str) -> Json:
        shape = {"label": f"{repo.owner}:{ref}", "ref": ref, "sha": sha}
        return {**shape, "user": self.user(repo.owner), "repo": self.repo(repo)}

    def _pull_reference(self, pull: PullRequest) -> Json:
        repo = self._tables.repos[pull.repo_id]
        root = f"{self.api}/repos/{repo.full_name}"
        link = {"id": repo.id, "url": root, "name": repo.name}
        return {
            "id": pull.id,
            "number": pull.number,
            "url": f"{root}/pulls/{pull.number}",
            "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": link},
            "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": link},
        }

    @staticmethod
    def _reactions(target: Authored, url: str) -> Json:
        counts = dict.fromkeys(_REACTIONS.values(), 0)
        for reaction in target.reactions:
            counts[_REACTIONS[reaction.content]] += 1
        return {"url": url, "total_count": len(target.reactions), **counts}
