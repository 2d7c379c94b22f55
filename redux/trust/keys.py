"""Keys of ed25519: written as lines of text, signing and verifying; strict, so that nothing has two forms."""

from __future__ import annotations

import base64
import binascii
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, NewType, NoReturn

from redux.trust.trouble import KeyRefused, SigningMissing
from redux_valuestore.digest import digest_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PublicKey = NewType("PublicKey", bytes)
"""A public key of ed25519: 32 bytes."""

KEY_SIZE = 32
SIGNATURE_SIZE = 64
KEY_ID_DIGITS = 16
PUBLIC_MARK = "redux-public-1:"
SECRET_MARK = "redux-secret-1:"

_FIELD = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_CURVE = -121665 * pow(121666, -1, _FIELD) % _FIELD
_SIGN = 1 << 255
_EIGHTH = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
SMALL_ORDER = frozenset({0, 1, _FIELD - 1, _EIGHTH, _FIELD - _EIGHTH})
"""Heights of the eight points whose signatures fit many messages; the key of 32 zeros is one of them."""


def public_key(data: bytes) -> PublicKey:
    """`data` as a public key: 32 bytes, the one encoding of a point that is not of small order.

    Raises `KeyRefused`.
    """
    if len(data) != KEY_SIZE:
        raise KeyRefused(f"a public key has {KEY_SIZE} bytes, this one {len(data)}; ask its owner for the line again")
    if not _is_sound_point(data) or not _is_on_curve(data):
        raise KeyRefused("this is no public key of ed25519: nobody signs with it; ask its owner for the line again")
    return PublicKey(data)


def key_id(key: PublicKey) -> str:
    """What a key is called: 16 hex digits, the first 8 bytes of its digest."""
    return digest_bytes(key).hex()[:KEY_ID_DIGITS]


def public_text(key: PublicKey) -> str:
    """A public key as the line of text that others are given."""
    return PUBLIC_MARK + base64.b64encode(key).decode()


def read_public(text: str) -> PublicKey:
    """The public key of a line of text. Raises `KeyRefused`; what was given is not repeated."""
    line = text.strip()
    if line.startswith(SECRET_MARK):
        raise KeyRefused(
            "this is a secret key, where a public one belongs; give nobody that line, "
            "and the one with 'redux-public' instead (`redux trust show` prints it)"
        )
    return public_key(_key_bytes(line, PUBLIC_MARK, "public"))


def is_signed(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is the key's own for `message`, in its one canonical form.

    Raises `SigningMissing`.
    """
    if len(key) != KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        return False
    # Libraries differ in what they let pass here, so nothing of it is left to them.
    if not _is_sound_point(key) or not _is_sound_point(signature[:32]):
        return False
    if int.from_bytes(signature[32:], "little") >= _ORDER:
        return False
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - an extra, and heavy
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - likewise
    except ImportError:
        raise SigningMissing from None
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class SigningKey:
    """A secret key, which signs; neither its `repr` nor a pickle gives it away.

    What it is good for is worked out when it is asked for: a run that sends nothing has no need of the library.
    """

    __slots__ = ("_known", "_seed")

    def __init__(self, seed: bytes) -> None:
        if len(seed) != KEY_SIZE:
            raise KeyRefused(f"a secret key has {KEY_SIZE} bytes, this one {len(seed)}")
        if find_spec("cryptography") is None:
            raise SigningMissing
        self._seed = seed
        self._known: tuple[Ed25519PrivateKey, PublicKey] | None = None

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key, from the system's randomness. Raises `SigningMissing`."""
        return cls(os.urandom(KEY_SIZE))

    @classmethod
    def from_text(cls, text: str) -> SigningKey:
        """The key of a line of text. Raises `KeyRefused`, which does not repeat it, and `SigningMissing`."""
        line = text.strip()
        if line.startswith(PUBLIC_MARK):
            raise KeyRefused(
                "this is a public key, where the secret one belongs; the line to sign with begins with 'redux-secret'"
            )
        return cls(_key_bytes(line, SECRET_MARK, "secret"))

    @property
    def text(self) -> str:
        """The key as a line of text: the secret itself."""
        return SECRET_MARK + base64.b64encode(self._seed).decode()

    @property
    def public(self) -> PublicKey:
        """The public key that belongs to it."""
        return self._pair()[1]

    def sign(self, message: bytes) -> bytes:
        """The signature of a message: 64 bytes, the same for the same message."""
        return self._pair()[0].sign(message)

    def _pair(self) -> tuple[Ed25519PrivateKey, PublicKey]:
        if self._known is None:
            private = _private(self._seed)
            self._known = private, PublicKey(private.public_key().public_bytes_raw())
        return self._known

    def __repr__(self) -> str:
        return f"<SigningKey {key_id(self.public)}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret key is not pickled; let the other process read it where it is kept")


def _private(seed: bytes) -> Ed25519PrivateKey:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415 - an extra, and heavy
            Ed25519PrivateKey,
        )
    except ImportError:
        raise SigningMissing from None
    return Ed25519PrivateKey.from_private_bytes(seed)


def _key_bytes(line: str, mark: str, kind: str) -> bytes:
    """The bytes behind a mark. Only the one way to write them counts, and no error repeats any of it."""
    if not line.startswith(mark):
        raise KeyRefused(f"a {kind} key is one line that begins with {mark!r}; this does not")
    coded = line.removeprefix(mark)
    try:
        data = base64.b64decode(coded, validate=True)
    except (binascii.Error, ValueError):
        raise KeyRefused(f"what follows {mark!r} is not whole base64; copy the line again") from None
    if base64.b64encode(data).decode() != coded or len(data) != KEY_SIZE:
        raise KeyRefused(f"what follows {mark!r} is not {KEY_SIZE} bytes in base64; copy the line again")
    return data


def _is_sound_point(data: bytes) -> bool:
    """Whether 32 bytes are the only encoding of what they encode, and that is not of small order."""
    height = int.from_bytes(data, "little") & ~_SIGN
    return height < _FIELD and height not in SMALL_ORDER


def _is_on_curve(data: bytes) -> bool:
    square = (int.from_bytes(data, "little") & ~_SIGN) ** 2
    root = (square - 1) * pow(_CURVE * square + 1, -1, _FIELD)
    return pow(root, (_FIELD - 1) // 2, _FIELD) == 1
