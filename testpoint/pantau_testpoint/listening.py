"""Opens the sockets, and turns each way this can fail into a sentence that says what to do."""

import contextlib
import errno
import resource
import socket
from collections.abc import Iterator

from pantau_testpoint.errors import ListenError

BACKLOG = 512
SPARE_FILES = 64


def listen_tcp(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket; `::` takes both address families."""
    with _explained("TCP", host, port, option="http-port"):
        family, address = _resolve(host, port, socket.SOCK_STREAM)
        return socket.create_server(
            address, family=family, backlog=BACKLOG, dualstack_ipv6=_is_any_ipv6(address)
        )


def listen_udp(host: str, port: int, *, option: str = "stamp-port") -> socket.socket:
    """Return a bound UDP socket; `::` takes both address families. `option` is what chose the port."""
    with _explained("UDP", host, port, option=option):
        family, address = _resolve(host, port, socket.SOCK_DGRAM)
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not _is_any_ipv6(address))
            sock.bind(address)
        except OSError:
            sock.close()
            raise
        return sock


def allow_open_files(count: int) -> None:
    """Raise this process's soft limit of open files to `count` and some, as far as the hard one allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _resolve(host: str, port: int, kind: socket.SocketKind) -> tuple[socket.AddressFamily, tuple[str, int]]:
    found = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    return family, (str(address[0]), port)


def _is_any_ipv6(address: tuple[str, int]) -> bool:
    return address[0] == "::"


@contextlib.contextmanager
def _explained(protocol: str, host: str, port: int, *, option: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        variable = "PANTAU_TESTPOINT_" + option.replace("-", "_").upper()
        reason = _reason(error, protocol, port)
        raise ListenError(
            f"cannot listen on {protocol} port {port} of {host}: {reason}, "
            f"or choose another with --{option} or {variable} (the address with --listen)"
        ) from error


def _reason(error: OSError, protocol: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        table = "-ltnp" if protocol == "TCP" else "-lunp"
        return f"another program has it; stop that one (ss {table} 'sport = :{port}' names it)"
    if error.errno == errno.EACCES:
        return "ports below 1024 need root or CAP_NET_BIND_SERVICE; grant that"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address; see 'ip address'"
    return f"{error.strerror or error}; correct that"
