"""Stands before the web application (ASGI): lets nobody through whom ``Access`` refuses, and asks for the token.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from ankle_predictor.dashboard.access import Access

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOGIN = "/login"
LONGEST_BODY = 4096  # bytes of a login
WRONG_TOKEN_DELAY = 1.0  # s
OWN_POLICY = b"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1


class Gate:
    """An ASGI application around another one."""

    def __init__(self, app: App, access: Access, delay: float = WRONG_TOKEN_DELAY) -> None:
        """Guard ``app``; a wrong token is answered after ``delay`` s."""
        self._app, self._access, self._delay = app, access, delay

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request or pass it on."""
        if scope["type"] not in {"http", "websocket"}:  # the server's own start and end
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._access.refusal(headers)
        known = not refusal and self._access.knows(headers)
        if scope["type"] == "websocket":
            if known:
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        elif refusal:
            await _answer(send, 403, refusal)
        elif known:
            await self._app(scope, receive, _hardened(send, headers["host"]))
        elif scope["path"] == LOGIN and scope["method"] == "POST":
            await self._log_in(receive, send)
        elif scope["path"] == "/":
            await _answer(send, 401, _login_page(""), "text/html")
        else:
            await _answer(send, 401, "give the token on the first page")

    async def _log_in(self, receive: Receive, send: Send) -> None:
        token = parse_qs((await _body(receive)).decode("utf-8", "replace")).get("token", [""])[0]
        cookie = self._access.cookie_for(token)
        if cookie is None:
            await asyncio.sleep(self._delay)
            await _answer(send, 401, _login_page("That is not the token."), "text/html")
            return
        await _answer(send, 303, "", extra=[(b"location", b"/"), (b"set-cookie", cookie.encode())])


async def _body(receive: Receive) -> bytes:
    body = b""
    while len(body) <= LONGEST_BODY:
        message = await receive()
        body += bytes(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return body
    return b""


def _policy(host: str) -> bytes:
    """Return the Content-Security-Policy: everything comes from this server, and no other page may show this one."""
    return (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        f"img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws://{host} wss://{host}; "
        "frame-ancestors 'none'; form-action 'self'; base-uri 'self'"
    ).encode("latin-1")


def _security_headers(host: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-security-policy", _policy(host)),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
    ]


def _hardened(send: Send, host: str) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_security_headers(host)]
        await send(message)

    return send_with_headers


async def _answer(
    send: Send, status: int, text: str, kind: str = "text/plain", extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    body = text.encode()
    headers = [
        (b"content-type", f"{kind}; charset=utf-8".encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", OWN_POLICY),
        *(extra or []),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _login_page(complaint: str) -> str:
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Ankle dashboard</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body {{ font: 20px/1.5 system-ui, sans-serif; color: #1e293b; background: #f1f5f9; display: grid; place-items: center;
       min-height: 90vh; margin: 0 }}
form {{ background: white; padding: 32px; border-radius: 16px; display: grid; gap: 16px; width: min(420px, 80vw) }}
input, button {{ font: inherit; padding: 12px; border-radius: 8px; border: 1px solid #94a3b8 }}
button {{ background: #1c4f9c; color: white; border: 0 }} p {{ margin: 0 }} .bad {{ color: #b91c1c }}
</style></head><body><form method="post" action="{LOGIN}">
<label for="token">The token of this page, as given when it was started</label>
<p class="bad">{html.escape(complaint)}</p>
<input id="token" name="token" type="password" autocomplete="current-password" autofocus required>
<button>Open</button></form></body></html>"""
