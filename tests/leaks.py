"""Secrets made fresh for every run, and a search that finds them in any spelling."""

import base64
import hashlib
import html
import json
import random
import secrets
import string
from collections.abc import Iterable, Iterator
from functools import cache
from urllib.parse import quote, quote_plus

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

# A leak of this many characters in a row is one: less may be chance.
WINDOW = 12
_LETTERS = string.ascii_letters + string.digits


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


class Planted:
    """The secrets of one run: what is secret in each, by the place it is put."""

    def __init__(self) -> None:
        self.parts: dict[str, str] = {}

    def _keep(self, place: str, part: str) -> str:
        assert place not in self.parts, place
        self.parts[place] = part
        return part

    def password(self, place: str) -> str:
        """Return a password that every encoding spells differently."""
        return self._keep(place, f"{_random(7)}+/%&<{_random(6)}='é{_random(9)}")

    def plain(self, place: str) -> str:
        """Return a password of letters and digits, for formats without quoting."""
        return self._keep(place, _random(24))

    def short(self, place: str) -> str:
        """Return a password as people choose them."""
        return self._keep(place, _random(10))

    def token(self, place: str) -> str:
        """Return a JSON Web Token; its first part says nothing secret."""
        head = base64.urlsafe_b64encode(b'{"alg":"RS256","typ":"JWT"}').decode()
        says = base64.urlsafe_b64encode(f'{{"sub":"{_random(30)}"}}'.encode()).decode()
        claims = says.rstrip("=").removeprefix("eyJ")
        part = self._keep(place, f"{claims}.{_random(43)}")
        return f"{head.rstrip('=')}.eyJ{part}"

    def api_key(self, place: str) -> str:
        """Return a Google API key."""
        return "AIza" + self._keep(place, _random(35))

    def client_secret(self, place: str) -> str:
        """Return the client secret of a Google OAuth client."""
        return "GOCSPX-" + self._keep(place, _random(28))

    def aws_key(self, place: str) -> str:
        """Return an AWS secret access key."""
        return self._keep(place, _random(20) + "/" + _random(19))

    def webhook(self, place: str) -> str:
        """Return an incoming webhook of Slack."""
        part = self._keep(place, f"T{_random(9)}/B{_random(9)}/{_random(24)}")
        return f"https://hooks.slack.com/services/{part}"

    def private_key(self, place: str) -> str:
        """Return a new RSA key in PEM."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        # what every PKCS #8 key begins with is no secret
        self._keep(place, "\n".join(pem.splitlines()[1:-1])[40:])
        return pem

    def key_file(self, place: str) -> str:
        """Return the content of a service account's key file."""
        return json.dumps(
            {
                "type": "service_account",
                "project_id": "shop",
                "private_key_id": "0123456789abcdef0123456789abcdef01234567",
                "private_key": self.private_key(place),
                "client_email": "etl@shop.iam.gserviceaccount.com",
                "token_uri": "https://oauth2.googleapis.com/token",
            }
        )

    def refresh_token(self, place: str) -> str:
        """Return the content of a user's credential file."""
        part = self._keep(place, _random(60))
        return json.dumps(
            {
                "type": "authorized_user",
                "client_id": "764086051850.apps.googleusercontent.com",
                "refresh_token": f"1//{part}",
            }
        )


def spellings(part: str) -> Iterator[tuple[str, str]]:
    """Yield every spelling of `part` that gives it away, each with its name."""
    data = part.encode()
    texts = {"raw": part, "one line": part.replace("\n", "")}
    for name, text in texts.items():
        yield name, text
        yield f"{name} reversed", text[::-1]
        yield f"{name} in JSON", json.dumps(text)[1:-1]
        yield f"{name} in JSON, not ASCII", json.dumps(text, ensure_ascii=False)[1:-1]
        yield f"{name} in HTML", html.escape(text)
        yield f"{name} in HTML, numeric", html.escape(text).replace("&#x27;", "&#39;")
        yield f"{name} in Python", repr(text)[1:-1]
        yield f"{name} in a URL", quote(text)
        yield f"{name} in a URL's path segment", quote(text, safe="")
        yield f"{name} in a form", quote_plus(text)
        for order in ("le", "be"):
            yield f"{name} in UTF-16", text.encode(f"utf-16-{order}").decode("latin-1")
        encoded = text.encode()
        yield f"{name} in hex", encoded.hex()
        yield f"{name} in upper hex", encoded.hex().upper()
        yield f"{name} in base32", base64.b32encode(encoded).decode().rstrip("=")
        for shift in range(3):
            padded = b"\0" * shift + encoded
            for kind in (base64.b64encode, base64.urlsafe_b64encode):
                whole = kind(padded).decode()
                # the first and last characters depend on the neighbours
                yield f"{name} in base64 + {shift}", whole[shift and shift + 1 : -4]
    for digest in ("md5", "sha1", "sha256"):
        # a digest without a key can be searched for
        yield digest, hashlib.new(digest, data, usedforsecurity=False).hexdigest()


def _windows(text: str) -> Iterable[str]:
    if len(text) <= WINDOW:
        return (text,)
    return (text[at : at + WINDOW] for at in range(len(text) - WINDOW + 1))


def _folded(text: str) -> str:
    # UTF-16 is read as what it says: a window of it would be half as long, and chance
    return text.lower().replace("\0", "")


class Search:
    """Looks for every planted secret at once, in all spellings."""

    def __init__(self, planted: Planted) -> None:
        self._windows: dict[str, str] = {}
        self._short: dict[str, str] = {}
        for place, part in planted.parts.items():
            for name, text in spellings(part):
                for window in _windows(_folded(text)):
                    found = self._windows if len(window) == WINDOW else self._short
                    found.setdefault(window, f"{place} ({name})")

    def found(self, content: bytes) -> set[str]:
        """Return what of the planted secrets is in `content`, by place and spelling."""
        # one character a byte, and once as text for what is not ASCII; in lower case,
        # because a secret in another case is soon guessed
        encodings = ("latin-1", "utf-8")
        views = {_folded(content.decode(name, "replace")) for name in encodings}
        found: set[str] = set()
        for view in views:
            there = {view[at : at + WINDOW] for at in range(len(view) - WINDOW + 1)}
            found |= {self._windows[window] for window in there & set(self._windows)}
            found |= {what for text, what in self._short.items() if text in view}
        return found


@cache
def noise(size: int = 4000) -> str:
    """Return text to hide a secret in, for the search's own test."""
    chosen = random.Random(7)
    return "".join(chosen.choice(_LETTERS + " \n") for _ in range(size))
