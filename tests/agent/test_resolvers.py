"""How a resolver is named in the configuration."""

from __future__ import annotations

import pytest

from pantau_agent.config.resolvers import resolver_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]", ("2001:db8::1", 53)),
        ("[2001:db8::1]:65535", ("2001:db8::1", 65535)),
        ("fe80::1%eth0", ("fe80::1%eth0", 53)),
    ],
)
def test_an_address_may_have_a_port(text: str, expected: tuple[str, int]) -> None:
    assert resolver_address(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "dns.example.id", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:", "192.0.2", "192.0.2.1#53",
        "[192.0.2.1", "[]:53", "https://192.0.2.1/dns-query", "System",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a resolver: say system, or an address"):
        resolver_address(text)
