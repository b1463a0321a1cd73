# SPDX-License-Identifier: Apache-2.0
"""Authenticated encryption of files of any size, in one pass and little memory.

AES-256-GCM over chunks, in the manner of STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015), which
age uses too: a nonce is the number of its chunk and whether it is the last, so chunks that are
dropped, repeated, reordered or cut off at the end do not decrypt. Every file has a key of its own,
derived from the long-lived key and a random salt, so nonces may start at zero. What else belongs to
the file (its manifest) is authenticated with it, unencrypted.
"""

import os
import struct
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"MLFLOWBACKUP1\n"
CHUNK = 1 << 20
_SALT = 32
_TAG = 16


class NotAuthentic(Exception):  # noqa: N818 - told to a person as one sentence
    """The file is not what was encrypted: damaged, cut off, of another key or another manifest."""


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=32, salt=salt, info=MAGIC).derive(key)
    return AESGCM(derived)


def _nonce(number: int, *, last: bool) -> bytes:
    return struct.pack(">QxxxB", number, last)


def encrypt(source: BinaryIO, sink: BinaryIO, *, key: bytes, context: bytes) -> None:
    """Encrypt `source` into `sink` with a key of 32 bytes; `context` must be given to decrypt."""
    salt = os.urandom(_SALT)
    cipher = _cipher(key, salt)
    sink.write(MAGIC + salt)
    number, chunk = 0, source.read(CHUNK)
    while True:
        following = source.read(CHUNK)
        last = not following
        sink.write(cipher.encrypt(_nonce(number, last=last), chunk, context))
        if last:
            return
        number, chunk = number + 1, following


def decrypt(source: BinaryIO, sink: BinaryIO, *, key: bytes, context: bytes) -> None:
    """Decrypt what :func:`encrypt` made.

    What reached `sink` before the error is not to be used.

    Raises:
        NotAuthentic: it is not exactly that, or the key or the context is another.
    """
    head = source.read(len(MAGIC) + _SALT)
    if len(head) != len(MAGIC) + _SALT or not head.startswith(MAGIC):
        raise NotAuthentic("it is not a backup of this chart, or was cut off in its first bytes")
    cipher = _cipher(key, head[len(MAGIC) :])
    number, chunk = 0, source.read(CHUNK + _TAG)
    while True:
        following = source.read(CHUNK + _TAG)
        last = not following
        try:
            sink.write(cipher.decrypt(_nonce(number, last=last), chunk, context))
        except InvalidTag:
            raise NotAuthentic(
                f"chunk {number} does not decrypt: the file is damaged or cut off, or the key or "
                "the manifest is not the one it was made with"
            ) from None
        if last:
            return
        number, chunk = number + 1, following
