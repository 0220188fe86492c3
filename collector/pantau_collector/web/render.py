"""Templates, the page's language, and the answer's headers."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import jinja2
from fastapi.responses import HTMLResponse, Response

from pantau_collector import formats, i18n
from pantau_collector.months import words as month_words
from pantau_collector.months.model import COUNT_FIELDS
from pantau_collector.web import navigation, words
from pantau_wire.vocabulary import Unit

if TYPE_CHECKING:
    from fastapi import Request

    from pantau_collector.i18n import Language

FOLDER = Path(__file__).parent
COOKIE = "lang"
# Parameters that stay when a link changes another one.
_KEPT = frozenset(
    (
        "area",
        "hours",
        "lang",
        "month",
        "name",
        "next",
        "page",
        "provider",
        "size",
        "sort",
        "technology",
        "verdict",
    )
)
_YEAR_S = 365 * 86_400


@functools.cache
def environment(language: Language) -> jinja2.Environment:
    """Return the templates in a language; everything in them is escaped."""
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.install_gettext_translations(i18n.catalogue(language), newstyle=True)  # type: ignore[attr-defined]
    templates.globals.update(lang=language, languages=i18n.LANGUAGES, static_version=static_version())
    for name in ("label", "about", "of_kind", "of_value"):
        templates.filters[name] = functools.partial(getattr(words, name), language=language)
    templates.globals.update(
        label=functools.partial(words.label, language=language),
        about=functools.partial(words.about, language=language),
        number=functools.partial(formats.number, language=language),
        instant=functools.partial(formats.instant, language=language),
        moment=functools.partial(formats.moment, language=language),
        iso=formats.iso,
        ago=functools.partial(formats.ago, language=language),
        rate=functools.partial(formats.quantity, unit=Unit.BITS_PER_SECOND, language=language),
        say=functools.partial(i18n.translate, language=language),
        day_name=functools.partial(formats.date_text, language=language),
        date_name=functools.partial(formats.date_text, language=language, year=True),
        verdict=functools.partial(month_words.verdict, language=language),
        metric=functools.partial(month_words.metric, language=language),
        state_name=functools.partial(month_words.state, language=language),
        month_name=functools.partial(month_words.month, language=language),
        percent=functools.partial(month_words.percent, language=language),
        verdict_words=tuple(month_words.VERDICTS),
        verdict_fields=COUNT_FIELDS,
        portal_parts=navigation.PARTS,
    )
    return templates


@functools.cache
def static_version() -> str:
    """Return a hash of the static files, so that browsers fetch them anew when they change."""
    digest = hashlib.sha256()
    for path in sorted((FOLDER / "static").iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def language_of(request: Request) -> Language:
    """Return the page's language: what the address asks for, else the cookie, else Indonesian."""
    asked = i18n.known(request.query_params.get("lang"))
    return asked or i18n.known(request.cookies.get(COOKIE)) or i18n.DEFAULT


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page in the request's language, or 304 where the browser has just that."""
    language = language_of(request)
    text = (
        environment(language)
        .get_template(template)
        .render(
            {
                "viewer": request.scope.get("viewer"),
                "here": functools.partial(_here, request),
                "this_part": navigation.part_of(request.scope["path"]),
                **values,
            }
        )
    )
    tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'
    if status == 200 and request.headers.get("if-none-match") == tag:  # noqa: PLR2004
        response = Response(status_code=304)
    else:
        response = HTMLResponse(text, status)
    if status == 200:  # noqa: PLR2004
        response.headers["etag"] = tag
    response.headers["cache-control"] = "private, no-cache"
    response.headers["vary"] = "cookie"
    response.headers["content-language"] = language
    if i18n.known(request.query_params.get("lang")):
        by_tls = request.url.scheme == "https"
        response.set_cookie(COOKIE, language, max_age=_YEAR_S, secure=by_tls, httponly=True, samesite="lax")
    return response


def _here(request: Request, **changes: object) -> str:
    """Return the address of this page with some parameters changed."""
    kept = {key: value for key, value in request.query_params.items() if key in _KEPT and value}
    return "?" + urlencode({**kept, **{key: str(value) for key, value in changes.items()}})
