"""Everything that can go wrong in the testpoint, in one tree.

TestpointError
├── ConfigurationError     a setting is wrong; the message says which and why
├── ListenError            a port cannot be had; the message says what to do
├── RequestError           an HTTP request is answered with an error status
│   ├── TokenRefusedError  it comes without a token that lets it in
│   └── AdmissionError     the request is fine, but must come later
│       ├── TooManyTestsError
│       ├── TooManyTestsOfDeviceError
│       └── TooManyStreamsError
├── PacketTooShortError    a UDP packet is no STAMP test packet
└── WrongHmacError         a STAMP test packet is not signed with a key of ours
"""

from http import HTTPStatus


class TestpointError(Exception):
    """Base of every error that the testpoint raises on purpose."""


class ConfigurationError(TestpointError):
    """A setting from the environment or the command line is wrong."""


class ListenError(TestpointError):
    """A socket cannot be opened where it was asked for."""


class RequestError(TestpointError):
    """A request that gets an error status instead of what it asked for.

    `code` is a stable word for programs, `message` one sentence for people.
    """

    def __init__(
        self, status: HTTPStatus, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


class TokenRefusedError(RequestError):
    """The request brings no token that lets it in; `fault` is a word for programs (RFC 9110, 11.6.1)."""

    def __init__(self, fault: str, message: str) -> None:
        challenge = ("WWW-Authenticate", f'Pantau error="{fault}"')
        super().__init__(HTTPStatus.UNAUTHORIZED, f"token_{fault}", message, headers=(challenge,))


class AdmissionError(RequestError):
    """The request may be repeated after `retry_after_s` seconds."""

    def __init__(self, status: HTTPStatus, code: str, message: str, retry_after_s: int) -> None:
        super().__init__(status, code, message, headers=(("Retry-After", str(retry_after_s)),))
        self.retry_after_s = retry_after_s


class TooManyTestsError(AdmissionError):
    """Every test slot is taken."""

    def __init__(self, max_tests: int, retry_after_s: int) -> None:
        message = f"all {max_tests} test slots are taken; try again in {retry_after_s} s"
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_tests", message, retry_after_s)


class TooManyTestsOfDeviceError(AdmissionError):
    """One device runs as many tests as it may."""

    def __init__(self, max_tests: int, retry_after_s: int) -> None:
        message = f"one device may run {max_tests} tests at once; try again in {retry_after_s} s"
        super().__init__(HTTPStatus.TOO_MANY_REQUESTS, "too_many_tests_of_device", message, retry_after_s)


class TooManyStreamsError(AdmissionError):
    """One test has opened as many parallel transfers as it may."""

    def __init__(self, max_streams: int, retry_after_s: int) -> None:
        message = f"one test may run {max_streams} transfers at once; finish one first"
        super().__init__(HTTPStatus.TOO_MANY_REQUESTS, "too_many_streams", message, retry_after_s)


class PacketTooShortError(TestpointError):
    """A datagram holds fewer octets than a STAMP test packet (RFC 8762, section 4.2.1)."""


class WrongHmacError(TestpointError):
    """A STAMP test packet of authenticated mode is not signed with a key of ours (RFC 8762, section 4.4)."""
