"""What administrators write to a village's month: objections, answers, announced maintenance.

All go through the functions that the command line uses; what these refuse becomes a page that says what
to do.
"""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from pantau_collector.access.model import Viewer
from pantau_collector.formats import SECOND_NS
from pantau_collector.i18n import Message
from pantau_collector.i18n import marked as _
from pantau_collector.months import maintenance, objections
from pantau_collector.months.model import Maintenance
from pantau_collector.registry.timezones import zone_of
from pantau_collector.web import announcing, forms
from pantau_collector.web.admission import Admission
from pantau_collector.web.cookies import SESSION
from pantau_collector.web.failures import PageError
from pantau_collector.web.portal import Portal
from pantau_collector.web.verdicts import asking

Done = Literal["filed", "answered", "announced", "late", "too_much", "withdrawn"]
DONE: dict[Done, str] = {
    "filed": _("The objection is filed."),
    "answered": _("The answer is kept, and shown with the objection."),
    "announced": _("The maintenance is announced."),
    "late": _("The maintenance is kept, but it does not count: it was not announced early enough."),
    "too_much": _("The maintenance is kept, but not all of it counts: the month's limit is reached."),
    "withdrawn": _("The maintenance is withdrawn."),
}
"""What was done, said after it. The words stand in the address that leads back to the page."""
BAD_TIME = _("'{value}' is no time: write date and time of day, such as 2026-12-01T02:00")


def router(portal: Portal, admission: Admission) -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False, prefix="/villages/{code}")
    desk = _Desk(portal, admission)
    for path, deed in (
        ("/objections", desk.file),
        ("/objections/{number}/answer", desk.answer),
        ("/maintenance", desk.announce),
        ("/maintenance/{number}/withdraw", desk.withdraw),
    ):
        routes.add_api_route(path, deed, methods=["POST"])
    return routes


class _Desk:
    """Reads forms of administrators, and hands on what stands in them."""

    def __init__(self, portal: Portal, admission: Admission) -> None:
        self._portal, self._admission = portal, admission

    async def file(self, request: Request, code: str) -> Response:
        """Keep an objection of whom the form names."""
        form, _viewer = await self._form(request, code)
        month, text, by = (form.get(name, "") for name in ("month", "text", "by"))
        now_ns = self._portal.clock_ns()
        store = self._portal.store
        await run_in_threadpool(objections.file, store, code, month, by=by, text=text, now_ns=now_ns)
        return _back(code, month, "filed")

    async def answer(self, request: Request, code: str, number: str) -> Response:
        """Keep an answer, in the name of who is logged in."""
        form, viewer = await self._form(request, code)
        text, now_ns = form.get("text", ""), self._portal.clock_ns()
        store = self._portal.store
        await run_in_threadpool(objections.answer, store, number, by=viewer.name, text=text, now_ns=now_ns)
        return _back(code, form.get("month", ""), "answered")

    async def announce(self, request: Request, code: str) -> Response:
        """Keep an announcement, and say whether it counts."""
        form, _viewer = await self._form(request, code)
        asked = Maintenance(
            area=code,
            from_ns=_instant(form.get("from", ""), code),
            to_ns=_instant(form.get("to", ""), code),
            announced_ns=self._portal.clock_ns(),
            by=form.get("by", ""),
            what=form.get("what", ""),
        )
        found = await run_in_threadpool(announcing.announce, self._portal, asked)
        return _back(code, form.get("month", ""), found.shortfall or "announced")

    async def withdraw(self, request: Request, code: str, number: str) -> Response:
        """Take an announcement back before it begins."""
        form, viewer = await self._form(request, code)
        store, now_ns = self._portal.store, self._portal.clock_ns()
        await run_in_threadpool(maintenance.withdraw, store, number, by=viewer.name, now_ns=now_ns)
        return _back(code, form.get("month", ""), "withdrawn")

    async def _form(self, request: Request, code: str) -> tuple[dict[str, str], Viewer]:
        """Return the fields of one of our own forms, and who sent it; only administrators may."""
        viewer: Viewer = request.scope["viewer"]
        if not viewer.may("admin") or viewer.kind != "person":
            raise HTTPException(403, "an administrator is wanted")
        asking.village_of(code)
        return await forms.read_own(request, self._admission.cookies.get(request, SESSION)), viewer


def _instant(text: str, village: str) -> int:
    """Return a local time of a village, as forms have it, in ns since 1970."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise PageError(422, Message(BAD_TIME, {"value": text[:40]})) from None
    if local.tzinfo is None:
        local = local.replace(tzinfo=zone_of(village).tzinfo)
    return int(local.timestamp()) * SECOND_NS


def _back(code: str, month: str, done: Done) -> Response:
    chosen = f"month={month}&" if month.replace("-", "").isdecimal() else ""
    part = "maintenance" if done not in ("filed", "answered") else "objections"
    return RedirectResponse(f"/villages/{code}?{chosen}done={done}#{part}", 303)
