"""The JSON schema that editors read says of a policy file what its own reader says."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml

from pushpals.localbuddy.welcome import CAREFUL, policy_text
from pushpals.policy.commands import Check
from pushpals.policy.parse import parse_policy
from pushpals.policy.reference import example
from pushpals.policy.repo_policy import RepoPolicy
from pushpals.policy.schema import policy_schema

ROOT = Path(__file__).parents[2]
CHECKS = [Check(command='pytest -q -k "not slow"', why="`a: #b` is odd\nand long")]
TAKEN = [
    example(),
    "version: 1\n",
    "version:\nchecks:\nbudget:\n  usd: .inf\n  day_usd: 0\n",
    "dispatch: worker\ndelivery: integration_branch\nreview: {model: never}\n",
    "checks: [make test, {run: npm test, timeout_minutes: 5}]\n",
    policy_text((), (), "agent:ready"),
    policy_text(CHECKS, tuple(CAREFUL), "pals"),
]
REFUSED = [
    "version: 2\n",
    "cheks: []\n",
    "checks: make test\n",
    "checks: [{timeout_minutes: 5}]\n",
    "limits: {files: 0}\n",
    "budget: {usd: lots}\n",
    "dispatch: cloud\n",
    "access: {roles: write}\n",
]


def fits(text: str) -> bool:
    schema = policy_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return bool(jsonschema.Draft202012Validator(schema).is_valid(yaml.safe_load(text)))


@pytest.mark.parametrize("text", TAKEN)
def test_what_the_reader_takes_fits(text: str) -> None:
    assert isinstance(parse_policy(text), RepoPolicy)
    assert fits(text)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_plainly_wrong_does_not_fit(text: str) -> None:
    assert not isinstance(parse_policy(text), RepoPolicy)
    assert not fits(text)


def test_every_key_is_explained() -> None:
    schema = policy_schema()
    parts = [schema, *(part.get("anyOf", [part])[-1] for part in schema["$defs"].values())]
    assert [
        key for part in parts for key, field in part["properties"].items() if not field["description"]
    ] == []
    assert json.loads(json.dumps(schema)) == schema


def test_a_policy_made_for_a_repository_says_what_was_seen() -> None:
    policy = parse_policy(policy_text(CHECKS, ("*.tf",), "pals"))
    assert isinstance(policy, RepoPolicy)
    assert [check.run for check in policy.checks] == [CHECKS[0].command]
    assert policy.scope.protected == ("*.tf",)
    assert policy.trigger.label == "pals"
