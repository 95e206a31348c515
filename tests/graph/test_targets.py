import pytest

from dagwarden.facts import Connection, Origin
from dagwarden.graph.targets import base_url, host_of, join, url_shown

ORIGIN = Origin(source="connections.json")


def connection(
    host: str | None, schema: str | None = None, port: int | None = None
) -> Connection:
    return Connection(
        id="connection:e:c",
        origin=ORIGIN,
        environment="e",
        conn_id="c",
        host=host,
        schema=schema,
        port=port,
    )


@pytest.mark.parametrize(
    ("given", "endpoint", "url"),
    [
        (connection("s.run.app"), "x", "http://s.run.app/x"),
        (connection("s.run.app", "https"), "/x", "https://s.run.app/x"),
        (connection("https://s.run.app"), "x", "https://s.run.app/x"),
        (connection("https://s.run.app/"), "x", "https://s.run.app/x"),
        (connection("https://s.run.app", "http"), "", "https://s.run.app"),
        (connection("s.run.app", "https", 8443), "x", "https://s.run.app:8443/x"),
        (connection(None), "s.run.app/x", "http://s.run.app/x"),
        (connection(""), "", "http://"),
    ],
)
def test_a_url_is_put_together_as_the_http_hook_does(
    given: Connection, endpoint: str, url: str
) -> None:
    assert join(base_url(given), endpoint) == url


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://S.Run.App/x", "s.run.app"),
        ("s.run.app", "s.run.app"),
        ("https://u:p@s.run.app:443", "s.run.app"),
        ("http://[bad", ""),
        ("", ""),
    ],
)
def test_the_host_of_a_url(url: str, host: str) -> None:
    assert host_of(url) == host


def test_a_shown_url_holds_neither_user_nor_path_nor_query() -> None:
    url = "https://u:p@hooks.example:8443/services/T0/SECRET?key=SECRET#x"
    assert url_shown(url) == "https://hooks.example:8443"
    assert url_shown("http://[bad") == ""
    assert url_shown("http://h:99999999/") == ""
