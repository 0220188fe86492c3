"""Cookies that only we can read. `__Host-`, by TLS, keeps other hosts from planting them (RFC 6265bis)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import Request, Response

SESSION, FORM = "pantau-session", "pantau-form"


class Cookies:
    """Reads and writes them; `secure` where browsers come by TLS."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure

    def name(self, of: str) -> str:
        """Return the name that the browser knows a cookie by."""
        return f"__Host-{of}" if self._secure else of

    def get(self, request: Request, of: str) -> str | None:
        """Return a cookie that came with a request."""
        return request.cookies.get(self.name(of))

    def put(self, response: Response, of: str, value: str) -> None:
        """Have the browser keep it until it is closed."""
        response.set_cookie(
            self.name(of), value, secure=self._secure, httponly=True, samesite="lax", path="/"
        )

    def drop(self, response: Response, of: str) -> None:
        """Have the browser forget it."""
        response.delete_cookie(self.name(of), secure=self._secure, httponly=True, samesite="lax", path="/")
