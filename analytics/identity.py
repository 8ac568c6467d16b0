"""Names made from content: the same input has the same name, on every host."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces; equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    return str(value)


def digest(*parts: Any) -> str:
    """16 hexadecimal digits of SHA-256 over the parts' canonical JSON."""
    return hashlib.sha256(canonical(parts).encode()).hexdigest()[:16]


def digest63(*parts: Any) -> int:
    """A non-negative 63-bit integer that names the parts; fits a signed 64-bit column."""
    return int(digest(*parts), 16) >> 1
