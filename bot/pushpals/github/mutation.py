"""What all writes have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from pushpals.github.documents import Field
from pushpals.github.errors import WriteFailed
from pushpals.github.views import CheckRunView, CommentView, Done, PullView, ReviewView

Json = Mapping[str, Any]
Written = CommentView | CheckRunView | PullView | ReviewView | Done | WriteFailed


class Mutation(ABC):
    """One write. Subclasses name GitHub's field, and say what it takes and what it makes."""

    field: ClassVar[str]
    made: ClassVar[tuple[str, ...]]
    """Where in the payload to find what the write made."""
    selection: ClassVar[str]
    """What to select of that."""
    fragment: ClassVar[str | None] = None
    merges: ClassVar[bool] = False
    """Whether it moves a branch, for which the token must be one that may write contents."""

    creates_at: ClassVar[str | None] = None
    """The attribute that tells where it makes something new, of the kind that GitHub counts by the hour.

    GitHub's reference says of such endpoints that they trigger notifications, and that creating content too
    quickly is limited: comments, pull requests, reviews, and merges. Edits, reactions and check runs are not
    among them.
    """

    @property
    def creations(self) -> int:
        """How many new things it makes."""
        return 0 if self.creates_at is None else 1

    @property
    def place(self) -> str:
        """Where it makes them; empty when it makes none."""
        return f"{self.field} {getattr(self, self.creates_at)}" if self.creates_at else ""

    @abstractmethod
    def value(self) -> dict[str, Any]:
        """Return the input object, without what is not given."""

    @abstractmethod
    def read(self, made: Json) -> Written:
        """Return the view of what the write made."""

    def compiled(self) -> Field:
        """Return this write's part of a document."""
        # GitHub names the input type of every mutation after the mutation.
        input_type = self.field[0].upper() + self.field[1:] + "Input"
        selection = " { ".join([*self.made, self.selection]) + " }" * len(self.made)
        return Field(self.field, input_type, selection, self.fragment, self.value())

    def written(self, payload: Json) -> Written:
        """Return the view of what the write made, from its payload.

        GitHub may answer null without an error; then nobody knows.
        """
        made: Json | None = payload
        for name in self.made:
            made = (made or {}).get(name)
        if made is None:
            return WriteFailed(f"{self.field}: GitHub did not say what it made", kind="unknown")
        return self.read(made)


def given(values: dict[str, Any]) -> dict[str, Any]:
    """Drop what is None: GraphQL tells an absent value from a null one."""
    return {name: value for name, value in values.items() if value is not None}
