"""What a testpoint's token costs: the collector to sign, the testpoint to check, a stranger to be refused.

Processor time of one core. `python -m benchmarks.testpoint_tokens` prints the rows.
"""

import contextlib
import json
import time
from collections.abc import Callable

from pantau_wire import signing
from pantau_wire.errors import TokenError
from pantau_wire.tokens import Claims, TokenKeys, TokenSigner

TOKENS = 1000  # all of them fit into the memory of good tokens
TURNS = 5
NOW_S = 1_790_000_000
US_PER_S = 1e6


def run() -> list[dict[str, object]]:
    """Return one row for each thing that happens to a token."""
    pem = signing.new_private_pem()
    signer, public_key = TokenSigner(pem), signing.public_key_of(pem)
    claims = [Claims(f"desa-{number}", NOW_S, NOW_S + 86_400) for number in range(TOKENS)]
    tokens = [signer.token(claim) for claim in claims]
    forged = [token[:-8] + "AAAAAAAA" for token in tokens]
    known = _knowing(public_key, tokens)
    cases: dict[str, Callable[[], object]] = {
        "signed": lambda: [signer.token(claim) for claim in claims],
        "checked, first request": lambda: _judge(TokenKeys([public_key]), tokens),
        "checked, further requests": lambda: _judge(known, tokens),
        "forged, refused": lambda: _judge(TokenKeys([public_key]), forged),
        "no token, refused": lambda: _judge(TokenKeys([public_key]), ["nonsense"] * TOKENS),
    }
    return [{"what": name, "cpu_us_each": round(_best_us(case), 1)} for name, case in cases.items()]


def _knowing(public_key: str, tokens: list[str]) -> TokenKeys:
    keys = TokenKeys([public_key])
    _judge(keys, tokens)
    return keys


def _judge(keys: TokenKeys, tokens: list[str]) -> None:
    for token in tokens:
        with contextlib.suppress(TokenError):
            keys.judge(token, NOW_S)


def _best_us(case: Callable[[], object]) -> float:
    spent_s = []
    for _ in range(TURNS):
        began_s = time.process_time()
        case()
        spent_s.append(time.process_time() - began_s)
    return min(spent_s) / TOKENS * US_PER_S


if __name__ == "__main__":
    for row in run():
        print(json.dumps(row))
