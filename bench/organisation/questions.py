"""
The same questions, put to dagwarden and to others, each in a process of its own.

    python questions.py dagwarden|networkx|cartography FOLDER

`reach`: which accounts can the account of the first Composer environment become? `who`:
who may invoke each service of the first projects? Prints, as JSON, seconds of the
processor: to load, and the median of one question; for `dagwarden explain` the longest of
thirty, too. Beside them how many answers there were, and the most memory held.
"""

import gc
import json
import re
import resource
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from made import AS_OF, PER_PROJECT, Organisation, composer_account

INVOKE = "run.routes.invoke"
ASKED = 10  # projects whose services are asked about
CRM = "//cloudresourcemanager.googleapis.com/"
# What a plain graph is told of roles: which let a holder become an account below.
BECOMING = frozenset(
    {
        "roles/iam.serviceAccountTokenCreator",
        "roles/iam.serviceAccountOpenIdTokenCreator",
        "roles/owner",
    }
)


def measured(found: dict[str, Any]) -> None:
    """Print what was measured."""
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found))


def timed(questions: list[Any], ask: Any) -> tuple[list[float], int]:
    """Return what each question takes, and how many answers came."""
    taken: list[float] = []
    answers = 0
    for question in questions:
        start = time.process_time()
        answers += ask(question)
        taken.append(time.process_time() - start)
    return taken, answers


# ------------------------------------------------------------------------- dagwarden


def ask_dagwarden(folder: Path, org: Organisation) -> None:
    """Answer from facts, as `dagwarden explain` does."""
    from dagwarden import job
    from dagwarden.graph.explain import Asked, explain, who_can
    from dagwarden.graph.reach import ControlGraph, User, reached

    snapshots = (folder / "assets.ndjson", folder / "memberships.ndjson")
    said = job.Arguments(snapshots=snapshots, as_of=AS_OF)
    start = time.process_time()
    ready = job.prepare(said)
    facts = job.read(ready, job.no_progress).facts
    asked = Asked.of(facts, ready.as_of)
    asked.control.populations()
    ControlGraph(asked.control, [])
    load = time.process_time() - start

    key = f"serviceAccount:{composer_account(org, 0)}"
    alone = User(
        key=key, environments=(), dags=(), declared=frozenset(), jobs=frozenset()
    )

    def reach(_: int) -> int:
        graph = ControlGraph(asked.control, [key])
        return len(reached(graph, alone, lambda account, invokes: True).chains)

    def explained(n: int) -> int:
        target = f"//run.googleapis.com/{org.workload((n + 1) % org.projects, 8)}"
        answer = explain(asked, org.account(n, n % 7), "run.jobs.run", target)
        return answer.answer == "allowed"

    def who(n: int) -> int:
        services = (f"//run.googleapis.com/{org.workload(n, k)}" for k in range(8))
        return sum(
            holder.answer == "allowed"
            for service in services
            for holder in who_can(asked, INVOKE, service).holders
        )

    one, allowed = timed([*range(30)], explained)
    became, accounts = timed([0] * 3, reach)
    everyone, holders = timed([*range(ASKED)], who)
    measured(
        {
            "load": load,
            "explain": statistics.median(one),
            "longest": max(one),
            "allowed": allowed,
            "reach": statistics.median(became),
            "accounts": accounts,
            "who": statistics.median(everyone),
            "holders": holders,
        }
    )


# -------------------------------------------------------------------- a plain networkx


