"""People's hands on code: branches, pull requests, and reviews of them."""

from collections.abc import Iterable

from pushpals.local.forge import branches, merging, pulls, reviews
from pushpals.local.forge.ci import Ci
from pushpals.local.forge.entities import (
    MergeMethod,
    PullRequest,
    Repo,
    Review,
    ReviewComment,
    ReviewState,
    ReviewThread,
)
from pushpals.local.forge.git import NO_SHA, Files


class Code(Ci):
    """Part of :class:`People`: what a person pushes, proposes, reviews and merges."""

    async def push(
        self,
        repo: Repo,
        actor: str,
        files: Files,
        *,
        branch: str | None = None,
        message: str = "Change files",
        start: str | None = None,
    ) -> str:
        """Commit files on a branch as if pushed; return the new sha.

        The branch is the default one unless named; a new one begins at `start`, else at the default one.
        """
        name = branch or repo.default_branch
        ref = f"refs/heads/{name}"
        account = self.store.account(actor)
        old = await self.git.resolve(repo, ref)
        if old is None and name != repo.default_branch:
            begin = start or f"refs/heads/{repo.default_branch}"
            await self.git.set_ref(repo, ref, await self.git.sha(repo, begin))
        new = await self.git.commit(repo, name, files, message, account)
        await branches.record_push(self.store, self.git, account.login, repo, [(ref, old or NO_SHA, new)])
        return new

    async def move_branch(self, repo: Repo, actor: str, branch: str, commit: str) -> None:
        """Point a branch at any commit, as a forced push does."""
        ref = f"refs/heads/{branch}"
        old, new = await self.git.resolve(repo, ref), await self.git.sha(repo, f"{commit}^{{commit}}")
        await self.git.set_ref(repo, ref, new)
        login = self._login(actor)
        await branches.record_push(self.store, self.git, login, repo, [(ref, old or NO_SHA, new)])

    async def update_branch(self, pull: PullRequest, actor: str) -> PullRequest:
        """Merge the base branch into the head of a pull request: GitHub's button "Update branch"."""
        return await merging.update_branch(self.store, self.git, self.store.account(actor), pull)

    async def delete_branch(self, repo: Repo, actor: str, branch: str) -> None:
        """Delete a branch as if pushed."""
        ref = f"refs/heads/{branch}"
        old = await self.git.sha(repo, ref)
        await self.git.run(repo, "update-ref", "-d", ref, old)
        await branches.record_push(self.store, self.git, self._login(actor), repo, [(ref, old, NO_SHA)])

    async def create_pull(
        self,
        repo: Repo,
        actor: str,
        title: str,
        head: str,
        *,
        base: str | None = None,
        body: str = "",
        draft: bool = False,
    ) -> PullRequest:
        """Open a pull request."""
        return await pulls.open_pull(
            self.store,
            self.git,
            self._login(actor),
            repo,
            title=title,
            head=head,
            base=base or repo.default_branch,
            body=body,
            draft=draft,
        )

    def mark_ready(self, pull: PullRequest, actor: str) -> PullRequest:
        """Take a pull request out of draft."""
        return pulls.mark_ready(self.store, self._login(actor), pull)

    def convert_to_draft(self, pull: PullRequest, actor: str) -> PullRequest:
        """Make a pull request a draft again."""
        return pulls.convert_to_draft(self.store, self._login(actor), pull)

    async def retarget(self, pull: PullRequest, actor: str, base: str) -> PullRequest:
        """Let a pull request go to another base branch."""
        return await pulls.retarget(self.store, self.git, self._login(actor), pull, base)

    async def merge(self, pull: PullRequest, actor: str, method: MergeMethod = "merge") -> PullRequest:
        """Merge a pull request, by a merge commit or squashed."""
        return await merging.merge(self.store, self.git, self.store.account(actor), pull, method)

    # Reviews

    def review(self, pull: PullRequest, actor: str, state: ReviewState, body: str = "") -> Review:
        """Review the present head of a pull request."""
        return reviews.submit_review(self.store, self._login(actor), pull, state, body)

    async def review_lines(
        self,
        pull: PullRequest,
        actor: str,
        state: ReviewState,
        remarks: Iterable[tuple[str, int, str]],
        body: str = "",
    ) -> Review:
        """Review with comments on lines: ``(path, line of the new version, text)`` each."""
        given = [reviews.Remark(*remark) for remark in remarks]
        located = await reviews.locate(self.store, self.git, pull, given)
        return reviews.submit_review(self.store, self._login(actor), pull, state, body, located)

    def edit_review(self, review: Review, actor: str, body: str) -> Review:
        """Change the text of a review."""
        return reviews.edit_review(self.store, self._login(actor), review, body)

    def dismiss_review(self, review: Review, actor: str) -> Review:
        """Let an approval or a request for changes count no more."""
        return reviews.dismiss_review(self.store, self._login(actor), review)

    def reply(self, thread: ReviewThread, actor: str, body: str) -> ReviewComment:
        """Answer in a review thread."""
        return reviews.reply(self.store, self._login(actor), thread, body)

    def edit_review_comment(self, comment: ReviewComment, actor: str, body: str) -> ReviewComment:
        """Change a comment in a review thread."""
        return reviews.edit_review_comment(self.store, self._login(actor), comment, body)

    def resolve(self, thread: ReviewThread, actor: str, *, resolved: bool = True) -> ReviewThread:
        """Resolve a review thread, or open it again."""
        return reviews.set_resolved(self.store, self._login(actor), thread, resolved=resolved)

    def _login(self, actor: str) -> str:
        return self.store.account(actor).login
