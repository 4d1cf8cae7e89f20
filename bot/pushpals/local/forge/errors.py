"""Why the forge says no, in GitHub's words: an HTTP status for REST and an error type for GraphQL."""


class ForgeError(Exception):
    """A refusal. ``status`` is REST's HTTP status, ``type`` the type of the GraphQL error."""

    status = 500
    type = "INTERNAL"


class UnauthorizedError(ForgeError):
    """No credentials, or none that are valid."""

    status = 401
    type = "UNAUTHORIZED"


class ForbiddenError(ForgeError):
    """The credentials are valid, but do not allow this."""

    status = 403
    type = "FORBIDDEN"

    def __init__(self, message: str = "Resource not accessible by integration") -> None:
        super().__init__(message)


class NotFoundError(ForgeError):
    """Nothing of that name, number or id, or nothing the credentials may know of."""

    status = 404
    type = "NOT_FOUND"


class UnprocessableError(ForgeError):
    """The request breaks a rule: a limit, a state, a missing value."""

    status = 422
    type = "UNPROCESSABLE"
