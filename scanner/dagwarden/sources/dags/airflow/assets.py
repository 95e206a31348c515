"""
`@asset` of Airflow 3: a function that makes an asset is a DAG of one task.

The DAG is called as the asset is, unless told otherwise; the task as the function.
"""

from collections.abc import Callable, Mapping

from dagwarden.sources.dags.airflow.world import Dag, TaskFactory, World
from dagwarden.sources.dags.language.objects import Function
from dagwarden.sources.dags.language.values import (
    Arguments,
    Method,
    Thing,
    Unknown,
    Value,
)

# What the decorator hands on to the DAG, of what facts are made of.
_OF_DAG = ("schedule", "params")


class Produced(Thing):
    """What stands for the asset: other DAGs are scheduled by it."""

    __slots__ = ()

    def describe(self) -> str:
        """Return what a person would call it."""
        return "an asset"


def handlers(world: World) -> Mapping[str, Callable[[Arguments], Value]]:
    """Return what calling the decorators means."""

    def decorator(given: Arguments) -> Value:
        return Method("asset", lambda one: _made(world, given, one, named=True))

    def of_many(given: Arguments) -> Value:
        return Method("asset", lambda one: _made(world, given, one, named=False))

    return {"airflow.sdk.asset": decorator, "airflow.sdk.asset.multi": of_many}


def _made(world: World, given: Arguments, under: Arguments, *, named: bool) -> Value:
    """Make the DAG; `named`: the asset's name, if given, is its own."""
    function = under.get("", 0)
    factory = function if isinstance(function, TaskFactory) else None
    if factory is not None:
        function = factory.function
    if not isinstance(function, Function):
        return Unknown("dynamic", "@asset")
    if world.interpreter.scope is not world.interpreter.module.scope:
        world.refused(under.node, "an asset is made by a function inside another")
    dag_id: Value = given.keywords.get("dag_id") or given.rest
    if dag_id is None and named:
        dag_id = given.keywords.get("name")
    keywords = {n: v for n, v in given.keywords.items() if n in _OF_DAG}
    dag = Dag(
        world,
        dag_id or function.name,
        Arguments([], keywords, None, given.rest, under.node),
    )
    world.register(dag)
    dag.enter()
    try:
        task = factory or TaskFactory(world, "python", function, Arguments([], {}))
        task.call(Arguments([], {}, node=under.node))
    finally:
        dag.exit()
    return Produced()
