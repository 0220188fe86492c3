"""A small SNTP server (RFC 4330, RFC 5905), for devices whose way to the public NTP servers is blocked."""