def lines(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield every asset, as plain data."""
    import msgspec

    decode = msgspec.json.Decoder().decode
    with (folder / "assets.ndjson").open("rb") as file:
        yield from map(decode, file)


def ask_networkx(folder: Path, org: Organisation) -> None:
    """
    Answer from a graph of every member, resource and account.

    Roles by name, no conditions, no groups, no deny policies: less than is asked for.
    """
    import networkx as nx

    start = time.process_time()
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for asset in lines(folder):
        name = asset["name"]
        above = asset.get("ancestors", ())
        if above and not name.startswith(CRM):
            graph.add_edge(f"{CRM}{above[0]}", name, role="contains")
        for nearer, further in pairwise(above):
            if not graph.has_edge(f"{CRM}{further}", f"{CRM}{nearer}"):
                graph.add_edge(f"{CRM}{further}", f"{CRM}{nearer}", role="contains")
        if "resource" in asset and asset["assetType"].endswith("/ServiceAccount"):
            email = asset["resource"]["data"]["email"]
            graph.add_edge(name, f"serviceAccount:{email}", role="is")
        for entry in asset.get("iamPolicy", {}).get("bindings", ()):
            for member in entry["members"]:
                graph.add_edge(member, name, role=entry["role"])
    load = time.process_time() - start

    def reach(_: int) -> int:
        seen = {f"serviceAccount:{composer_account(org, 0)}"}
        waiting = [*seen]
        while waiting:
            here = waiting.pop()
            member = not here.startswith("//")
            edges = cast(Any, graph.out_edges)(here, data="role")
            for _, there, role in edges:
                if there not in seen and (role in BECOMING if member else True):
                    seen.add(there)
                    waiting.append(there)
        return sum(not node.startswith("//") for node in seen) - 1

    became, accounts = timed([0] * 3, reach)
    measured({"load": load, "reach": statistics.median(became), "accounts": accounts})


# ------------------------------------------------------------------------- cartography


def ask_cartography(folder: Path, org: Organisation) -> None:
    """
    Answer with the evaluation of Cartography, without the database around it.

    It works project by project, over all principals of a project and all its resources,
    with roles as sets of patterns; conditions are noted and not evaluated.
    """
    # only the Python that is named for it has it
    its: Any = import_module("cartography.intel.gcp.permission_relationships")
    compile_gcp_regex, resolve_gcp_scope = its.compile_gcp_regex, its.resolve_gcp_scope
    related = its.calculate_permission_relationships_for_resource
    from dagwarden.graph.roles import catalogue

    start = time.process_time()
    holding = catalogue().permissions[INVOKE]
    patterns: dict[str, re.Pattern[str]] = {INVOKE: compile_gcp_regex(INVOKE)}
    policies: dict[str, list[tuple[str, list[dict[str, Any]]]]] = defaultdict(list)
    for asset in lines(folder):
        bindings = asset.get("iamPolicy", {}).get("bindings", ())
        own = asset["name"].startswith(CRM)
        for place in asset.get("ancestors", ())[:1] if not own else ():
            policies[place].append((asset["name"], bindings))
        if own and bindings:
            policies[asset["name"].removeprefix(CRM)].append((asset["name"], bindings))
    load = time.process_time() - start

    def who(n: int) -> int:
        project = org.number(n)
        principals: dict[str, dict[str, Any]] = {}
        for place in org.above(n):
            for name, bindings in policies[place]:
                scope = compile_gcp_regex(resolve_gcp_scope(name, project))
                for number, entry in enumerate(bindings):
                    held = [patterns[INVOKE]] if entry["role"] in holding else []
                    data = {
                        "permissions": {"permissions": held, "denied_permissions": []},
                        "scope": scope,
                        "has_condition": "condition" in entry,
                    }
                    for member in entry["members"]:
                        principals.setdefault(member, {})[f"{name}{number}"] = data
        found = 0
        for k in range(PER_PROJECT - 2):
            path = f"//run.googleapis.com/{org.workload(n, k)}"
            target = resolve_gcp_scope(path, project)
            edges = related(principals, path, target, [INVOKE])
            found += sum(not edge["has_condition"] for edge in edges)
        return found

    everyone, holders = timed([*range(ASKED)], who)
    measured({"load": load, "who": statistics.median(everyone), "holders": holders})


ASK = {
    "dagwarden": ask_dagwarden,
    "networkx": ask_networkx,
    "cartography": ask_cartography,
}

if __name__ == "__main__":
    gc.disable()  # as dagwarden does while it runs
    where = Path(sys.argv[2])
    ASK[sys.argv[1]](where, Organisation(float(where.name)))
