"""What each path answers: decides from a request alone, and leaves the doing to the connection.

The paths and their behaviour are those of LibreSpeed's backend (garbage.php, empty.php, getIP.php), so that
its clients work unchanged; `empty` answers with what it received, which they ignore.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from pantau_testpoint.errors import RequestError
from pantau_testpoint.speed.admission import TEST_HEADER, Admission, Stream, identify
from pantau_testpoint.speed.guard import Guard
from pantau_testpoint.speed.request import EXPECT_CONTINUE, Request
from pantau_testpoint.speed.response import NO_STORE, Answer, Headers, fault_answer, json_answer

MIB = 1024 * 1024
DEFAULT_GARBAGE_MIB = 4
MAX_GARBAGE_MIB = 1024

GARBAGE_HEADERS: Headers = (
    ("Content-Type", "application/octet-stream"),
    ("Content-Disposition", "attachment; filename=random.dat"),
    ("Content-Transfer-Encoding", "binary"),
    *NO_STORE,
)
CORS_HEADERS: Headers = (
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Methods", "GET, POST"),
    ("Access-Control-Allow-Headers", "Content-Encoding, Content-Type, X-Pantau-Test"),
)

Health = Callable[[], dict[str, object]]


@dataclass(slots=True)
class Download:
    """Send `size` octets of garbage."""

    stream: Stream
    size: int
    headers: Headers


@dataclass(slots=True)
class Upload:
    """Take a body and say how long it was."""

    stream: Stream
    started_at: float
    headers: Headers
    received_bytes: int = 0

    def answer(self, now: float) -> Answer:
        """Return the count, and the seconds from the request's header to the end of its body."""
        payload = {"received_bytes": self.received_bytes, "duration_s": round(now - self.started_at, 6)}
        return json_answer(HTTPStatus.OK, payload, self.headers)


Plan = Answer | Download | Upload
Handler = Callable[["Endpoints", Request, str], Plan]


@dataclass(frozen=True, slots=True)
class Route:
    """The methods that a path takes beside OPTIONS, and who answers each."""

    handlers: dict[str, Handler] = field(default_factory=dict)

    @property
    def allowed(self) -> str:
        """The value of an Allow header."""
        return ", ".join([*self.handlers, "OPTIONS"])


def garbage_bytes(query: dict[str, str]) -> int:
    """Return how many octets `ckSize` asks for: MiB, 4 if it is missing or no number, at most 1024."""
    text = query.get("ckSize", "")
    if not (text.isascii() and text.isdigit()):
        return DEFAULT_GARBAGE_MIB * MIB
    return min(max(int(text), 1), MAX_GARBAGE_MIB) * MIB


class Endpoints:
    """Answers requests; `clock` is monotonic, in seconds. Without a guard everybody is let in."""

    def __init__(
        self,
        admission: Admission,
        health: Health,
        clock: Callable[[], float],
        guard: Guard | None = None,
    ) -> None:
        self._admission = admission
        self._health = health
        self._clock = clock
        self._guard = guard

    def plan(self, request: Request, client_address: str) -> Plan:
        """Return what to do about `request`. A Download or Upload holds a stream that must be released."""
        cors = CORS_HEADERS if "cors" in request.query or request.method == "OPTIONS" else ()
        try:
            handler = _find(request)
            return handler(self, request, client_address)
        except RequestError as fault:
            return fault_answer(fault, cors)

    def _admit(self, request: Request, client_address: str) -> Stream:
        device = self._let_in(request)
        return self._admission.admit(identify(request.headers.get(TEST_HEADER), client_address), device)

    def _let_in(self, request: Request) -> str | None:
        """Return the device where one must be known; raises TokenRefusedError."""
        return None if self._guard is None else self._guard.device_of(request)

    def _garbage(self, request: Request, client_address: str) -> Plan:
        size = garbage_bytes(request.query)
        return Download(self._admit(request, client_address), size, (*GARBAGE_HEADERS, *_cors(request)))

    def _garbage_head(self, request: Request, _: str) -> Plan:
        headers = (*GARBAGE_HEADERS, *_cors(request))
        return Answer(HTTPStatus.OK, headers, announced_bytes=garbage_bytes(request.query))

    def _take_body(self, request: Request, client_address: str) -> Plan:
        """Take an upload; one without a body is a ping and needs no slot."""
        if not request.has_body:
            return self._ping(request, client_address)
        return Upload(self._admit(request, client_address), self._clock(), _cors(request))

    def _ping(self, request: Request, _: str) -> Plan:
        """Answer; a token is wanted here too, so that a device learns before its test that it needs one."""
        self._let_in(request)
        return json_answer(HTTPStatus.OK, {"received_bytes": 0, "duration_s": 0.0}, _cors(request))

    def _get_ip(self, request: Request, client_address: str) -> Plan:
        payload = {"processedString": client_address, "rawIspInfo": ""}
        return json_answer(HTTPStatus.OK, payload, _cors(request))

    def _healthz(self, request: Request, _: str) -> Plan:
        return json_answer(HTTPStatus.OK, self._health(), _cors(request))

    GARBAGE = Route({"GET": _garbage, "HEAD": _garbage_head})
    EMPTY = Route({"GET": _ping, "HEAD": _ping, "POST": _take_body})
    GET_IP = Route({"GET": _get_ip, "HEAD": _get_ip})
    HEALTHZ = Route({"GET": _healthz, "HEAD": _healthz})


ROUTES = {
    "/garbage": Endpoints.GARBAGE,
    "/backend/garbage.php": Endpoints.GARBAGE,
    "/empty": Endpoints.EMPTY,
    "/backend/empty.php": Endpoints.EMPTY,
    "/getIP": Endpoints.GET_IP,
    "/backend/getIP.php": Endpoints.GET_IP,
    "/healthz": Endpoints.HEALTHZ,
}


def _cors(request: Request) -> Headers:
    return CORS_HEADERS if "cors" in request.query else ()


def _options(route: Route) -> Handler:
    answer = Answer(HTTPStatus.NO_CONTENT, (("Allow", route.allowed), *CORS_HEADERS))
    return lambda _endpoints, _request, _address: answer


def _find(request: Request) -> Handler:
    """Return who answers `request`; raises RequestError where nobody does."""
    route = ROUTES.get(request.path)
    if route is None:
        message = f"there is no such path here; there are {', '.join(ROUTES)}"
        raise RequestError(HTTPStatus.NOT_FOUND, "unknown_path", message)
    if request.method == "OPTIONS":
        return _options(route)
    if request.method not in route.handlers:
        message = f"this path takes {route.allowed}"
        headers = (("Allow", route.allowed),)
        raise RequestError(HTTPStatus.METHOD_NOT_ALLOWED, "wrong_method", message, headers)
    if request.headers.get(b"expect", EXPECT_CONTINUE).lower() != EXPECT_CONTINUE:
        message = "the only expectation that can be met is 100-continue"
        raise RequestError(HTTPStatus.EXPECTATION_FAILED, "unknown_expectation", message)
    return route.handlers[request.method]
