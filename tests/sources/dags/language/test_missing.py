"""Names that a file certainly does not have, as Airflow 3.3 refuses the file for."""

import pytest
from tests.sources.dags.conftest import Scan

HEAD = "from airflow import DAG\n"
PACKAGE = {
    "dags__pkg____init__": "A = 1\nfrom . import mod\n",
    "dags__pkg__mod": "B = 2",
}
REFUSED = {
    "with DAG('d'):\n print(gone)": "gone is not defined",
    "d = DAG('d')\nfor i in [1]: gone(i)": "gone is not defined",
}
# ... unless a package of that name is installed, which comes first there.
REFUSED_IF_NOT_INSTALLED = {
    "from pkg import A, mod, gone\nd = DAG('d')": "pkg has no gone",
    "import pkg.gone\nd = DAG('d')": "pkg has no gone",
    "from pkg.mod import A\nd = DAG('d')": "pkg.mod has no A",
}
NOT_CERTAIN = [
    "d = DAG('d')\ndef f(): gone()",
    "d = DAG('d')\ntry: gone\nexcept NameError: pass",
    "import ask\nd = DAG('d')\nif ask.it(): gone",
    "import ask\nd = DAG('d')\nwith ask.it(): gone",
    "import ask\nd = DAG('d')\nwith ask.it: gone",
    "import contextlib\nd = DAG('d')\nwith contextlib.suppress(NameError): gone",
    "from elsewhere import *\nd = DAG('d')\ngone",
    "d = DAG('d')\nif False: gone",
    "d = DAG('d')\ndef f():\n global gone\n gone = 1\nf()\ngone",
    "d = DAG('d')\nglobals().update({'g' + 'one': 1})\ngone",
    "import sys\nd = DAG('d')\nsetattr(sys.modules[__name__], 'gone', 1)\ngone",
    "try:\n from pkg import gone\nexcept ImportError: gone = None\nd = DAG('d')",
    "from elsewhere import gone\nimport other.gone\nd = DAG('d')",
    "from pkg import mod, A\nimport pkg.mod\nd = DAG('d', tags=[pkg.mod.B])",
    "d = DAG('d')\nprint(__doc__, __name__, __builtins__, len)",
    "d = DAG('d')\nmatch 1:\n case gone: gone",
]


def refusals(scan: Scan, program: str) -> list[str]:
    start = "Airflow refuses the file: "
    gaps = scan(HEAD + program, **PACKAGE).gaps
    return [g.detail.removeprefix(start) for g in gaps if g.detail.startswith(start)]


@pytest.mark.parametrize("program", REFUSED)
def test_a_name_that_is_nowhere_is_told(scan: Scan, program: str) -> None:
    assert refusals(scan, program) == [REFUSED[program]]


@pytest.mark.parametrize("program", REFUSED_IF_NOT_INSTALLED)
def test_a_name_that_another_package_may_have_is_told_as_such(
    scan: Scan, program: str
) -> None:
    (gap,) = scan(HEAD + program, **PACKAGE).gaps
    detail, _, condition = gap.detail.partition(": ")
    assert (gap.reason, detail) == ("unsupported", REFUSED_IF_NOT_INSTALLED[program])
    assert condition == "unless Airflow has another pkg installed, it refuses the file"


@pytest.mark.parametrize("program", NOT_CERTAIN)
def test_what_may_be_there_is_not_told(scan: Scan, program: str) -> None:
    gaps = scan(HEAD + program, **PACKAGE).gaps
    assert not [gap for gap in gaps if "refuses" in gap.detail]


def test_a_submodule_of_another_kind_may_be_there(scan: Scan) -> None:
    files = PACKAGE | {"dags__pkg__gone__data": "x = 1"}
    gaps = scan(HEAD + "from pkg import gone\nd = DAG('d')", **files).gaps
    assert not [gap for gap in gaps if "refuses" in gap.detail]
