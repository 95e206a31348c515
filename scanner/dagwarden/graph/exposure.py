"""
What stands between anyone on the internet and a Cloud Run service.

Each thing is a fact of its own: a binding of allUsers, the invoker check, ingress, the
default URL, IAP. `public` is whether nothing stands there, and unknown where a load
balancer that no snapshot tells could decide.
"""

from collections.abc import Iterator, Mapping
from functools import cache

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import Binding, CloudRun, Maybe
from dagwarden.graph.access import Cause, distinct
from dagwarden.graph.estate import Estate, causes_of, unresolved, without
from dagwarden.graph.hierarchy import Lineage, project_resource
from dagwarden.graph.principals import ALL_USERS

INVOKE = "run.routes.invoke"


def with_exposure(estate: Estate) -> tuple[CloudRun, ...]:
    """Return the services and jobs of the estate, told how open each is."""
    public: dict[str, list[Binding]] = {}
    for binding in estate.access.naming(ALL_USERS):
        if estate.access.roles.holds(binding.role, INVOKE) is not False:
            place = estate.hierarchy.canonical(binding.resource)
            public.setdefault(place, []).append(binding)

    @cache
    def above(project: str) -> Lineage:
        return estate.hierarchy.lineage(project_resource(project))

    return tuple(
        _told(estate, public, above(run.project), run) if run.kind == "service" else run
        for run in estate.facts.cloud_runs
    )


def _told(
    estate: Estate,
    public: Mapping[str, list[Binding]],
    above: Lineage,
    run: CloudRun,
) -> CloudRun:
    binding, why = _binding(estate, public, above, run)
    anyone, who = _anyone(run, binding, why)
    way, which = _way(run)
    open_: Maybe[bool] = UNSET
    if anyone is False or way is False:
        open_ = False
    elif anyone is True and way is True:
        open_ = True
    causes = () if open_ is not UNSET else distinct((*who, *which))
    return replace(
        run,
        public_binding=binding,
        public=open_,
        unresolved=(
            *without(run, "public_binding", "public"),
            *unresolved(why if binding is UNSET else (), "public_binding"),
            *unresolved(causes, "public"),
        ),
    )


def _binding(
    estate: Estate,
    public: Mapping[str, list[Binding]],
    above: Lineage,
    run: CloudRun,
) -> tuple[Maybe[bool], tuple[Cause, ...]]:
    """Tell whether a binding lets everyone invoke a service."""
    causes: list[Cause] = []
    for place in (estate.hierarchy.canonical(run.resource), *above.names):
        for binding in public.get(place, ()):
            told = estate.access.gives(binding, ALL_USERS, INVOKE, run.resource)
            if told.held is True:
                return True, ()
            causes.extend(told.causes)
    causes.extend(_unread(estate))
    causes.extend(
        Cause(reason=item.reason, symbol=item.symbol) for item in above.missing
    )
    return (UNSET, distinct(causes)) if causes else (False, ())


def _unread(estate: Estate) -> Iterator[Cause]:
    if estate.facts.snapshots[0].layers.allow != "read":
        yield Cause(reason="layer", symbol="IAM policies of the snapshot")


def _anyone(
    run: CloudRun, binding: Maybe[bool], why: tuple[Cause, ...]
) -> tuple[bool | None, tuple[Cause, ...]]:
    """Tell whether requests of anyone are let in; None: not known."""
    unchecked = run.invoker_check_disabled
    if unchecked is True or binding is True:
        return True, ()
    if unchecked is UNSET:
        why = (*why, *causes_of(run, "invoker_check_disabled", "the invoker check"))
    return (None, why) if why else (False, ())


def _way(run: CloudRun) -> tuple[bool | None, tuple[Cause, ...]]:
    """
    Tell whether requests from the internet arrive; None: not known.

    A load balancer reaches a service whose default URL is off, or whose ingress lets in
    load balancers alone (cloud.google.com/run/docs/securing/ingress).
    """
    if run.ingress == "internal":
        return False, ()
    causes: list[Cause] = []
    for field, blame in (
        ("ingress", "ingress"),
        ("default_url_disabled", "default URL"),
        ("iap_enabled", "IAP"),
    ):
        if getattr(run, field) is UNSET:
            causes.extend(causes_of(run, field, f"{blame} of {run.id}"))
    if run.default_url_disabled is True or run.ingress not in ("all", UNSET):
        symbol = f"load balancers in front of {_shown(run)}"
        causes.append(Cause(reason="layer", symbol=symbol))
    if run.iap_enabled is True:
        symbol = f"whom IAP lets in to {_shown(run)}"
        causes.append(Cause(reason="layer", symbol=symbol))
    return (None, tuple(causes)) if causes else (True, ())


def _shown(run: CloudRun) -> str:
    return f"service {run.name} ({run.project}, {run.region})"
