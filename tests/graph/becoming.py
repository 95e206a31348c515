"""
Who becomes whom, slowly: written from the documentation, without the code that is tested.

An organisation of `questions`, with grants. What each role holds is data of the
catalogue; how one becomes another is told here again, a sentence each.
"""

from typing import NamedTuple

from tests.graph.questions import (
    ABOVE,
    ACCOUNTS,
    AIRFLOW,
    API,
    APP,
    BOT,
    DAGS,
    DEP,
    ENV,
    LAB,
    NIGHTLY,
    ORG,
    POOL,
    SHOP,
    STAFF,
    VIA,
    principal,
)

from dagwarden.graph.roles import catalogue

ANN, MAIN, RAHA = (
    "user:ann@x.example",
    principal(POOL, "main"),
    principal(STAFF, "raha"),
)
LIVE = (APP, DEP, VIA, ENV, BOT)
WHO = (*LIVE, ANN, MAIN, RAHA)
ROLE_OF = {SHOP: "projects/shop/roles/r", LAB: "projects/lab/roles/r"}
PARENT = {role: project for project, role in ROLE_OF.items()}
_ACCOUNTS = "iam.serviceAccounts"
TOKEN, ID_TOKEN = f"{_ACCOUNTS}.getAccessToken", f"{_ACCOUNTS}.getOpenIdToken"
ACT_AS, DELEGATE = f"{_ACCOUNTS}.actAs", f"{_ACCOUNTS}.implicitDelegation"
# what makes one the account, whatever for
_WHOLLY = (
    f"{_ACCOUNTS}.signBlob",
    f"{_ACCOUNTS}.signJwt",
    "iam.serviceAccountKeys.create",
)
_SETS = {
    **{place: f"resourcemanager.{place.split('/')[0]}.setIamPolicy" for place in ABOVE},
    **dict.fromkeys(LIVE, f"{_ACCOUNTS}.setIamPolicy"),
    NIGHTLY: "run.jobs.setIamPolicy",
    API: "run.services.setIamPolicy",
    DAGS: "storage.buckets.setIamPolicy",
}
# each with actAs, in the account's project
_DEPLOYS = (
    *(("run.services.create",), ("run.services.update",), ("run.workerpools.create",)),
    *(("run.jobs.create", "run.jobs.run"), ("run.jobs.update", "run.jobs.run")),
    *(("run.instances.create",), ("cloudfunctions.functions.create",)),
    *(("cloudbuild.builds.create",), ("composer.environments.create",)),
    *(("workflows.workflows.create", "workflows.executions.create"),),
    ("cloudscheduler.jobs.create",),
)
_COMMANDS = ("environments.update", "environments.executeAirflowCommand")
_FORGES = "iam.googleapis.com/{}PoolProviders.{}"


class Grant(NamedTuple):
    """A role on a place, if its condition asks for a path, or a tag; empty: it has none."""

    place: str
    role: str
    member: str
    when: str = ""


class Denial(NamedTuple):
    """A permission that is denied on a place and below; who None: to all."""

    place: str
    permission: str
    who: str | None = None


def above(place: str) -> list[str]:
    """Return a place and all that it inherits from."""
    if place in ABOVE:
        return ABOVE[place]
    if place in ACCOUNTS:
        return [place, *ABOVE[ACCOUNTS[place]]]
    project = {NIGHTLY: LAB, STAFF: ORG}.get(place, SHOP)
    return [place, *ABOVE[project]]


