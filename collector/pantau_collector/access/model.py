"""What is kept of people, tokens and deeds. Instants are seconds since 1970, UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

Scope = Literal["read", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
Action = Literal[
    "token_added",
    "token_revoked",
    "person_added",
    "password_changed",
    "person_removed",
    "logged_in",
    "logged_out",
    "sessions_ended",
]
NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. `anyone` is whoever sits at this machine while nobody has an account.

    `csrf` is what a form of this viewer must carry; only people have one.
    """

    kind: Literal["anyone", "person", "token"]
    name: str
    scope: Scope
    csrf: str = ""

    def may(self, scope: Scope) -> bool:
        """Tell whether the viewer's scope includes this one."""
        return scope == "read" or self.scope == "admin"


@dataclass(frozen=True, slots=True)
class Token:
    """A program's way in. `id` is no secret: it stands in the token and in lists."""

    id: str
    name: str
    scope: Scope
    created_at: int
    ends_at: int
    revoked_at: int | None
    last_used_at: int | None

    def valid_at(self, now: int) -> bool:
        """Tell whether it opens the door at that time."""
        return self.revoked_at is None and now < self.ends_at


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a password. `session_count` counts the browsers that are logged in."""

    name: str
    scope: Scope
    created_at: int
    last_login_at: int | None
    session_count: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the journal: `who` did `action` to `subject`, a person's or a token's name."""

    at: int
    who: str
    action: Action
    subject: str
