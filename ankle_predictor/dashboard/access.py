"""Who may use the page: decides by a request's headers alone. No web framework here."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from ankle_imu_driver.refusal import Refusal

SHORTEST_TOKEN = 12  # characters
COOKIE = "ankle_dashboard"
LOCAL_NAMES = ("localhost",)


@dataclass(frozen=True)
class Access:
    """The rules of one server.

    The names under which a browser may call the server are fixed: a page of another site that lets its own name point
    to this machine (DNS rebinding) still sends its own name. An address needs no name to be looked up, so that any
    address is good. A request that another site's page makes has that site's ``Origin``.

    Attributes:
        host: the address that the server listens on.
        token: the secret; empty for none.
        names: host names, in lower case, that a browser may call the server by.
    """

    host: str
    token: str
    names: frozenset[str]
    _session: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    def refusal(self, headers: Mapping[str, str]) -> str:
        """Return why a request is refused whoever sends it, or an empty text. Names of headers are in lower case."""
        host = headers.get("host", "")
        name = _host_name(host)
        if name not in self.names and not _is_address(name):
            return f"this page is not called {name or 'nothing'!r}; open it by the computer's address or its own name"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return f"the page {origin!r} may not use this one"
        return ""

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Return whether the sender may see and do everything: no token is set, or it was given before."""
        if not self.token:
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and _same(cookie.value, self._session)

    def cookie_for(self, token: str) -> str | None:
        """Return the ``Set-Cookie`` header for a token; None if it is wrong."""
        if not self.token or not _same(token, self.token):
            return None
        return f"{COOKIE}={self._session}; Path=/; HttpOnly; SameSite=Strict"


def access_for(host: str, token: str) -> Access:
    """Return the rules for an address to listen on.

    Raises:
        Refusal: others than this machine could reach the page and there is no token, or the token is too short.
    """
    if token and len(token) < SHORTEST_TOKEN:
        raise Refusal(f"--token needs {SHORTEST_TOKEN} characters or more, not {len(token)}, as {_example()}")
    local = _is_loopback(host)
    if not local and not token:
        raise Refusal(
            f"--host {host} lets other computers in: it needs a --token that they must give, such as {_example()}"
        )
    own = () if local else (socket.gethostname(), f"{socket.gethostname()}.local", socket.getfqdn())
    return Access(host, token, frozenset(name.lower() for name in _names(host, own)))


def _names(host: str, own: Iterable[str]) -> Iterable[str]:
    yield from LOCAL_NAMES
    yield from own
    if not _is_address(host):
        yield host


def _example() -> str:
    return secrets.token_urlsafe(12)


def _host_name(header: str) -> str:
    """Return the name or address in a Host header, without its port; empty if there is none."""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _same(given: str, wanted: str) -> bool:
    """Compare two secrets in a time that does not depend on where they differ."""
    digests = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, wanted))
    return hmac.compare_digest(*digests)
