"""The writes of check runs, which only Apps may make."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from pushpals.github import parse
from pushpals.github.mutation import Json, Mutation, given
from pushpals.github.views import CheckConclusion, CheckRunView
from pushpals.model import Sha

RequestableStatus = Literal["QUEUED", "IN_PROGRESS", "COMPLETED"]
AnnotationLevel = Literal["NOTICE", "WARNING", "FAILURE"]

MAX_ANNOTATIONS = 50
"""GitHub takes so many in a request; those of an update are added to what is there."""


@dataclass(frozen=True)
class CheckAction:
    """A button on a check run. Label 20, description 40, identifier 20 characters at most; 3 buttons."""

    label: str
    description: str
    identifier: str


@dataclass(frozen=True)
class Annotation:
    """A remark on a line of a file at the checked commit. GitHub keeps those given before."""

    path: str
    line: int
    level: AnnotationLevel
    message: str
    title: str = ""

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        location = {"startLine": self.line, "endLine": self.line}
        shape = {"path": self.path, "annotationLevel": self.level, "message": self.message}
        return given({**shape, "location": location, "title": self.title or None})


@dataclass(frozen=True, kw_only=True)
class _CheckRun(Mutation):
    repository_id: str
    name: str
    external_id: str
    status: RequestableStatus
    conclusion: CheckConclusion | None = None
    title: str
    summary: str
    text: str = ""
    details_url: str | None = None
    actions: tuple[CheckAction, ...] = ()
    """The buttons, three at most."""
    annotations: tuple[Annotation, ...] = ()
    """At most `MAX_ANNOTATIONS`."""

    made = ("checkRun",)
    selection = "...CheckRun"
    fragment = "CheckRun"

    def value(self) -> dict[str, Any]:
        """Return the input object, but for what is asked about."""
        output = {
            "title": self.title,
            "summary": self.summary,
            "text": self.text or None,
            "annotations": [annotation.value() for annotation in self.annotations] or None,
        }
        return given(
            {
                "repositoryId": self.repository_id,
                "name": self.name,
                "externalId": self.external_id,
                "status": self.status,
                "conclusion": self.conclusion,
                "detailsUrl": self.details_url,
                "output": given(output),
                "actions": [asdict(action) for action in self.actions],
            }
        )

    def read(self, made: Json) -> CheckRunView:
        """Return the check run as it now is."""
        return parse.check_run(made)


@dataclass(frozen=True, kw_only=True)
class CreateCheckRun(_CheckRun):
    """Add a check run to a commit. GitHub keeps duplicates: look before creating."""

    head_sha: Sha

    field = "createCheckRun"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return {**super().value(), "headSha": self.head_sha}


@dataclass(frozen=True, kw_only=True)
class UpdateCheckRun(_CheckRun):
    """Redraw a check run. Buttons not given again disappear."""

    check_run_id: str

    field = "updateCheckRun"

    def value(self) -> dict[str, Any]:
        """Return the input object."""
        return {**super().value(), "checkRunId": self.check_run_id}


def without_buttons(mutation: Mutation) -> Mutation:
    """Return the mutation without the buttons of its check run, if it draws one."""
    return replace(mutation, actions=()) if isinstance(mutation, _CheckRun) else mutation
