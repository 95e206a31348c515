"""
What is said of a credential in a file: what it is, opens, and how it is ended.

The steps are those of `docs/credentials-rotation.md`, short; `dagwarden rules show
key-in-repository` prints that page. Their commands are those of gcloud's reference. KEY_ID, ACCOUNT and PROJECT become those of the key
where they are known: see `policy.evaluate`.
"""

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import EmbeddedSecret, InWords, KeyState, SecretKind

_IS = "is that account, from anywhere, until the key is deleted"
_HAS = "has it"
_MEANS: dict[SecretKind, str] = {
    "service_account_key": _IS,
    "authorized_user": "is that user, from anywhere, until the token is revoked",
    "private_key": "gets in wherever its public half is accepted, and reads what it decrypts",
}
# Of a key that the snapshot says does not work: what its account may do, it opens not.
_MEANS_BY_STATE: dict[KeyState, str] = {
    "disabled": "has it: it opens nothing while it is disabled, and is that account again when it is enabled",
    "account_disabled": "has it: it opens nothing while its account is disabled, and is that account again when that is enabled",
    "expired": "has it: it has expired, and opens nothing",
    "absent": "has it: it is no key of that account any more, and opens nothing",
}
_PAGE = "Every kind of credential: dagwarden rules show"
_KEY_PAGE = f"{_PAGE} key-in-repository"
_SECRET_PAGE = f"{_PAGE} secret-in-repository"

_DISABLE = "    gcloud iam service-accounts keys disable KEY_ID --iam-account=ACCOUNT"
_USED = (
    "    gcloud logging read 'protoPayload.authenticationInfo.serviceAccountKeyName:"
    '"KEY_ID"\' --project=PROJECT --freshness=90d'
)
_DELETE = "    gcloud iam service-accounts keys delete KEY_ID --iam-account=ACCOUNT"
_KEY = (
    "End the key first; the history of the repository keeps it whatever is committed next.",
    "Disable it, see who used it, and delete it when nothing broke. " + _KEY_PAGE,
    _DISABLE,
    _USED,
    _DELETE,
)
_DEAD = (
    "It does not work today, and would again: see who used it, and delete it. "
    + _KEY_PAGE,
    _USED,
    _DELETE,
)
_GONE = ("The key has ended. See who used it before. " + _KEY_PAGE, _USED)
_BY_STATE = {
    "disabled": _DEAD,
    "account_disabled": _DEAD,
    "expired": _GONE,
    "absent": _GONE,
}
_ISSUED = (
    "Revoke it where it was issued, and see there whether it was used: it does not end by itself.",
    _SECRET_PAGE,
)
_CHANGE = (
    "Change the secret first: whoever has a copy of the repository still has the old one.",
    _SECRET_PAGE,
)
_STEPS: dict[SecretKind, tuple[str, ...]] = {
    "authorized_user": (
        "Revoke the token first; then change the OAuth client's secret in the same file.",
        _KEY_PAGE,
        # not gcloud's own command: that ends the token of the machine it runs on
        "    jq -j .refresh_token FILE | curl --data-urlencode token@- https://oauth2.googleapis.com/revoke",
    ),
    "private_key": (
        "End the key first: take its public half out of wherever it is accepted (authorized_keys,",
        "deploy keys, a database's user), or have its certificate revoked. "
        + _KEY_PAGE,
        "Which key it is, its public half says:",
        "    ssh-keygen -y -f FILE",
        "    openssl pkey -in FILE -pubout",
    ),
    "client_secret": (
        "Add a second secret to the OAuth client, give it to what uses it, and delete this one.",
        _SECRET_PAGE,
    ),
    "api_key": _ISSUED,
    "provider_token": _ISSUED,
    "aws_secret_key": (
        "Make a second key, give it to what uses this one, then deactivate and delete it. "
        + _SECRET_PAGE,
        "    aws iam create-access-key --user-name USER",
        "    aws iam update-access-key --user-name USER --access-key-id AKIA --status Inactive",
        "    aws iam delete-access-key --user-name USER --access-key-id AKIA",
    ),
    "aws_session_token": (
        "It ends by itself; until then AWSRevokeOlderSessions on its role ends it.",
        _SECRET_PAGE,
    ),
    "webhook_url": (
        "Delete the webhook and make another: whoever has its URL may post.",
        _SECRET_PAGE,
    ),
}
# What mints tokens that end within the hour: the access tokens of Google, and JWTs.
_SHORT_LIVED = ("ya29.",)
_MINTED = (
    "An access or ID token of Google ends within an hour: what minted it is what leaked.",
    "Another is revoked by its issuer. " + _SECRET_PAGE,
)


def in_words(fact: EmbeddedSecret) -> EmbeddedSecret:
    """Say of a credential what it is, what it opens and how it is ended."""
    if fact.secret is UNSET or fact.secret is None:
        return fact
    words = InWords(
        what=_what(fact.secret, fact.place),
        means=_means(fact, fact.secret),
        steps=_steps(fact, fact.secret),
    )
    return replace(fact, words=words)


def _what(kind: SecretKind, place: str) -> str:
    """Return the kind and, where it says more, the place: `password at db.password`."""
    # an anchor's content stands where the anchor is, not where it is merged
    parts = place.rpartition("<<.")[2].split(".")
    if len(parts) > 1 and parts[-1] == parts[-2]:
        parts.pop()
    where = ".".join(parts)
    return kind if where in ("", "text", kind) else f"{kind} at {where}"


def _means(fact: EmbeddedSecret, kind: SecretKind) -> str:
    if isinstance(fact.key_state, str) and fact.key_state in _MEANS_BY_STATE:
        return _MEANS_BY_STATE[fact.key_state]
    return _MEANS.get(kind, _HAS)


def _steps(fact: EmbeddedSecret, kind: SecretKind) -> tuple[str, ...]:
    if kind == "service_account_key":
        state = fact.key_state
        return _BY_STATE.get(state, _KEY) if isinstance(state, str) else _KEY
    if kind == "bearer_token":
        issued = fact.prefix is not None and fact.prefix not in _SHORT_LIVED
        return _ISSUED if issued else _MINTED
    return _STEPS.get(kind, _CHANGE)
