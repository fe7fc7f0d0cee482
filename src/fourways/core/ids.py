"""Names for things: digests of content, random ids, the types that carry a proof in their name."""

import hashlib
import json
import os
from collections.abc import Callable
from typing import Any, NewType

TenantId = NewType("TenantId", str)
"""Whose row it is. No row of a tenant is read without one."""

DEFAULT_TENANT = TenantId("default")

RandomBytes = Callable[[int], bytes]


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Encode a JSON value so that equal values give equal bytes (sorted keys, no spaces, UTF-8)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:  # noqa: ANN401 - any JSON value, or bytes
    """Return the SHA-256 of bytes, or of a JSON value's canonical form, as 64 hex characters."""
    return hashlib.sha256(value if isinstance(value, bytes) else canonical(value)).hexdigest()


def new_id(prefix: str, random: RandomBytes = os.urandom) -> str:
    """Return a new random id such as `key_3f9c…` (96 random bits).

    Args:
        prefix: says what the id names: `key`, `job`, `fb`, `doc`.
        random: where the bytes come from; tests pass their own.
    """
    return f"{prefix}_{random(12).hex()}"


def new_trace_id(random: RandomBytes = os.urandom) -> str:
    """Return 32 hex characters, the form of an OpenTelemetry trace id."""
    return random(16).hex()
