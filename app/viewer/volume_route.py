"""The route on which the browser fetches a volume, once."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from viewer.volume_shelf import the_shelf
from viewer.volume_token import opened

PREFIX = "/medsiam/volume/"
_HEADERS = {
    "Cache-Control": "private, no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def volume_route(visitor_of: Callable[[Request], str | None]) -> Route:
    """Return the route.

    Args:
        visitor_of: who asks, or None for one who was never greeted.
    """

    # No coroutine: Starlette runs it in a thread, where compressing holds up nobody else.
    def serve(request: Request) -> Response:
        name = opened(request.path_params["token"], visitor_of(request) or "")
        if name is None:
            return Response(status_code=403, headers=_HEADERS)
        body = the_shelf().body(name)
        if body is None:
            return Response(status_code=404, headers=_HEADERS)
        headers = {**_HEADERS, "Content-Encoding": "gzip"}
        return Response(body, media_type="application/octet-stream", headers=headers)

    return Route(f"{PREFIX}{{token}}", serve, methods=["GET"])
