"""PushPals: label an issue, get a small, checked pull request."""

__version__ = "0.1.0"
