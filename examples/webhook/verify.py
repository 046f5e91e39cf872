"""Verifies a request of a webhook: signature and age. The body is read from standard input.

usage: WEBHOOK_SECRET=... verify.py SIGNATURE TIMESTAMP [NOW]
"""

import hashlib
import hmac
import os
import sys
import time

TOLERANCE = 300  # seconds


def is_valid(secret: bytes, signature: str, timestamp: str, body: bytes, now: float) -> bool:
    if not timestamp.isdigit() or abs(now - int(timestamp)) > TOLERANCE:
        return False  # a replay, or a clock that is wrong
    mac = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256)
    return hmac.compare_digest("sha256=" + mac.hexdigest(), signature)


if __name__ == "__main__":
    now = float(sys.argv[3]) if len(sys.argv) > 3 else time.time()
    secret = os.environ["WEBHOOK_SECRET"].encode()
    sys.exit(0 if is_valid(secret, sys.argv[1], sys.argv[2], sys.stdin.buffer.read(), now) else 1)
