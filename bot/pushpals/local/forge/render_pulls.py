"""The REST shapes of reviews, of threads, and of what is said of commits."""

from pushpals.local.forge.app_entities import Annotation, CheckRun, CheckSuite, CommitStatus
from pushpals.local.forge.entities import (
    Authored,
    PullRequest,
    ReactionContent,
    Repo,
    Review,
    ReviewComment,
    ReviewThread,
)
from pushpals.local.forge.git import Commit
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


class PullRenderer(BaseRenderer):
    """Writes reviews and checks as GitHub's JSON."""

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
            "check_suite": self._simple_suite(self._tables.suites[run.suite_id]),
            "app": self.app(self._tables.apps[run.app_id]),
            "pull_requests": self._pulls_at(repo, run.head_sha),
        }

    def check_suite(self, suite: CheckSuite) -> Json:
        """A check suite, as its webhook shows it."""
        repo = self._tables.repos[suite.repo_id]
        url = f"{self.api}/repos/{repo.full_name}/check-suites/{suite.id}"
        runs = [run for run in self._tables.runs.values() if run.suite_id == suite.id]
        who = {"name": "GitHub", "email": "noreply@github.com"}
        head = {"id": suite.head_sha, "tree_id": suite.head_sha, "message": "", "author": who}
        when_made = when(suite.created_at)
        return {
            **self._simple_suite(suite),
            "head_commit": {**head, "committer": who, "timestamp": when_made},
            "app": self.app(self._tables.apps[suite.app_id]),
            "check_runs_url": f"{url}/check-runs",
            "latest_check_runs_count": len(runs),
        }

    def annotation(self, annotation: Annotation) -> Json:
        """What a check run remarks on lines of a file."""
        return {**annotation.model_dump(), "start_column": None, "end_column": None, "blob_href": ""}

    def status_event(self, status: CommitStatus, commit: Commit, branches: list[str]) -> Json:
        """The webhook of a commit status, but for its repository and sender."""
        repo = self._tables.repos[status.repo_id]
        root = f"{self.api}/repos/{repo.full_name}"
        page = f"{self.web}/{repo.full_name}/commit/{status.sha}"
        people = {}
        for role, (name, email) in (("author", commit.author), ("committer", commit.committer)):
            people[role] = {"name": name, "email": email, "date": commit.timestamp}
        unsigned = {"verified": False, "reason": "unsigned", "signature": None, "payload": None}
        tree = {"sha": commit.tree, "url": f"{root}/git/trees/{commit.tree}"}
        git = {"message": commit.message, "tree": tree, "url": f"{root}/git/commits/{status.sha}"}
        shape: Json = {
            "sha": status.sha,
            "node_id": f"C_{repo.id}_{status.sha}",
            "url": f"{root}/commits/{status.sha}",
            "html_url": page,
            "comments_url": f"{root}/commits/{status.sha}/comments",
            "commit": {
                **git,
                **people,
                "comment_count": 0,
                "verification": {**unsigned, "verified_at": None},
            },
            "author": None,
            "committer": None,
            "parents": [],
        }
        link = {"sha": status.sha, "url": shape["url"]}
        return {
            "id": status.id,
            "sha": status.sha,
            "name": repo.full_name,
            "context": status.context,
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "avatar_url": None,
            "created_at": when(status.created_at),
            "updated_at": when(status.created_at),
            "commit": shape,
            "branches": [{"name": name, "commit": link, "protected": False} for name in branches],
        }

    def review_comment(self, comment: ReviewComment) -> Json:
        """A comment in a review thread."""
        repo = self._tables.repos[comment.repo_id]
        thread = self._tables.threads[comment.thread_id]
        root = f"{self.api}/repos/{repo.full_name}/pulls"
        url, pull = f"{root}/comments/{comment.id}", f"{root}/{comment.number}"
        page = f"{self.web}/{repo.full_name}/pull/{comment.number}#discussion_r{comment.id}"
        lines = {"line": thread.line, "original_line": thread.original_line}
        lines |= {"start_line": None, "original_start_line": None}
        replied = {"in_reply_to_id": comment.reply_to} if comment.reply_to else {}
        links = {"self": {"href": url}, "html": {"href": page}, "pull_request": {"href": pull}}
        return {
            "id": comment.id,
            "node_id": comment.node_id,
            "url": url,
            "html_url": page,
            "pull_request_url": pull,
            "pull_request_review_id": comment.review_id,
            "_links": links,
            "diff_hunk": comment.diff_hunk,
            "path": thread.path,
            # GitHub still sends the place in the diff by which lines were counted before.
            "position": thread.line,
            "original_position": thread.original_line,
            **lines,
            **replied,
            "side": "RIGHT",
            "start_side": None,
            "subject_type": "line",
            "commit_id": comment.commit_oid,
            "original_commit_id": thread.commit_oid,
            "user": self.user(comment.author),
            "body": comment.body,
            "created_at": when(comment.created_at),
            "updated_at": when(comment.updated_at),
            "author_association": self.association(repo, comment.author),
            "reactions": self.reactions(comment, f"{url}/reactions"),
        }

    def review_thread(self, thread: ReviewThread) -> Json:
        """A review thread, as its webhook shows it."""
        comments = [self.review_comment(comment) for comment in self._tables.comments_in(thread)]
        return {"node_id": thread.node_id, "comments": comments}

    def _simple_suite(self, suite: CheckSuite) -> Json:
        repo = self._tables.repos[suite.repo_id]
        runs = [run for run in self._tables.runs.values() if run.suite_id == suite.id]
        done = all(run.status == "completed" for run in runs)
        bad = next(
            (r.conclusion for r in runs if r.conclusion not in {"success", "neutral", "skipped"}), None
        )
        return {
            "id": suite.id,
            "node_id": suite.node_id,
            "url": f"{self.api}/repos/{repo.full_name}/check-suites/{suite.id}",
            "head_branch": suite.head_branch,
            "head_sha": suite.head_sha,
            "before": None,
            "after": suite.head_sha,
            "status": "completed" if done else "in_progress",
            "conclusion": (bad or "success") if done else None,
            "pull_requests": self._pulls_at(repo, suite.head_sha),
            "created_at": when(suite.created_at),
            "updated_at": when(suite.created_at),
        }

    def _pulls_at(self, repo: Repo, sha: str) -> list[Json]:
        mine = (p for p in self._tables.pulls.values() if p.repo_id == repo.id and p.state == "open")
        return [self._pull_reference(pull) for pull in mine if pull.head_sha == sha]

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
    def reactions(target: Authored, url: str) -> Json:
        """How often each reaction was given."""
        counts = dict.fromkeys(_REACTIONS.values(), 0)
        for reaction in target.reactions:
            counts[_REACTIONS[reaction.content]] += 1
        return {"url": url, "total_count": len(target.reactions), **counts}
