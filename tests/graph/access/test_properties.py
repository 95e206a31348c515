"""Random organisations: the same answers as a slow evaluator, and what may not flip."""

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.graph.access.organisation import (
    AS_OF,
    DENIALS,
    GRANTS,
    ORGANISATIONS,
    QUESTIONS,
    RUNNER,
    Denial,
    Grant,
    Organisation,
    granting,
    write,
)
from tests.graph.access.reference import answer

from dagwarden.graph.access import Answer
from dagwarden.graph.access.decide import Access
from dagwarden.graph.enrich import enrich
from dagwarden.graph.estate import Estate
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot import read_snapshots

Question = tuple[str, str, str]
ORDER = {False: 0, None: 1, True: 2}


def asked(organisation: Organisation, question: Question) -> Answer:
    with TemporaryDirectory() as folder:
        write(organisation, Path(folder))
        facts = read_snapshots(
            [Path(folder)],
            Path(folder),
            include_sys_projects=False,
            fingerprint=Fingerprint(b"k", True),
        )
    facts = enrich(facts, datetime.fromisoformat(AS_OF))
    return Estate(facts).access.holds(*question)


@given(ORGANISATIONS, QUESTIONS, st.booleans())
def test_the_answer_is_the_documentation_s(
    organisation: Organisation, question: Question, granted: bool
) -> None:
    if granted:
        organisation = granting(organisation, question[0])
    said = asked(organisation, question)
    assert said.held is answer(organisation, *question), said
    # and it is proved: a grant, a refusal, or what would tell
    assert bool(said.causes) is (said.held is None)
    assert said.supports or said.held is not True
    assert not said.refusals or said.held is False


def _never(*_: object) -> bool:
    return False


@given(ORGANISATIONS, QUESTIONS)
def test_what_is_the_same_for_all_of_a_pool_is_what_is_asked_of_each(
    organisation: Organisation, question: Question
) -> None:
    question = (RUNNER, *question[1:])
    folded = asked(organisation, question)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Access, "_is_any_of_a_pool", _never)
        assert _in_order(asked(organisation, question)) == _in_order(folded)


def _in_order(answer: Answer) -> Answer:
    """Sort the grants of an answer: that of several on one place is no matter."""
    supports = sorted(
        answer.supports, key=lambda one: (one.origin.source, one.origin.field or "")
    )
    return replace(answer, supports=tuple(supports))


@given(ORGANISATIONS, QUESTIONS, DENIALS)
def test_a_new_deny_policy_never_allows(
    organisation: Organisation, question: Question, denial: Denial
) -> None:
    before = asked(organisation, question).held
    more = organisation._replace(denials=(*organisation.denials, denial))
    assert ORDER[asked(more, question).held] <= ORDER[before]


@given(ORGANISATIONS, QUESTIONS, GRANTS)
def test_a_new_binding_never_denies(
    organisation: Organisation, question: Question, grant: Grant
) -> None:
    before = asked(organisation, question).held
    more = organisation._replace(grants=(*organisation.grants, grant))
    assert ORDER[asked(more, question).held] >= ORDER[before]


@given(ORGANISATIONS, QUESTIONS, st.data())
def test_losing_a_fact_decides_nothing(
    organisation: Organisation, question: Question, data: st.DataObject
) -> None:
    less = [
        organisation._replace(custom=None),
        organisation._replace(tags=None),
        organisation._replace(adrift=("projects/21", "projects/22")),
        *(
            organisation._replace(
                groups=tuple(
                    (group, None if group == lost else members)
                    for group, members in organisation.groups
                )
            )
            for lost, _ in organisation.groups
        ),
        organisation._replace(
            denials=tuple(one._replace(listed=False) for one in organisation.denials)
        ),
    ]
    before = asked(organisation, question).held
    after = asked(data.draw(st.sampled_from(less)), question).held
    assert after in (before, None)
