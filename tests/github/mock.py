"""Answers that GitHub's schema allows, made up at random: nulls wherever it permits them."""

import random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    execute_sync,
    parse,
)

from pushpals.github.documents import Document

SCALARS: dict[str, Any] = {
    "ID": "I_kwDO1",
    "String": "words",
    "Int": 7,
    "Boolean": True,
    "BigInt": "30000000000",
    "DateTime": "2026-11-20T10:00:00Z",
    "URI": "https://github.example/octo",
    "GitObjectID": "0123456789" * 4,
}
ALWAYS = {"repository", "issueOrPullRequest"}
"""Null only beside an error, which raises before anything is read."""


def answer(schema: GraphQLSchema, document: Document, rng: random.Random, *, nulls: bool = True) -> Any:
    """Return `data` and `errors` for `document`, as some GitHub might answer it."""

    def value(kind: Any) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return value(kind.of_type)
        if isinstance(kind, GraphQLList):
            inner = kind.of_type
            return [
                None
                if nulls and not isinstance(inner, GraphQLNonNull) and rng.random() < 0.2
                else value(inner)
                for _ in range(rng.randrange(3))
            ]
        if isinstance(kind, GraphQLEnumType):
            return rng.choice(list(kind.values.values())).value
        if isinstance(kind, GraphQLScalarType):
            return rng.random() < 0.5 if kind.name == "Boolean" else SCALARS[kind.name]
        assert isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType)
        return {}

    def resolve(_source: Any, info: GraphQLResolveInfo[Any], **_arguments: Any) -> Any:
        nullable = not isinstance(info.return_type, GraphQLNonNull) and info.field_name not in ALWAYS
        return None if nulls and nullable and rng.random() < 0.3 else value(info.return_type)

    def choose(_value: Any, info: GraphQLResolveInfo[Any], kind: Any) -> str:
        possible = info.schema.get_possible_types(kind)
        return rng.choice([t.name for t in possible])

    result = execute_sync(
        schema,
        parse(document.text),
        variable_values=document.variables,
        field_resolver=resolve,
        type_resolver=choose,
    )
    return result.formatted
