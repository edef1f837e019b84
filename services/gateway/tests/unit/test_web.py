"""The built UI: what is served where, how long it is kept, and what a path may not reach."""

import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from gateway.problems import Problem
from gateway.web import Web

PAGE = {"accept": "text/html"}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "web"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<title>ui</title>")
    (folder / "assets" / "app-1a2b.js").write_text("plain")
    (folder / "assets" / "app-1a2b.js.gz").write_bytes(b"\x1f\x8bpacked")
    (tmp_path / "secret.txt").write_text("secret")
    return folder


async def refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response("id")


def ask(folder: object, path: str, **headers: str) -> httpx.Response:
    app = Starlette(routes=Web(str(folder)).routes(), exception_handlers={Problem: refused})

    async def asking() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
            request = client.build_request("GET", path, headers=headers)
            answer = await client.send(request, stream=True)
            answer._content = b"".join([part async for part in answer.aiter_raw()])
            return answer

    return asyncio.run(asking())


def test_every_place_in_the_ui_gets_its_page_with_a_policy(built: Path) -> None:
    for path in ("/", "/customers", "/customers/0192-7"):
        answer = ask(built, path, **PAGE)
        assert "<title>ui" in answer.text
        assert answer.headers["cache-control"] == "no-cache"
        assert "script-src 'self';" in answer.headers["content-security-policy"]


def test_what_is_not_a_place_is_a_miss(built: Path) -> None:
    for path in ("/assets/gone.js", "/v1x.json", "/f/unknown", "/../secret.txt", "/assets/%2e%2e/%2e%2e/secret.txt"):
        assert ask(built, path, **PAGE).status_code == 404, path
    assert ask(built, "/customers", accept="application/json").status_code == 404


def test_named_by_their_content_files_are_kept_for_ever_and_come_packed(built: Path) -> None:
    plain = ask(built, "/assets/app-1a2b.js", **{"accept-encoding": "identity"})
    assert plain.text == "plain"
    assert "immutable" in plain.headers["cache-control"]
    packed = ask(built, "/assets/app-1a2b.js", **{"accept-encoding": "br, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in ask(built, "/assets/app-1a2b.js", **{"accept-encoding": "gzip;q=0"}).headers


def test_without_a_built_ui_it_says_what_to_do(tmp_path: Path) -> None:
    for folder in ("", tmp_path / "nowhere"):
        assert "make web" in ask(folder, "/", **PAGE).text
