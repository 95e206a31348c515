"""The graph that callers see: what its edges say, and what must not follow from them."""

import io
import json
from typing import Any

import networkx as nx
import pytest
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    ENV_SA,
    ESTATE,
    JOB,
    JOB_SA,
    PROJECT,
    TASK,
    TEAM_SA,
    account,
    account_name,
    bind,
    with_bindings,
    with_layers,
    with_task,
)

from dagwarden.facts import Facts
from dagwarden.graph.build import derive
from dagwarden.graph.network import as_graphml, as_node_link, network

# its published types leave most of it open
NX: Any = nx
CONNECTION = "connection:prod:google_cloud_default"
RUNS = bind(PROJECT, "roles/run.developer", account(ENV_SA))
MINTS = bind(
    account_name(TEAM_SA), "roles/iam.serviceAccountTokenCreator", account(ENV_SA)
)
CHAIN = with_task(ESTATE, impersonation_chain=(TEAM_SA,))


def edges(facts: Facts, source: str, target: str) -> list[dict[str, object]]:
    graph: Any = network(derive(facts, AS_OF))
    if not graph.has_edge(source, target):
        return []
    return [dict(data) for data in graph[source][target].values()]


def reachable(facts: Facts, start: str) -> set[str]:
    """Follow the edges by which one becomes another."""
    graph: Any = network(derive(facts, AS_OF))
    control = NX.DiGraph(
        (one, other) for one, other, sure in graph.edges(data="control") if sure
    )
    return set(NX.descendants(control, start)) if start in control else set()


def test_a_task_leads_to_whom_it_acts_as_and_what_it_calls() -> None:
    graph: Any = network(derive(ESTATE, AS_OF))
    kinds = {(s, t, kind) for s, t, kind in graph.edges(data="kind")}
    assert kinds == {
        ("environment:prod", TASK.id, "task"),
        (TASK.id, CONNECTION, "uses_connection"),
        (CONNECTION, account(ENV_SA), "runs_as"),
        (TASK.id, JOB, "calls"),
        (JOB, account(JOB_SA), "runs_as"),
        (account(ENV_SA), PROJECT, "granted"),
    }
    (call,) = edges(ESTATE, TASK.id, JOB)
    assert (call["allowed"], call["lacks"], call["origin"], call["line"]) == (
        True,
        "",
        "dags/d.py",
        7,
    )
    (grant,) = edges(ESTATE, account(ENV_SA), PROJECT)
    assert (grant["role"], grant["used"]) == ("roles/run.developer", True)
    assert {kind for _, kind in graph.nodes(data="kind")} == {
        "environment",
        "task",
        "connection",
        "identity",
        "resource",
    }


def test_who_may_call_a_job_does_not_become_what_it_runs_as() -> None:
    facts = with_bindings(
        ESTATE,
        bind(JOB, "roles/run.jobsExecutor", account(ENV_SA)),
        bind(PROJECT, "roles/run.viewer", account(ENV_SA)),
    )
    assert reachable(facts, CONNECTION) == {account(ENV_SA)}
    assert [one["control"] for one in edges(facts, JOB, account(JOB_SA))] == [False]


@pytest.mark.parametrize(
    ("facts", "control"),
    [
        (with_bindings(CHAIN, MINTS), True),
        (with_bindings(CHAIN, RUNS), False),
        (with_layers(with_bindings(CHAIN, RUNS), allow="partly"), None),
    ],
    ids=["allowed", "refused", "not-known"],
)
def test_an_impersonation_is_an_edge_and_says_whether_it_is_allowed(
    facts: Facts, control: bool | None
) -> None:
    found = edges(facts, account(ENV_SA), account(TEAM_SA))
    (edge,) = [one for one in found if one["kind"] == "impersonates"]
    assert edge.get("control") is control


def test_what_an_identity_can_become_is_a_control_edge() -> None:
    keys = bind(
        account_name(JOB_SA), "roles/iam.serviceAccountKeyAdmin", account(ENV_SA)
    )
    facts = with_bindings(ESTATE, RUNS, keys)
    found = edges(facts, account(ENV_SA), account(JOB_SA))
    assert [(one["kind"], one["control"]) for one in found] == [("can_become", True)]
    assert reachable(facts, CONNECTION) == {account(ENV_SA), account(JOB_SA)}


def test_connections_of_one_name_in_two_environments_are_two_nodes() -> None:
    other = replace(
        TASK,
        id="task:test:d.py:d.t",
        environment="test",
        dag="dag:test:d.py:d",
    )
    graph: Any = network(derive(replace(ESTATE, tasks=(TASK, other)), AS_OF))
    assert {CONNECTION, "connection:test:google_cloud_default"} <= set(graph)


def test_the_exports_read_back_as_the_same_graph() -> None:
    graph: Any = network(derive(ESTATE, AS_OF))
    again = NX.node_link_graph(json.loads(as_node_link(graph)), edges="edges")
    assert NX.utils.graphs_equal(graph, again)
    read = NX.read_graphml(
        io.BytesIO(as_graphml(graph).encode()), force_multigraph=True
    )
    assert dict(read.nodes(data=True)) == dict(graph.nodes(data=True))
    plain = sorted((s, t, str(sorted(d.items()))) for s, t, d in graph.edges(data=True))
    back = [
        (s, t, str(sorted((k, v) for k, v in d.items() if k != "id")))
        for s, t, d in read.edges(data=True)
    ]
    assert sorted(back) == plain


def test_the_order_of_facts_is_not_seen() -> None:
    facts = with_bindings(CHAIN, MINTS, RUNS)
    turned = replace(
        facts, bindings=facts.bindings[::-1], identities=facts.identities[::-1]
    )
    one, other = (
        as_node_link(network(derive(item, AS_OF))) for item in (facts, turned)
    )
    assert one == other


def test_names_that_xml_cannot_hold_are_spelled_out() -> None:
    odd = replace(TASK, id="task:prod:d\x1b\udc80.py:d.t", task_id="t\x00\n")
    call = replace(ESTATE.calls[0], task=odd.id)
    graph: Any = network(derive(replace(ESTATE, tasks=(odd,), calls=(call,)), AS_OF))
    assert "task:prod:d\\x1b\\udc80.py:d.t" in graph
    NX.read_graphml(io.BytesIO(as_graphml(graph).encode()))
