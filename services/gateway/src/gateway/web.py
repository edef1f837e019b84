"""The built web UI: its files under `/`, and its page for every path that is a place in it.

Reads one folder (`GATEWAY_WEB`, made by `make web`) when the process starts and serves what was there then;
it never looks at a path that a browser names. Without a built UI it says so and points to the API.
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from gateway.problems import NOT_FOUND, Problem

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
    " font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
"""As strict as antd allows: it writes its style elements while it runs."""

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_PAGE = "index.html"
_NOT_PLACES = frozenset(["v1", "docs", "f", "s", "u", "t", "sign-in", "assets", "static", "livez", "readyz", "healthz"])
"""First parts of paths that are never a place in the UI: a miss there is a miss."""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    packed: Path | None
    media_type: str
    cached: str


class Web:
    """The UI in `folder`; an empty or missing one means that it was not built."""

    def __init__(self, folder: str) -> None:
        root = Path(folder) if folder else None
        self._files = _files(root) if root and (root / _PAGE).is_file() else {}
        self._not_built = Path(__file__).parent / "static" / "not-built.html"

    def routes(self) -> list[Route]:
        """To be asked last: the second takes every path."""
        return [Route("/", self.page), Route("/{path:path}", self.file_or_page)]

    async def page(self, request: Request) -> Response:
        if not self._files:
            return FileResponse(self._not_built, headers={"Cache-Control": _ASK_AGAIN})
        return self._answer(request, self._files[_PAGE])

    async def file_or_page(self, request: Request) -> Response:
        """A file of the UI, or its page where the path may be a place in it. Raises Problem."""
        path = request.path_params["path"]
        if found := self._files.get(path):
            return self._answer(request, found)
        first, _, _ = path.partition("/")
        is_place = first not in _NOT_PLACES and "." not in path.rpartition("/")[2]
        if not is_place or "text/html" not in request.headers.get("accept", ""):
            raise Problem(NOT_FOUND, "nothing is served at this path; see /docs")
        return await self.page(request)

    def _answer(self, request: Request, file: _File) -> Response:
        headers = {"Cache-Control": file.cached, "Vary": "Accept-Encoding"}
        if file.media_type == "text/html":
            headers["Content-Security-Policy"] = POLICY
        if file.packed and _takes_gzip(request):
            return FileResponse(
                file.packed, media_type=file.media_type, headers={**headers, "Content-Encoding": "gzip"}
            )
        return FileResponse(file.path, media_type=file.media_type, headers=headers)


def _takes_gzip(request: Request) -> bool:
    offers = (part.split(";") for part in request.headers.get("accept-encoding", "").split(","))
    return any(o[0].strip() == "gzip" and "q=0" not in [p.strip() for p in o[1:]] for o in offers)


def _files(root: Path) -> dict[str, _File]:
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if not path.is_file() or path.suffix == ".gz" or name.startswith("."):
            continue
        packed = path.with_name(f"{path.name}.gz")
        kind = "application/manifest+json" if path.suffix == ".webmanifest" else mimetypes.guess_type(path.name)[0]
        found[name] = _File(
            path,
            packed if packed.is_file() else None,
            kind or "application/octet-stream",
            _FOR_EVER if name.startswith("assets/") else _ASK_AGAIN,
        )
    return found
