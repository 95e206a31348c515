"""What `curl` and `wget` ask of a server."""

from collections.abc import Iterator

from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.values import Text, Unknown, Value, why_unknown
from dagwarden.sources.dags.outgoing.requests import (
    Minted,
    Outgoing,
    Proof,
    Spread,
    State,
    TokenText,
    after,
    first_of,
    minted_by_metadata,
    path_of,
    proof_of,
    server_of,
)

_CURL_VALUES = frozenset(
    {
        *("--header", "--request", "--data", "--data-raw", "--data-binary"),
        *("--data-ascii", "--data-urlencode", "--json", "--user"),
        *("--oauth2-bearer", "--output", "--write-out", "--max-time"),
        *("--connect-timeout", "--retry", "--retry-delay", "--retry-max-time"),
        *("--form", "--form-string", "--user-agent", "--referer", "--cookie"),
        *("--cookie-jar", "--url", "--upload-file", "--cacert", "--capath"),
        *("--cert", "--key", "--config", "--proxy", "--resolve", "--connect-to"),
        *("--range", "--limit-rate", "--max-redirs", "--interface"),
        *("--dump-header", "--trace", "--trace-ascii", "--stderr", "--noproxy"),
        *("--proxy-user", "--http-version", "--tls-max"),
        *("--ciphers", "--aws-sigv4", "--unix-socket", "--fail-early-timeout"),
        *("--speed-limit", "--speed-time", "--parallel-max", "--rate"),
        *("--output-dir",),
    }
)
_CURL_SHORT = "HXdoumFAebcTwKExrCQYyzDU"
_WGET_VALUES = frozenset(
    {
        *("--header", "--method", "--post-data", "--post-file", "--body-data"),
        *("--body-file", "--output-document", "--output-file", "--user"),
        *("--password", "--http-user", "--http-password", "--timeout", "--tries"),
        *("--wait", "--waitretry", "--user-agent", "--referer", "--ca-certificate"),
        *("--certificate", "--private-key", "--input-file", "--directory-prefix"),
        *("--max-redirect", "--load-cookies", "--save-cookies", "--quota"),
        *("--limit-rate", "--execute", "--append-output", "--base"),
    }
)
_WGET_SHORT = "OoaiPTtwUQeBlADRIX"


def _options(
    given: list[Value], valued: frozenset[str], short: str
) -> Iterator[tuple[str, Value]]:
    """Yield the options with their values; "" for what is none."""
    words = iter(given)
    for word in words:
        text = first_of(word)
        if isinstance(word, Spread) or not text.startswith("-") or text == "-":
            yield "", word
        elif text.startswith("--"):
            name, equals, _ = text.partition("=")
            if equals:
                yield name, after(word, len(name) + 1)
            else:
                yield name, next(words, None) if name in valued else None
        else:
            for at, letter in enumerate(text[1:], 1):
                if letter in short:
                    rest = after(word, at + 1)
                    yield f"-{letter}", next(words, None) if rest == "" else rest
                    break
                yield f"-{letter}", None


class _Asked:
    """What `curl` or `wget` was asked."""

    def __init__(self) -> None:
        self.urls: list[Value] = []
        self.method: Value = None
        self.proof: Proof | Unknown | None = None
        self.token: Minted | None = None
        self.body = False
        self.insecure = False
        self.more: Unknown | None = None

    def curl(self, option: str, value: Value) -> None:
        if option in ("", "--url"):
            self._url(value)
        elif option in ("-H", "--header"):
            self._header(value)
        elif option in ("-X", "--request"):
            self.method = value
        elif option in ("-u", "--user"):
            self.proof = "basic"
        elif option == "--oauth2-bearer":
            self._header(operations.joined(["Authorization: Bearer ", _text(value)]))
        elif option in ("-K", "--config"):
            self.more = Unknown("dynamic", "a configuration file of curl")
        elif option in ("-d", "-F", "--json", "--form") or option.startswith("--data"):
            self.body = True
        elif option in ("-T", "--upload-file"):
            self.method = self.method or "PUT"
        elif option in ("-k", "--insecure"):
            self.insecure = True
        elif option in ("-n", "--netrc", "--netrc-file", "--netrc-optional"):
            self.proof = self.proof or Unknown("dynamic", "a netrc file")
        elif option in ("-I", "--head"):
            self.method = self.method or "HEAD"
        elif option in ("-G", "--get"):
            self.method = self.method or "GET"

    def wget(self, option: str, value: Value) -> None:
        if option == "":
            self._url(value)
        elif option == "--header":
            self._header(value)
        elif option == "--method":
            self.method = value
        elif option in ("--user", "--http-user"):
            self.proof = "basic"
        elif option in ("--post-data", "--post-file", "--body-data", "--body-file"):
            self.body = True
        elif option in ("-i", "--input-file", "-e", "--execute", "--config"):
            self.more = Unknown("dynamic", "a file given to wget")
        elif option == "--no-check-certificate":
            self.insecure = True

    def _url(self, value: Value) -> None:
        if isinstance(value, Spread):
            # an argument that is not known is a URL if there is no other
            self.more = value.why
        else:
            self.urls.append(value)

    def _header(self, value: Value) -> None:
        text = first_of(value)
        name, colon, _ = text.partition(":")
        if not colon:
            # a header that is not known may be any
            if not isinstance(value, str) or text.startswith("@"):
                self.proof = (
                    self.proof or why_unknown(value) or Unknown("dynamic", "a command")
                )
            return
        if name.strip().lower() in ("authorization", "x-serverless-authorization"):
            self.proof, self.token = proof_of(after(value, len(name) + 1))


def _text(value: Value) -> Value:
    return (
        value
        if isinstance(value, (str, Text, Unknown))
        else Unknown("dynamic", "a command")
    )


def curl(state: State, given: list[Value]) -> Value:
    """Carry out `curl` and return what it writes."""
    asked = _Asked()
    for option, value in _options(given, _CURL_VALUES, _CURL_SHORT):
        asked.curl(option, value)
    return _requested(state, asked)


def wget(state: State, given: list[Value]) -> Value:
    """Carry out `wget` and return what it writes."""
    asked = _Asked()
    for option, value in _options(given, _WGET_VALUES, _WGET_SHORT):
        asked.wget(option, value)
    return _requested(state, asked)


def _requested(state: State, asked: _Asked) -> Value:
    for url in asked.urls or ([asked.more] if asked.more else []):
        whole: Value = url
        if isinstance(url, str) and "://" not in url:
            whole = f"http://{url}"
        minted = minted_by_metadata(whole, None, state.acts_as, state.origin, "command")
        if minted is not None and minted.kind == "id_token":
            return TokenText(minted)
        if minted is not None:
            continue
        proof, token = asked.proof, asked.token
        if asked.more is not None and proof is None:
            proof = asked.more
        sent = Outgoing(
            via="command",
            origin=state.origin,
            acts_as=token.acts_as if token else state.acts_as,
            url=server_of(whole),
            endpoint=path_of(whole),
            proof=proof,
            token=token,
            verified=False if asked.insecure else None,
            more=asked.more,
        )
        method = asked.method or ("POST" if asked.body else "GET")
        state.outside.send_request(sent, method, whole)
    return Unknown("dynamic", "what a server answers")
