"""How this device gets its identity: the key is made here and never travels.

request     the key, and the signing request that goes to the collector's operator
install     what came back: checked against the key, then put in its place
command     `pantau-agent enroll`: what people read

On `cryptography`: imported by this command alone.
"""
