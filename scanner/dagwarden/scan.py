"""
The pipeline: read this first.

    sources -> facts -> graph -> policy -> findings

What `scan` returns depends only on what was read, the rules, their parameters and
`as_of`: the same input gives the same bytes.
"""

from collections.abc import Sequence
from datetime import datetime

from dagwarden.config import Config
from dagwarden.facts import SourceFile
from dagwarden.findings import ControlReport, Result, Waiver
from dagwarden.graph.build import derive
from dagwarden.policy.conclude import conclude
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
    facts = derive(estate.facts, as_of)
    judgement = judge(rules, facts, config.params, estate.given)
    conclusion = conclude(
        judgement,
        rules,
        facts,
        waivers,
        as_of=as_of.date(),
        approvers=config.approvers,
        trusted=config.trust_repository,
        partial=config.partial,
    )
    return examine(facts, conclusion, config, controls, steering, as_of)
