"""The forge's GraphQL schema is a subset of GitHub's: same names, same types, same arguments."""

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    is_introspection_type,
    is_specified_scalar_type,
    print_ast,
)

from pushpals.local.forge.graphql_api import schema
from pushpals.local.forge.resolvers import RESOLVERS

Fielded = GraphQLObjectType | GraphQLInterfaceType


def differences(ours: GraphQLSchema, theirs: GraphQLSchema) -> list[str]:
    """What of ours GitHub does not have, or has differently."""
    found: list[str] = []
    for name, mine in ours.type_map.items():
        if is_introspection_type(mine) or is_specified_scalar_type(mine):
            continue
        other = theirs.type_map.get(name)
        if type(mine) is not type(other):
            found.append(f"{name}: {type(other).__name__}")
        elif isinstance(mine, Fielded) and isinstance(other, Fielded):
            found += _fields(mine, other)
            extra = {i.name for i in mine.interfaces} - {i.name for i in other.interfaces}
            found += [f"{name} implements {interface}" for interface in extra]
        elif isinstance(mine, GraphQLInputObjectType) and isinstance(other, GraphQLInputObjectType):
            found += _inputs(mine, other)
        elif isinstance(mine, GraphQLEnumType) and isinstance(other, GraphQLEnumType):
            found += [f"{name}.{value}" for value in set(mine.values) - set(other.values)]
        elif isinstance(mine, GraphQLUnionType) and isinstance(other, GraphQLUnionType):
            extra = {t.name for t in mine.types} - {t.name for t in other.types}
            found += [f"{name} = {member}" for member in extra]
    return found


def _fields(mine: Fielded, other: Fielded) -> list[str]:
    found = []
    for name, field in mine.fields.items():
        theirs = other.fields.get(name)
        if theirs is None or str(theirs.type) != str(field.type):
            found.append(f"{mine.name}.{name}: {field.type} is {theirs.type if theirs else 'missing'}")
            continue
        for key, argument in field.args.items():
            wanted = theirs.args.get(key)
            if wanted is None or _default(wanted) != _default(argument):
                found.append(f"{mine.name}.{name}({key}: {argument.type})")
        required = {key for key, value in theirs.args.items() if str(value.type).endswith("!")}
        found += [f"{mine.name}.{name}({key}) is required" for key in required - set(field.args)]
    return found


def _inputs(mine: GraphQLInputObjectType, other: GraphQLInputObjectType) -> list[str]:
    found = [
        f"{mine.name}.{name}: {field.type}"
        for name, field in mine.fields.items()
        if name not in other.fields or str(other.fields[name].type) != str(field.type)
    ]
    required = {name for name, field in other.fields.items() if str(field.type).endswith("!")}
    return [*found, *(f"{mine.name}.{name} is required" for name in required - set(mine.fields))]


def _default(argument: object) -> tuple[str, str]:
    node = argument.ast_node  # type: ignore[attr-defined]
    return str(argument.type), print_ast(node.default_value) if node.default_value else ""  # type: ignore[attr-defined]


def test_everything_the_forge_answers_is_githubs(github_schema: GraphQLSchema):
    assert differences(schema(), github_schema) == []


def test_the_comparison_notices_a_difference(github_schema: GraphQLSchema):
    from graphql import build_schema  # noqa: PLC0415

    ours = build_schema(
        """
        enum IssueState { OPEN CLOSED ASLEEP }
        input AddCommentInput { body: String! }
        type Issue { number: Int! title: String mood: String state: IssueState! }
        type Query { repository(owner: String!, nom: String!): Repository  invented: Invented }
        type Repository { issue(number: Int): Issue }
        type Invented { id: ID! }
        """
    )
    found = "\n".join(differences(ours, github_schema))
    for expected in (
        "Issue.title: String is String!",
        "Issue.mood",
        "IssueState.ASLEEP",
        "Query.repository(nom",
        "Query.repository(name) is required",
        "Query.invented",
        "Repository.issue(number: Int)",
        "Invented: NoneType",
        "AddCommentInput.subjectId is required",
    ):
        assert expected in found


def test_every_resolver_has_its_field():
    types = schema().type_map
    for kind, field in RESOLVERS:
        assert field in types[kind].fields, f"{kind}.{field}"  # type: ignore[attr-defined]
