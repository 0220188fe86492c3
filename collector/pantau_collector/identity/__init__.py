"""Who may connect: two certificate authorities, the certificates they gave, and what became of them.

certificates   keys, certificates and revocation lists; pure, on `cryptography`
journal        what was done, when and by whom: an append-only file, and what follows from it
folder         the files: keys 0600, replaced in one step
authority      what an operator does: begin, issue, revoke, rotate, renew
bundles        what an operator hands over
eviction       ends the open connection of a device that was revoked
testpoint_keys the key pair of the testpoints' tokens
upkeep         renews the revocation list before it lapses
broker_config  a Mosquitto that believes these certificates only
cli, commands  `pantau-collector ca`, `devices`, `broker-config`, `testpoint-key`: what can be said and done
"""
