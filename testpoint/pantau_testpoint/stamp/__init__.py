"""A STAMP Session-Reflector (RFC 8762), unauthenticated mode, with the session id of RFC 8972."""