class Closure:
    """All that one is and may do, with all grants of which `grants` are."""

    def __init__(
        self,
        who: str,
        grants: list[Grant],
        custom: dict[str, frozenset[str]],
        denials: list[Denial],
        tagged: frozenset[str],
        *,
        lucky: bool = False,
    ) -> None:
        """
        Begin as oneself, and go on until nothing is new.

        `tagged` bear the tag that conditions ask for. `lucky`: with all that depends on
        what no export tells.
        """
        self._grants, self._custom, self._denials = grants, custom, denials
        self._tagged = tagged
        self._lucky = lucky
        self.calls = {who}  # as whom APIs are called
        # whose identity tokens are got: Google signs none of federated identities
        self.speaks: set[str] = set() if who.startswith("principal") else {who}
        self.stores, self._delegates = set[str](), set[str]()
        self._changed = set[str]()
        self._set: dict[str, set[str]] = {}  # place -> who may set its policy
        size = -1
        while size != (size := self._size()):
            for one in sorted(self.calls):
                self._step(one)
            self._delegated()

    def _size(self) -> int:
        parts = (self.calls, self.speaks, self.stores, self._delegates, self._changed)
        return sum(map(len, (*parts, *self._set.values())))

    def has(self, who: str, permission: str, place: str) -> bool:
        """Tell whether someone holds a permission, or may be given it by now."""
        names = above(place)
        if any(
            one.place in names
            and one.permission == permission
            and one.who in (None, who)
            for one in self._denials
        ):
            return False
        return any(name in self._set for name in names) or any(
            grant.member == who
            and grant.place in names
            # tags-overview#inheritance: of the resource that is asked about, or above
            and (grant.when != "tag" or not self._tagged.isdisjoint(names))
            and (grant.role in self._changed or permission in self._holds(grant.role))
            for grant in self._grants
        )

    def _holds(self, role: str) -> frozenset[str]:
        if role in self._custom:
            return self._custom[role]
        shipped = catalogue()
        known = {name for name, roles in shipped.known.items() if role in roles}
        return shipped.roles.get(role, frozenset()) | known

    def may(self, permission: str, place: str) -> bool:
        """Tell whether any of those whom one is may do what takes a permission."""
        by = self.speaks if permission == "run.routes.invoke" else self.calls
        if permission.startswith("storage.objects."):
            by = by | self.stores
        return any(self.has(one, permission, place) for one in by)

    def _become(self, account: str) -> None:
        self.calls.add(account)
        self.speaks.add(account)

    def _step(self, who: str) -> None:
        """Take every step that an identity takes by itself."""
        for role, project in PARENT.items():
            if self.has(who, "iam.roles.update", project):
                self._changed.add(role)
        for place, permission in _SETS.items():
            if self.has(who, permission, place):
                self._set.setdefault(place, set()).add(who)
        for account in LIVE:
            self._tokens(who, account)
            project = ACCOUNTS[account]
            if self.has(who, DELEGATE, account):
                self._delegates.add(account)
            if self.has(who, "storage.hmacKeys.create", project):
                self.stores.add(account)
            if self.has(who, "iam.serviceAccountKeys.create", account):
                self._become(account)
            acts = self.has(who, ACT_AS, account)
            if acts and (self._lucky or self._deploys(who, project)):
                self._become(account)
            if self._lucky and self.has(who, "dataproc.jobs.create", project):
                self._become(account)
        if self.has(who, "run.jobs.runWithOverrides", NIGHTLY):
            self._become(BOT)
        commands = [f"composer.{one}" for one in _COMMANDS]
        if self._lucky:  # in the parameters of a DAG that takes commands
            commands.append("composer.dags.execute")
        if any(self.has(who, one, AIRFLOW) for one in commands):
            self._become(ENV)
        if self.may("storage.objects.create", DAGS):
            self._become(ENV)
        for kind, pool, subject in (
            ("workloadIdentity", POOL, MAIN),
            ("workforce", STAFF, RAHA),
        ):
            verbs = ("create", "update")
            if any(self.has(who, _FORGES.format(kind, one), pool) for one in verbs):
                self.calls.add(subject)

    def _tokens(self, who: str, account: str) -> None:
        if self.has(who, TOKEN, account):
            self.calls.add(account)
        if self.has(who, ID_TOKEN, account):
            self.speaks.add(account)
        if any(self.has(who, name, account) for name in _WHOLLY[:2]):
            self._become(account)

    def _deploys(self, who: str, project: str) -> bool:
        """Tell whether someone makes code run in a project, or changes what runs there."""

        def able(row: tuple[str, ...], place: str) -> bool:
            return all(self.has(who, name, place) for name in row)

        if any(able(row, project) for row in _DEPLOYS):
            return True
        if project == SHOP:
            return able(("run.services.update",), API)
        return able(("run.jobs.update", "run.jobs.run"), NIGHTLY)

    def _delegated(self) -> None:
        """Take what accounts give along whom one delegates."""
        for delegate in sorted(self._delegates):
            for account in LIVE:
                self._tokens(delegate, account)
                if self.has(delegate, DELEGATE, account):
                    self._delegates.add(account)
