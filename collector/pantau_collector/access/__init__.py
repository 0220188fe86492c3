"""Who may see the portal: people with passwords, programs with tokens, sessions, and a journal of it all.

Nothing here can be turned back into a secret: tokens and session cookies are kept as SHA-256 of 256 random
bits, passwords as scrypt.
"""
