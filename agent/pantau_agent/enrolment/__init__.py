"""How this device gets its identity: the key is made here and never travels.

request     the key, and the signing request that goes to the collector's operator
install     what came back: checked against the key, then put in its place
joining     the same over the network: from the line of an invitation to a certificate in its place
portal      the portal, known by the fingerprint in the line
refusals    what goes wrong there, and what to do
command     `pantau-agent enroll`: what people read

On `cryptography`: imported by this command alone.
"""
