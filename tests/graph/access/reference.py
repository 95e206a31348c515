"""
A slow evaluator of IAM, written straight from the documentation; for tests only.

It knows an `Organisation`, not facts, and shares no code with the product. Truth has
three values, as numbers: 1 true, 0 false, a half not known; `and` is the least, `or`
the greatest.
"""

from tests.graph.access.organisation import (
    ACCOUNTS,
    CONDITIONS,
    CRM,
    CUSTOM,
    DEV,
    INVOKE,
    LAB,
    OF_PROJECT,
    ORG,
    PARENTS,
    POOL,
    PROD,
    ROLES,
    RUNNER,
    SHOP,
    TAGGED,
    Denial,
    Fence,
    Grant,
    Organisation,
)

YES, NO, HALF = 1.0, 0.0, 0.5


def answer(
    organisation: Organisation, who: str, permission: str, resource: str
) -> bool | None:
    """Return whether `who` has the permission on the resource; None: not known."""
    asked = _Asked(organisation, who, permission, resource)
    # policy-types#evaluation: a boundary, a deny policy or no grant prevents access
    value = min(asked.granted(), 1 - asked.denied(), 1 - asked.fenced())
    return {YES: True, NO: False, HALF: None}[value]


class _Asked:
    def __init__(
        self, organisation: Organisation, who: str, permission: str, resource: str
    ) -> None:
        self.of, self.who = organisation, who
        self.permission, self.resource = permission, resource
        self.chain, self.complete = _chain(organisation, resource)

    # ------------------------------------------------------------------ allow

    def granted(self) -> float:
        """allow-policies: the union of the resource's policy and those above."""
        found = max((self.grant(one) for one in self.of.grants), default=NO)
        if not self.complete:  # what is granted above was not read
            found = max(found, HALF)
        return found

    def grant(self, grant: Grant) -> float:
        if grant.place not in self.chain:
            return NO
        return min(
            self.role(grant.role),
            max(self.member(one) for one in grant.members),
            self.condition(grant.condition),
        )

    def role(self, role: str) -> float:
        held = ROLES[role]
        if role == CUSTOM:
            if self.of.custom is None:
                return HALF
            # custom roles: a disabled or deleted role's bindings have no effect
            alive = self.of.custom_state == "GA"
            held = frozenset(self.of.custom if alive else ())
        assert held is not None
        return YES if self.permission in held else NO

    def condition(self, text: str) -> float:
        if text == TAGGED:
            return self.tagged()
        held = CONDITIONS[text] if text else True
        return HALF if held is None else YES if held else NO

    def tagged(self) -> float:
        """tags-overview#inheritance: the nearest tag of a key counts."""
        if self.of.tags is None:
            return HALF
        tags = dict(self.of.tags)
        for place in self.chain:
            if place in tags:
                return {PROD: YES, DEV: NO}[tags[place]]
        return NO if self.complete else HALF

    # ---------------------------------------------------------------- members

    def member(self, member: str) -> float:
        """principals-overview."""
        who = self.who
        if member in (who, "allUsers"):
            return YES
        if member == "allAuthenticatedUsers":  # not federated identities
            return NO if who == RUNNER else YES
        if member.startswith("group:"):  # all that lists name, in groups however nested
            return self.in_group(member, frozenset())
        if member.startswith("domain:"):  # people of a customer whose domains are many
            return HALF if who.startswith("user:") else NO
        if member.endswith(f"{POOL}/*"):
            return YES if who == RUNNER else NO
        # without its token nobody knows its groups and attributes
        if any(f"{POOL}/{of}" in member for of in ("group/", "attribute.")):
            return HALF if who == RUNNER else NO
        if member.endswith("/type/ServiceAccount"):
            place = member.removeprefix(f"principalSet:{CRM}/").partition("/type/")[0]
            return self.account_in(place)
        return NO  # others; deleted accounts: another unique id

    def in_group(self, group: str, seen: frozenset[str]) -> float:
        members = dict(self.of.groups).get(group.removeprefix("group:"))
        if members is None:
            return HALF
        if self.who in members:
            return YES
        inner = [one for one in members if one.startswith("group:")]
        return max(
            (self.in_group(one, seen | {group}) for one in inner if one not in seen),
            default=NO,
        )

    def account_in(self, place: str) -> float:
        project = ACCOUNTS.get(self.who.removeprefix("serviceAccount:"))
        return NO if project is None else self.below(project, place)

    def below(self, project: str, place: str) -> float:
        chain, complete = _chain(self.of, project)
        if place in chain:
            return YES
        return NO if complete else HALF

    # ------------------------------------------------------------------- deny

    def denied(self) -> float:
        """deny-overview: any rule of the resource's policies or of those above."""
        return max((self.denial(one) for one in self.of.denials), default=NO)

    def denial(self, denial: Denial) -> float:
        applies = YES if denial.place in self.chain else NO
        if applies == NO and not self.complete:
            applies = HALF
        if not denial.listed:
            return min(applies, HALF)
        return min(
            applies,
            YES if any(map(self.matches, denial.permissions)) else NO,
            NO if any(map(self.matches, denial.except_permissions)) else YES,
            max(map(self.member, denial.principals)),
            1 - max(map(self.member, denial.exceptions), default=NO),
            self.tagged() if denial.tagged else YES,
        )

    def matches(self, pattern: str) -> bool:
        names = {
            INVOKE: ("routes.invoke", "*.*"),
            "run.jobs.run": ("jobs.*", "*.*"),
        }[self.permission]
        return pattern in {f"run.googleapis.com/{name}" for name in names}

    # ------------------------------------------------------------- boundaries

    def fenced(self) -> float:
        """principal-access-boundary-policies#interactions and policy-types#evaluation."""
        block = eligible = relevant = NO
        for fence in self.of.fences:
            subject = max(self.in_set(*one) for one in fence.sets)
            blocks, includes = self.blocks(fence.version), self.includes(fence)
            block = max(block, min(subject, blocks))
            eligible = max(eligible, min(subject, includes))
            relevant = max(relevant, min(subject, blocks, includes))
        one, other = min(block, 1 - eligible), min(block, 1 - relevant)
        if one == YES or other == NO:
            return one
        return HALF

    def blocks(self, version: str) -> float:
        """pab-blocked-permissions: version 1 has jobs.run, none has routes.invoke."""
        if self.permission == INVOKE:
            return HALF if version in ("latest", "9") else NO
        return YES

    def includes(self, fence: Fence) -> float:
        if any(one in self.chain for one in fence.resources):
            return YES
        return NO if self.complete else HALF

    def in_set(self, principals: str, condition: str) -> float:
        return min(self.principals(principals), self.of_principal(condition))

    def principals(self, principals: str) -> float:
        person = self.who.startswith("user:")
        if principals.endswith(POOL):
            return YES if self.who == RUNNER else NO
        if "/workspace/" in principals:
            return HALF if person else NO
        place = principals.removeprefix(f"{CRM}/").replace("projects/lab", LAB)
        if person:
            return HALF if place == ORG else NO
        return self.below(SHOP, place) if self.who == RUNNER else self.account_in(place)

    def of_principal(self, condition: str) -> float:
        account = self.who.startswith("serviceAccount:")
        if "principal.type" in condition:
            return YES if account else NO
        subject = self.who.partition(":")[2]
        return NO if condition and subject in condition else YES


def _chain(organisation: Organisation, name: str) -> tuple[list[str], bool]:
    """Return a resource and what is known to be above it, and whether that is all."""
    chain = [name]
    project = OF_PROJECT.get(name)
    if project:
        chain.append(project)
    while chain[-1] in PARENTS and chain[-1] not in organisation.adrift:
        chain.append(PARENTS[chain[-1]])
    return chain, chain[-1] == ORG
