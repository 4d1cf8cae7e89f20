"""The frame of every page: who visits, which repository, how templates are rendered, how mistakes are told."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from pushpals.local.forge.entities import Account, Issue, PullRequest, Repo, Role
from pushpals.local.forge.errors import ForbiddenError, ForgeError, NotFoundError
from pushpals.local.forge.git import GitError
from pushpals.local.forge.web import words
from pushpals.local.forge.web.guard import HEADERS, Guard, content_policy
from pushpals.local.forge.web.markdown import render

if TYPE_CHECKING:
    from pushpals.local.forge.server import Forge
