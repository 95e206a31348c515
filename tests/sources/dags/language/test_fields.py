"""What dataclasses hold: as Python computes it, and nothing of others' dataclasses."""

import pytest
from tests.sources.dags.language.test_oracle import known, real
from tests.sources.dags.language.test_soundness import agrees

from dagwarden.sources.dags.language.values import Unknown, why_unknown

DATA = "from dataclasses import InitVar, asdict, dataclass, field, fields, replace\nfrom typing import ClassVar\n"
KNOWN = [
    "@dataclass\nclass C:\n a: int\n b: list = field(default_factory=list)\n c: int = field(default=3)\nc = C(1); c.b.append(2)\nx = c.a, c.b, c.c, C.c, C(1).b",
    "@dataclass(frozen=True, kw_only=True)\nclass C:\n k: ClassVar[int] = 4\n a: int\n b: dict = field(default_factory=lambda: {'k': 1})\n z: str = field(init=False, default='q')\nc = C(a=1)\nx = c.a, c.b, c.z, C.k, replace(c, a=2).a, asdict(c)",
    "@dataclass\nclass A:\n a: int = field(kw_only=True)\n b: int = 2\n@dataclass\nclass B(A):\n c: int = 3\n def __post_init__(s): s.d = s.a + s.b\nb = B(5, 6, a=1)\nx = b.a, b.b, b.c, b.d",
    "@dataclass\nclass A:\n a: int\n b: int = field(init=False, default=2)\n@dataclass\nclass B(A):\n c: int = 3\nk = {f.name for f in fields(B)}\nx = [f.name for f in fields(B(1))], 'a' in k, B(**{n: 1 for n in ('a', 'z') if n in k}).a",
    "deco = dataclass(init=False)\n@deco\nclass A:\n a: int = 1\n def __init__(s): s.a = 7\nx = A().a",
]
NOT_CERTAIN = [
    "@dataclass(slots=True)\nclass C:\n a: int = 1\nx = isinstance(C.a, int)",
    "class A:\n a: int = 1\nB = dataclass(A)\nx = A(2).a",
    "@dataclass\nclass C:\n a: InitVar[int]\n b: int = 1\nx = [f.name for f in fields(C)]",
    "@dataclass\nclass C:\n a: InitVar[int]\n def __post_init__(s, a): s.b = a\nx = C(1).b",
]


@pytest.mark.parametrize("program", KNOWN)
def test_fields_are_known(program: str) -> None:
    value = known(DATA + program)
    assert why_unknown(value) is None
    assert agrees(value, real(DATA + program))


@pytest.mark.parametrize("program", NOT_CERTAIN)
def test_what_is_not_certain_is_not_known(program: str) -> None:
    assert agrees(known(DATA + program), real(DATA + program))


@pytest.mark.parametrize("options", ["", "()", "(frozen=True)"])
def test_who_converts_what_it_is_given_makes_no_plain_fields(options: str) -> None:
    program = (
        f"from pydantic.dataclasses import dataclass\n@dataclass{options}\nclass C:\n"
        " a: int\nx = C('1').a"
    )
    assert isinstance(known(program), Unknown)
