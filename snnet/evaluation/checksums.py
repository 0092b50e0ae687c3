"""A checksum over all values of a row, by which a damaged one is told from a sound one."""

import hashlib
from collections.abc import Iterable


def checksum(values: Iterable[object]) -> bytes:
    """Return 16 bytes of the SHA-256 of values as SQLite keeps them: numbers, texts, blobs, None.

    A text and its UTF-8 bytes count alike, as a row is read back in bytes.
    """
    digest = hashlib.sha256()
    for value in values:
        if isinstance(value, str):
            value = value.encode()
        if isinstance(value, bytes):
            digest.update(b"%d:" % len(value) + value)
        else:
            digest.update(f"{type(value).__name__} {value!r};".encode())
    return digest.digest()[:16]
