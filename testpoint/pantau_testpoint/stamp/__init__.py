"""A STAMP Session-Reflector (RFC 8762), both modes, with the session id of RFC 8972."""
