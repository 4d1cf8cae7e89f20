"""The reference of the policy file says what the types say."""

from pathlib import Path

from pydantic import BaseModel

from pushpals.policy.parse import parse_policy
from pushpals.policy.reference import docstrings, example, render_reference
from pushpals.policy.repo_policy import CheckSetting, RepoPolicy

PAGE = Path(__file__).parents[2] / "docs" / "policy.md"
HOW = (
    'Write it again: python -c "from pushpals.policy.reference import render_reference as r; '
    "print(r(), end='')\" > docs/policy.md"
)


def test_the_page_is_in_step_with_the_types() -> None:
    assert PAGE.read_text() == render_reference(), HOW


def test_the_example_is_a_policy() -> None:
    policy = parse_policy(example())
    assert isinstance(policy, RepoPolicy)
    assert policy.access.roles == ("maintain",)


def fields(section: type[BaseModel]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, field in section.model_fields.items():
        found[f"{section.__name__}.{name}"] = docstrings(section).get(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= fields(field.annotation)
    return found


def test_every_field_is_described_and_on_the_page() -> None:
    known = fields(RepoPolicy) | fields(CheckSetting)
    assert len(known) > 15
    assert [name for name, description in known.items() if not description] == []
    page = render_reference()
    for name, description in known.items():
        assert f"`{name.partition('.')[2]}`" in page
        assert " ".join(str(description).split()) in page
