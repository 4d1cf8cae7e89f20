"""The merge train of a repository: seen, decided on and driven, as an issue is, from its own record."""
