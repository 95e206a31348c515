import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import (
    ENV_SA,
    RUN_SERVICE,
    SERVICE,
    WEB,
    account,
    bind,
    path_of,
    with_bindings,
    with_call,
)

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


OTHER = SERVICE.replace("api", "other")
TWO = replace(
    with_bindings(WEB, bind(SERVICE, "roles/run.servicesInvoker", account(ENV_SA))),
    cloud_runs=(
        replace(RUN_SERVICE, custom_audiences=("https://api.example", "callers")),
        replace(
            RUN_SERVICE,
            id=f"cloud_run:{OTHER}",
            resource=OTHER,
            urls=("https://other-abc-r1.a.run.app",),
        ),
    ),
)


REFUSED = (
    f"{ENV_SA} is refused: its ID token is for https://other-abc-r1.a.run.app, and not "
    "for service api (p, r1)"
)


@pytest.mark.parametrize(
    ("audience", "allowed"),
    [
        ("https://api-abc-r1.a.run.app", True),
        ("https://api-abc-r1.a.run.app/run", True),
        ("https://api.example/", True),
        ("callers", True),
        (None, True),
        (UNSET, UNSET),
        ("https://other-abc-r1.a.run.app", False),
        ("others", UNSET),
        ("https://elsewhere-abc-r1.a.run.app", UNSET),
    ],
)
def test_a_token_is_for_the_service_that_gets_it(
    audience: object, allowed: object
) -> None:
    """run/docs/configuring/custom-audiences"""
    facts = with_call(TWO, token="id_token", audience=audience)
    path = path_of(facts)
    assert path.allowed == allowed
    assert path.lacks_words == ((REFUSED,) if allowed is False else ())
    assert path.cures == ()
    # where everyone is let in, nobody looks at the token
    everyone = bind(SERVICE, "roles/run.servicesInvoker", "allUsers")
    assert path_of(with_bindings(facts, *facts.bindings, everyone)).allowed is True
