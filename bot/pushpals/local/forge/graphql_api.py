"""The GraphQL endpoint: parse, execute, and answer with errors in GitHub's shape."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    execute,
    get_operation_ast,
    parse,
    validate,
)

from pushpals.local.forge import mutations, pull_mutations, pull_queries, queries, subject_queries
from pushpals.local.forge.errors import ForgeError
from pushpals.local.forge.render_base import when
from pushpals.local.forge.resolvers import Context, resolve_field, resolve_type

# Importing a module of resolvers is what registers them.
RESOLVER_MODULES = (queries, subject_queries, pull_queries, mutations, pull_mutations)
_CACHED_DOCUMENTS = 256
_SHA = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Operation:
    """What a request asks for: the operation's name and, for a mutation, its top-level fields in order."""

    name: str | None
    mutations: tuple[str, ...]


@lru_cache(maxsize=1)
def schema() -> GraphQLSchema:
    """The forge's schema, a subset of GitHub's."""
    built = build_schema((files(__package__) / "schema.graphql").read_text("utf-8"))
    # A scalar from SDL has no behaviour of its own; the library reads it from the instance.
    vars(built.type_map["DateTime"]).update(
        serialize=when, coerce_output_value=when, parse_value=_moment, coerce_input_value=_moment
    )
    vars(built.type_map["GitObjectID"]).update(parse_value=_object_id, coerce_input_value=_object_id)
    return built


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value)).replace(microsecond=0)
    except ValueError:
        raise GraphQLError(f"{value!r} is not a time in ISO 8601") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _object_id(value: object) -> str:
    if not _SHA.fullmatch(str(value)):
        raise GraphQLError(f"{value!r} is not a git object id")
    return str(value)


@lru_cache(maxsize=_CACHED_DOCUMENTS)
def _prepare(query: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    try:
        document = parse(query)
    except GraphQLError as error:
        return None, (error,)
    return document, tuple(validate(schema(), document))


def describe(query: str, operation_name: str | None) -> Operation:
    """What a request asks for, as far as it can be parsed."""
    document, errors = _prepare(query)
    node = get_operation_ast(document, operation_name) if document and not errors else None
    if node is None:
        return Operation(operation_name, ())
    name = node.name.value if node.name else None
    return Operation(name, _fields(node) if node.operation is OperationType.MUTATION else ())


async def answer(
    context: Context, query: str, variables: dict[str, Any] | None, operation_name: str | None
) -> dict[str, Any]:
    """Execute a request; the result has ``data`` and, if something failed, ``errors``."""
    document, invalid = _prepare(query)
    if document is None or invalid:
        return {"errors": [_error_shape(error) for error in invalid]}
    running = execute(
        schema(),
        document,
        context_value=context,
        variable_values=variables,
        operation_name=operation_name,
        field_resolver=resolve_field,
        type_resolver=resolve_type,
    )
    done = running if isinstance(running, ExecutionResult) else await running
    shape: dict[str, Any] = {"data": done.data}
    if done.errors:
        shape["errors"] = [_error_shape(error) for error in done.errors]
    return shape


def _fields(node: OperationDefinitionNode) -> tuple[str, ...]:
    return tuple(s.name.value for s in node.selection_set.selections if isinstance(s, FieldNode))


def _error_shape(error: GraphQLError) -> dict[str, Any]:
    cause = error.original_error
    if cause is not None and not isinstance(cause, ForgeError | GraphQLError):
        # A mistake of the forge itself must not pass as an answer.
        raise cause
    shape: dict[str, Any] = {"type": cause.type} if isinstance(cause, ForgeError) else {}
    if error.path:
        shape["path"] = error.path
    if error.locations:
        shape["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    return {**shape, "message": error.message}
