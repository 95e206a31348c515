"""
Credentials made up on the spot: right in form and checksum, of no use to anybody.

Everything comes from one seeded generator, so that a seed makes the same set again (but
for the salts that `cryptography` draws itself: OpenSSH keys and PKCS #12 files).

Forms: Google's keys and tokens as its client libraries write them; GitHub's and npm's
tokens end with the CRC-32 of what goes before in base 62 (GitHub's engineering blog,
"Behind GitHub's new authentication token formats"); JWTs are signed (RFC 7515).
"""

import base64
import binascii
import hashlib
import hmac
import json
import random
import string
from datetime import UTC, datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

ALNUM = string.ascii_letters + string.digits
URLSAFE = ALNUM + "-_"
HEX = "0123456789abcdef"
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
EXPONENT = 65537
# A few primes make many moduli: keys that differ, without a minute of arithmetic.
PRIMES = 16
WORDS = [
    "harbor",
    "quartz",
    "lantern",
    "copper",
    "meadow",
    "falcon",
    "ember",
    "cobalt",
    "juniper",
    "thistle",
    "marble",
    "anchor",
    "willow",
    "saffron",
    "granite",
    "pepper",
    "comet",
    "velvet",
    "orchid",
    "bramble",
    "tundra",
    "mango",
]


