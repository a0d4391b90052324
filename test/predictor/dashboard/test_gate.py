"""The gate before the application: nothing passes that must not, by HTTP or by websocket."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest

from ankle_predictor.dashboard.access import Access, access_for
from ankle_predictor.dashboard.gate import Gate

TOKEN = "a-token-of-some-length"
HOST = "127.0.0.1:8642"


def ask(
    access: Access, kind: str = "http", path: str = "/", method: str = "GET", body: bytes = b"", **headers: str
) -> tuple[list[Any], bool]:
    """Send one request; returns what was sent back, and whether the application was reached."""
    reached, sent = [], []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)
        start = {"type": "http.response.start", "status": 200, "headers": []}
        await send(start if kind == "http" else {"type": "websocket.accept"})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in {"host": HOST, **headers}.items()]
    scope = {"type": kind, "path": path, "method": method, "headers": raw}
    asyncio.run(Gate(application, access, delay=0.0)(scope, receive, send))
    return sent, bool(reached)


def headers_of(message: Any) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in message["headers"]}


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_without_a_token_this_machine_passes(kind: str) -> None:
    assert ask(access_for("127.0.0.1", ""), kind)[1]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("wrong", [{"host": "evil.example:8642"}, {"origin": "http://evil.example"}])
@pytest.mark.parametrize("token", ["", TOKEN])
def test_rebinding_and_other_sites_never_pass(kind: str, wrong: dict[str, str], token: str) -> None:
    access = access_for("127.0.0.1", token)
    known = {"cookie": str(access.cookie_for(token)).partition(";")[0]} if token else {}
    sent, reached = ask(access, kind, **known, **wrong)
    assert not reached
    assert sent[0].get("status") == 403 or sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "path", ["/", "/_nicegui_ws/socket.io/", "/_nicegui/3/components/a.js", "/login", "//", "/%2e"]
)
def test_without_the_token_nothing_passes(kind: str, path: str) -> None:
    sent, reached = ask(access_for("127.0.0.1", TOKEN), kind, path)
    assert not reached
    assert sent[0].get("status") == 401 or sent == [{"type": "websocket.close", "code": 1008}]


def test_the_token_opens_the_page() -> None:
    access = access_for("0.0.0.0", TOKEN)
    page = ask(access)[0][1]["body"].decode()
    assert 'name="token"' in page
    (start, _), reached = ask(access, path="/login", method="POST", body=urlencode({"token": TOKEN}).encode())
    assert (start["status"], reached) == (303, False)
    cookie = headers_of(start)["set-cookie"].partition(";")[0]
    assert ask(access, cookie=cookie)[1]
    assert ask(access, "websocket", cookie=cookie)[1]


@pytest.mark.parametrize(
    "body", [b"", b"token=", b"token=wrong", b"\xff=\xff", b"token=" + TOKEN.encode() + b"x" * 5000]
)
def test_a_wrong_token_opens_nothing(body: bytes) -> None:
    (start, page), reached = ask(access_for("0.0.0.0", TOKEN), path="/login", method="POST", body=body)
    assert (start["status"], reached) == (401, False)
    assert "set-cookie" not in headers_of(start)
    assert b"not the token" in page["body"]


def test_the_browser_is_told_to_load_nothing_from_elsewhere() -> None:
    sent, _ = ask(access_for("127.0.0.1", ""))
    policy = headers_of(sent[0])["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
