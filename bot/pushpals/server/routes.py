"""Which handler answers what: a table of paths, and nothing else that aiohttp's `Application` would do.

That costs about a tenth of a delivery, and the door has three addresses, none of them with a pattern.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import HttpVersion11, hdrs, web

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Routes = Mapping[str, tuple[str, Handler]]
"""For each path its method and its handler. What answers GET also answers HEAD."""


def answering(routes: Routes) -> Handler:
    """Return what answers every request: by its route, else with 404, or with 405 for another method."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        route = routes.get(request.path)
        if route is None:
            return web.Response(status=HTTPStatus.NOT_FOUND, text="There is nothing here.\n")
        method, handler = route
        allowed = {"GET", "HEAD"} if method == "GET" else {method}
        if request.method not in allowed:
            headers = {"Allow": ", ".join(sorted(allowed))}
            return web.Response(
                status=HTTPStatus.METHOD_NOT_ALLOWED, text=f"Use {method} here.\n", headers=headers
            )
        expected = request.headers.get(hdrs.EXPECT)
        if expected is not None and request.version == HttpVersion11:
            if expected.lower() != "100-continue":
                return web.Response(status=HTTPStatus.EXPECTATION_FAILED, text="Expect 100-continue.\n")
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0  # that was no answer yet
        return await handler(request)

    return answer
