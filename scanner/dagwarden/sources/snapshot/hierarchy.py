"""Which folder, project and organisation lies above what."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from msgspec import Struct

from dagwarden.sources.snapshot.names import (
    CONTAINERS,
    MAX_DEPTH,
    Names,
    project_of,
    whole,
)
from dagwarden.sources.snapshot.records import (
    Asset,
    BucketShape,
    ContainerShape,
    ParentShape,
)


class Above(Struct, frozen=True):
    """The ancestors of a container as one asset tells them, nearest first."""

    ancestors: tuple[str, ...]
    by: Asset
    own: bool  # told by the container's own record


class Hierarchy:
    """The containers, by full resource name, and what lies above them."""

    def __init__(self, assets: Iterable[Asset], names: Names) -> None:
        """Learn from `assets`: their own ancestors, and their parents."""
        self._names = names
        self.above: dict[str, Above] = {}
        # containers that two assets place differently: where they are is not known
        # what is in two places, and which: by whom the second is told
        self.disputed: dict[str, tuple[Asset, str]] = {}
        self._parents: dict[str, str] = {}
        self._seen: dict[tuple[str, ...], tuple[str, ...]] = {}
        parents: list[tuple[str, str, Asset]] = []
        told = set[tuple[str, ...]]()
        for asset in assets:
            if asset.name.startswith(CONTAINERS):
                name = names.resource(asset.name)
                if asset.ancestors:
                    self._place(name, self._given(asset.ancestors, name), asset, True)
                if parent := self._parent(asset):
                    parents.append((name, parent, asset))
            if asset.ancestors and asset.ancestors not in told:
                told.add(asset.ancestors)
                self._learn(asset)
        for name, parent, asset in parents:
            above = self.above.get(name)
            known = above.ancestors[:1] if above else (self._parents.get(name),)
            if known not in ((parent,), (None,)):
                self._dispute(name, asset, known, (parent,))
            self._parents.setdefault(name, parent)

    def _learn(self, asset: Asset) -> None:
        """Note what an asset's ancestors tell of each other."""
        chain = self._full(asset.ancestors or ())
        for position, name in enumerate(chain):
            self._place(name, chain[position + 1 :], asset, False)

    def _place(
        self, name: str, ancestors: tuple[str, ...], by: Asset, own: bool
    ) -> None:
        """Note where an asset says that a container is."""
        known = self.above.get(name)
        if known is None or (own and not known.own):
            self.above[name] = Above(ancestors, by, own)
        # a search names the folders in an order that is not documented
        if known is None or known.by.searched or by.searched:
            return
        if known.ancestors != ancestors:
            self._dispute(name, by, known.ancestors, ancestors)

    def _dispute(
        self,
        name: str,
        by: Asset,
        one: Sequence[str | None],
        other: Sequence[str | None],
    ) -> None:
        """Note that something is in two places, and where they part."""
        pairs = zip_longest(one, other)
        places = next((pair for pair in pairs if pair[0] != pair[1]), ())
        words = " and ".join(
            f"below {place.removeprefix(CONTAINERS)}" if place else "below nothing"
            for place in places
        )
        self.disputed.setdefault(name, (by, words))

    def of(self, asset: Asset, name: str) -> tuple[str, ...] | None:
        """Return the ancestors of an asset called `name`; None: not known."""
        if name.startswith(CONTAINERS):
            return self.of_container(name)
        if asset.ancestors:
            return self._undisputed(self._full(asset.ancestors))
        parent = asset.parent
        if parent is None or not parent.startswith(CONTAINERS):
            project = project_of(name)
            if isinstance(asset.data, BucketShape) and asset.data.projectNumber:
                project = whole(asset.data.projectNumber)
            if project is None:
                return None
            parent = f"{CONTAINERS}projects/{project}"
        parent = self._names.resource(parent)
        above = self.of_container(parent)
        return None if above is None else (parent, *above)

    def of_container(self, name: str) -> tuple[str, ...] | None:
        """Return what lies above a container; None: not known."""
        if name in self.disputed:
            return None
        if name in self.above:
            return self._undisputed(self.above[name].ancestors)
        chain: list[str] = []
        while not name.startswith(f"{CONTAINERS}organizations/"):
            parent = self._parents.get(name)
            if parent is None or parent in chain or len(chain) > MAX_DEPTH:
                return None
            chain.append(parent)
            name = parent
            if name in self.above:
                return self._undisputed((*chain, *self.above[name].ancestors))
        return self._undisputed(tuple(chain))

    def _undisputed(self, chain: tuple[str, ...]) -> tuple[str, ...] | None:
        """Return a chain of ancestors; None where part of it is not known."""
        known = not self.disputed or self.disputed.keys().isdisjoint(chain)
        return chain if known else None

    def _given(self, ancestors: tuple[str, ...], name: str) -> tuple[str, ...]:
        chain = self._full(ancestors)
        # an asset that is itself a container stands first among its ancestors
        return chain[1:] if chain and chain[0] == name else chain

    def _full(self, ancestors: tuple[str, ...]) -> tuple[str, ...]:
        chain = self._seen.get(ancestors)
        if chain is None:
            chain = tuple(self._names.container(item) for item in ancestors)
            self._seen[ancestors] = chain
        return chain

    def _parent(self, asset: Asset) -> str | None:
        """Return a container's parent as its own record tells it."""
        parent = asset.parent
        if not parent and isinstance(asset.data, ContainerShape):
            given = asset.data.parent
            if isinstance(given, ParentShape):
                given = f"{given.type}s/{whole(given.id)}" if given.type else None
            parent = f"{CONTAINERS}{given}" if given else None
        return self._names.resource(parent) if parent else None