class Material:
    """Fresh credentials, one after another, from one seed."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self._pairs: list[tuple[int, int]] = []

    # -- letters -------------------------------------------------------------------

    def text(self, length: int, alphabet: str = ALNUM) -> str:
        return "".join(self.rng.choices(alphabet, k=length))

    def data(self, length: int) -> bytes:
        return self.rng.randbytes(length)

    def random_base64(self, length: int, head: bytes = b"") -> str:
        return base64.b64encode(head + self.data(length)).decode()

    def random_base64url(self, length: int) -> str:
        return base64.urlsafe_b64encode(self.data(length)).decode()

    def word(self) -> str:
        return self.rng.choice(WORDS)

    # -- what people choose --------------------------------------------------------

    def password(self) -> str:
        """Return one that a person, or a person's password manager, made up."""
        return self.rng.choice(
            (
                lambda: (
                    self.text(1, string.ascii_letters)
                    + self.text(15, ALNUM + "!*+=?^~-_")
                ),
                lambda: (
                    f"{self.word().title()}-{self.word().title()}-{self.text(4, string.digits)}"
                ),
                lambda: (
                    f"{self.word()}{self.text(2, string.digits)}{self.word().title()}!"
                ),
                lambda: self.text(1, string.ascii_letters) + self.text(11),
                lambda: (
                    f"{self.word().title()}{self.rng.randint(2019, 2026)}!{self.text(3)}"
                ),
            )
        )()

    def hex_key(self) -> str:
        return self.text(self.rng.choice((32, 40, 64)), HEX)

    def opaque(self) -> str:
        return self.text(self.rng.choice((28, 36, 43, 48)))

    # -- Google --------------------------------------------------------------------

    def google_api_key(self) -> str:
        return "AIza" + "Sy" + self.text(33, URLSAFE)

    def google_oauth_secret(self) -> str:
        return "GOCSPX" + "-" + self.text(28, URLSAFE)

    def google_client_id(self) -> str:
        number = self.text(12, "123456789")
        return f"{number}-{self.text(32, HEX)}.apps.googleusercontent.com"

    def google_access_token(self) -> str:
        return "ya29" + ".a0" + self.text(self.rng.randint(150, 190), URLSAFE)

    def google_refresh_token(self) -> str:
        return (
            "1//0"
            + self.text(1, "3456")
            + self.text(12, URLSAFE)
            + "CgYIARAAGA"
            + self.text(60, URLSAFE)
        )

    def hmac_id(self) -> str:
        return "GOOG1E" + self.text(55, string.ascii_uppercase + "234567")

    def hmac_secret(self) -> str:
        return self.random_base64(30)

    def service_account_info(self) -> dict[str, str]:
        project = f"{self.word()}-{self.word()}-{self.text(3, string.digits)}"
        email = f"{self.word()}-runner@{project}.iam.gserviceaccount.com"
        return {
            "type": "service_account",
            "project_id": project,
            "private_key_id": self.text(40, HEX),
            "private_key": self.pem(),
            "client_email": email,
            "client_id": "1" + self.text(20, string.digits),
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": "https://oauth2.googleapis.com/token",
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": "https://www.googleapis.com/robot/v1/metadata/x509/"
            + email.replace("@", "%40"),
        }

    def service_account_key(self) -> str:
        return json.dumps(self.service_account_info())

    # -- others' tokens ------------------------------------------------------------

    def github(self) -> str:
        return with_checksum(
            self.rng.choice(("ghp_", "gho_", "ghs_", "ghu_")), self.text(30)
        )

    def github_fine(self) -> str:
        return (
            "github_"
            "pat_11"
            + self.text(20, string.ascii_uppercase + string.digits)
            + "_"
            + self.text(59)
        )

    def gitlab(self) -> str:
        return "glpat" + "-" + self.text(20)

    def slack_bot(self) -> str:
        numbers = f"{self.text(12, '123456789')}-{self.text(13, '123456789')}"
        return "xoxb" + f"-{numbers}-{self.text(24)}"

    def slack_webhook(self) -> str:
        upper = string.ascii_uppercase + string.digits
        path = f"T{self.text(10, upper)}/B{self.text(10, upper)}/{self.text(24)}"
        return "https://hooks.slack" + f".com/services/{path}"

    def aws_id(self) -> str:
        return "AKIA" + self.text(16, string.ascii_uppercase + "234567")

    def aws_secret(self) -> str:
        return self.random_base64(30)

    def stripe(self) -> str:
        return self.rng.choice(("sk_", "rk_")) + "live_" + "51" + self.text(97)

    def sendgrid(self) -> str:
        return "SG" + f".{self.text(22, URLSAFE)}.{self.text(43, URLSAFE)}"

    def npm(self) -> str:
        return with_checksum("npm_", self.text(30))

    def pypi(self) -> str:
        location = b"\x02\x01\x08pypi.org\x02\x24" + self.uuid().encode()
        return "pypi-" + base64.urlsafe_b64encode(
            location + self.data(96)
        ).decode().rstrip("=")

    def hugging_face(self) -> str:
        return "hf" + "_" + self.text(34, string.ascii_letters)

    def openai(self) -> str:
        return "sk-" + f"proj-{self.text(74, URLSAFE)}T3BlbkFJ{self.text(74, URLSAFE)}"

    def anthropic(self) -> str:
        return "sk-" + f"ant-api03-{self.text(93, URLSAFE)}AA"

    def databricks(self) -> str:
        return "dapi" + self.text(32, HEX)

    def vault(self) -> str:
        return "hvs" + ".CAESI" + self.text(90, URLSAFE)

    def azure_storage(self) -> str:
        account = self.word() + "lake"
        return (
            f"DefaultEndpointsProtocol=https;AccountName={account};"
            f"AccountKey={self.random_base64(64)};EndpointSuffix=core.windows.net"
        )

    def fernet(self) -> str:
        return self.random_base64url(32)

    def uuid(self) -> str:
        digits = self.text(32, HEX)
        cut = [
            digits[:8],
            digits[8:12],
            "4" + digits[13:16],
            "a" + digits[17:20],
            digits[20:],
        ]
        return "-".join(cut)

    def jwt(self, **claims: object) -> str:
        said = {
            "iss": "https://auth.internal",
            "sub": f"{self.word()}-service",
            "iat": 1_790_000_000 + self.rng.randrange(10**6),
            "exp": 1_890_000_000 + self.rng.randrange(10**6),
            **claims,
        }
        signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(said)}"
        mac = hmac.digest(self.data(32), signed.encode(), hashlib.sha256)
        return f"{signed}.{_url(mac)}"

    def basic(self) -> str:
        pair = f"{self.word()}_svc:{self.password()}"
        return "Basic " + base64.b64encode(pair.encode()).decode()

    def bearer(self) -> str:
        return "Bearer " + self.rng.choice((self.opaque, self.jwt, self.hex_key))()

    # -- keys ----------------------------------------------------------------------

    @cached_property
    def _primes(self) -> list[int]:
        return [_prime(self.rng) for _ in range(PRIMES)]

    def rsa_key(self) -> rsa.RSAPrivateKey:
        if not self._pairs:
            every = self._primes
            self._pairs = [(p, q) for i, p in enumerate(every) for q in every[:i]]
            self.rng.shuffle(self._pairs)
        p, q = self._pairs.pop()
        d = pow(EXPONENT, -1, (p - 1) * (q - 1))
        public = rsa.RSAPublicNumbers(EXPONENT, p * q)
        rest = (rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q))
        return rsa.RSAPrivateNumbers(p, q, d, *rest, public).private_key()

    def ec_key(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(self.rng.getrandbits(250), ec.SECP256R1())

    def ed25519_key(self) -> ed25519.Ed25519PrivateKey:
        return ed25519.Ed25519PrivateKey.from_private_bytes(self.data(32))

    def pem(self) -> str:
        return _pem(self.rsa_key(), serialization.PrivateFormat.PKCS8)

    def pem_rsa(self) -> str:
        return _pem(self.rsa_key(), serialization.PrivateFormat.TraditionalOpenSSL)

    def pem_ec(self) -> str:
        return _pem(self.ec_key(), serialization.PrivateFormat.TraditionalOpenSSL)

    def pem_openssh(self) -> str:
        return _pem(self.ed25519_key(), serialization.PrivateFormat.OpenSSH)

    def p12(self) -> bytes:
        key = self.rsa_key()
        closed = serialization.BestAvailableEncryption(b"notasecret")
        return pkcs12.serialize_key_and_certificates(
            b"privatekey", key, self._certify(key), None, closed
        )

    # -- what looks like a secret and is none --------------------------------------

    def certificate(self) -> str:
        made = self._certify(self.rsa_key())
        return made.public_bytes(serialization.Encoding.PEM).decode()

    def _certify(self, key: rsa.RSAPrivateKey) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "etl.internal")])
        start = datetime(2026, 1, 1, tzinfo=UTC)
        return (
            x509.CertificateBuilder(name, name, key.public_key())
            .serial_number(self.rng.getrandbits(100) + 1)
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=365))
            .sign(key, hashes.SHA256(), rsa_padding=padding.PKCS1v15())
        )

    def request(self) -> str:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "etl.internal")])
        made = x509.CertificateSigningRequestBuilder(name).sign(
            self.rsa_key(), hashes.SHA256()
        )
        return made.public_bytes(serialization.Encoding.PEM).decode()

    def public_pem(self) -> str:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return (
            self.rsa_key()
            .public_key()
            .public_bytes(serialization.Encoding.PEM, form)
            .decode()
        )

    def public_ssh(self) -> str:
        form = serialization.PublicFormat.OpenSSH
        key = self.rng.choice((self.rsa_key, self.ed25519_key))()
        return (
            key.public_key().public_bytes(serialization.Encoding.OpenSSH, form).decode()
        )


def with_checksum(prefix: str, body: str) -> str:
    """Return a token that ends with the CRC-32 of its body, in base 62."""
    number, digits = binascii.crc32(body.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return prefix + body + digits.rjust(6, "0")


def _part(said: dict[str, object]) -> str:
    return _url(json.dumps(said, separators=(",", ":")).encode())


def _url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _pem(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    form: serialization.PrivateFormat,
) -> str:
    encoding, none = serialization.Encoding.PEM, serialization.NoEncryption()
    return key.private_bytes(encoding, form, none).decode()


def _prime(rng: random.Random) -> int:
    """Return a prime of 1,024 bits (Miller-Rabin), fit for the exponent."""
    while True:
        number = rng.getrandbits(1024) | 3 << 1022 | 1
        if any(number % small == 0 for small in range(3, 2000, 2)):
            continue
        if number % EXPONENT != 1 and all(_witness(rng, number) for _ in range(8)):
            return number


def _witness(rng: random.Random, number: int) -> bool:
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    x = pow(rng.randrange(2, number - 1), odd, number)
    if x in {1, number - 1}:
        return True
    return any((x := x * x % number) == number - 1 for _ in range(twos - 1))
