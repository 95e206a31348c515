"""
The pipeline: read this first.

    sources -> facts -> graph -> policy -> findings

What `scan` returns depends only on what was read, the rules, their parameters and
`as_of`: the same input gives the same bytes.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from dagwarden.config import Config
from dagwarden.facts import Facts, SourceFile
from dagwarden.findings import ControlReport, Result, Waiver
from dagwarden.graph.build import Begun, begin, with_grants, without_grants
from dagwarden.policy.conclude import Conclusion, conclude, together
from dagwarden.policy.evaluate import judge
from dagwarden.policy.examine import examine
from dagwarden.rule import Rule
from dagwarden.sources.estate import Estate


def scan(
    estate: Estate,
    rules: Sequence[Rule],
    config: Config,
    *,
    waivers: Sequence[Waiver] = (),
    controls: Sequence[ControlReport] = (),
    steering: Sequence[SourceFile] = (),
    as_of: datetime,
) -> Result:
    """
    Join what was read, judge it by `rules`, and account for everything.

    `steering` are the files that decided how: configuration, registers, own rules.
    """
    begun = begin(estate.facts, as_of)

    def concluded(derived: Callable[[Begun], Facts], own: Sequence[Rule]) -> Conclusion:
        facts = derived(begun)
        params = {
            one.id: config.params[one.id] for one in own if one.id in config.params
        }
        return conclude(
            judge(own, facts, params, estate.given),
            rules,
            facts,
            waivers,
            as_of=as_of.date(),
            approvers=config.approvers,
            trusted=config.trust_repository,
            partial=config.partial,
        )

    # A rule sees one fact, and failures of grants and of other facts never explain each
    # other: grants, as much work as all else, are judged on their own.
    of_grants = [rule for rule in rules if rule.subject == "grant"]
    others = [rule for rule in rules if rule.subject != "grant"]
    rest = partial(concluded, without_grants, others)
    if not begun.many:
        parts = concluded(with_grants, of_grants), rest()
    else:
        from dagwarden.beside import beside

        with beside(rest, Conclusion) as told:
            parts = concluded(with_grants, of_grants), told()
    return examine(
        begun.facts, together(parts, rules), config, controls, steering, as_of
    )
