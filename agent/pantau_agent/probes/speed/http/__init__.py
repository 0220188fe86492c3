"""The engine `http`: parallel connections, GET garbage and POST random octets (LibreSpeed's dialect)."""
