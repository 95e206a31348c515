"""Methods that nobody calls: what they may have changed is no longer known."""

import pytest
from tests.sources.dags.language.test_oracle import known, real
from tests.sources.dags.language.test_soundness import agrees

from dagwarden.sources.dags.language.values import Unknown

HEAD = "import re\nfrom contextlib import closing\nfrom enum import Enum\nD = {'k': 'a'}\nE = {}\n"
TAIL = "\nx = D['k']"


def special(name: str, use: str, body: str = "D['k'] = 'b'; return True") -> str:
    return f"class A:\n def {name}(self, *a): {body}\n{use}"


# programs that end with another item in `D`
CHANGED = {
    "==": special("__eq__", "A() == 1"),
    "<": special("__lt__", "sorted([A(), A()])"),
    "a key": special("__hash__", "{A(): 1}", "D['k'] = 'b'; return 1"),
    "if": special("__bool__", "if A(): pass"),
    "in": special("__contains__", "1 in A()"),
    "an attribute": special("__getattr__", "A().y"),
    "an item that is set": special("__setitem__", "A()[1] = 2"),
    "an item that is deleted": special("__delitem__", "del A()[1]"),
    "a format": special("__format__", "'{}'.format(A())", "D['k'] = 'b'; return ''"),
    "a descriptor": special("__get__", "class B: y = A()\nB().y"),
    "a descriptor that is set": special("__set__", "class B: y = A()\nB().y = 1"),
    "a descriptor's name": special("__set_name__", "class B: y = A()"),
    "a class's item": special("__class_getitem__", "A[int]"),
    "a pattern": special("__eq__", "match A():\n case 1: pass"),
    "an item that is missing": (
        "class A(dict):\n def __missing__(self, k): D['k'] = 'b'\nA()['y']"
    ),
    "a member that is missing": (
        "class A(Enum):\n Y = 1\n @classmethod\n def _missing_(cls, v):\n"
        "  D['k'] = 'b'; return cls.Y\nA(5)"
    ),
    "a member": (
        "class A(Enum):\n Y = 1\n def __eq__(self, o): D['k'] = 'b'; return True\n"
        "A.Y == 1"
    ),
    "a base's": (
        "class B:\n def __eq__(self, o): D['k'] = 'b'; return True\n"
        "class A(B):\n def __eq__(self, o): return super().__eq__(o)\nA() == 1"
    ),
    "what it calls": f"def f(): D['k'] = 'b'\n{special('__eq__', 'A() == 1', 'f()')}",
    "its own method": (
        "class A:\n def f(self): D['k'] = 'b'\n def __eq__(self, o): self.f()\nA() == 1"
    ),
    "what is given": (
        f"def f(d): d['k'] = 'b'\n{special('__eq__', 'A() == 1', 'f(D)')}"
    ),
    "another name": special("__eq__", "A() == 1", "d = D; d.update(k='b')"),
    "a name": special("__eq__", "A() == 1", "global D; D = {'k': 'b'}"),
    "after it was set": special("__eq__", "y = A()\nD['k'] = 'a'\ny == 1"),
    "its attribute": special("__eq__", "y = A()\ny == 1\nD['k'] = y.z", "self.z = 'b'"),
    "its class's": (
        "class A:\n z = 'a'\n def __eq__(self, o): A.z = 'b'\nA() == 1\nD['k'] = A.z"
    ),
    "what it holds": (
        "class A:\n def __init__(self): self.d = D\n"
        " def __eq__(self, o): self.d['k'] = 'b'\nA() == 1"
    ),
    "what is raised": (
        "class A(Exception):\n def __init__(self): D['k'] = 'b'\n"
        "try: raise A\nexcept A: pass"
    ),
    "a cause": (
        "class A(Exception):\n def __init__(self): D['k'] = 'b'\n"
        "try: raise ValueError from A()\nexcept ValueError: pass"
    ),
    "re.sub": "re.sub('a', lambda m: D.update(k='b') or '', 'a')",
    "a pattern's sub": "re.compile('a').sub(lambda m: D.update(k='b') or '', 'a')",
    "closing": "class A:\n def close(self): D['k'] = 'b'\nwith closing(A()): pass",
    "send": ("def g():\n while True: D['k'] = yield\ny = g()\nnext(y)\ny.send('b')"),
    "close": (
        "def g():\n try: yield 1\n finally: D['k'] = 'b'\ny = g()\nnext(y)\ny.close()"
    ),
}
# ... and those that leave it what it is
KEPT = {
    "it reads": special("__eq__", "A() == 1", "return D['k'] == 'a'"),
    "a list of its own": special("__eq__", "A() == 1", "d = {}; d['k'] = D['k']"),
    "another": special("__eq__", "A() == 1", "E['k'] = 'b'"),
    "nobody may call it": special("f", "A() == 1"),
    "no object": special("__eq__", "A"),
    "its own": special("__eq__", "A() == 1", "self.d['k'] = D['k']"),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_is_changed_is_not_taken_for_unchanged(name: str) -> None:
    program = HEAD + CHANGED[name] + TAIL
    assert real(program) != "a"
    assert agrees(known(program), real(program))


@pytest.mark.parametrize("name", KEPT)
def test_what_no_method_changes_stays_known(name: str) -> None:
    assert known(HEAD + KEPT[name] + TAIL) == "a"


def test_a_base_that_is_not_read_may_call_any_method() -> None:
    program = "class A(Elsewhere):\n def f(self): D['k'] = 'b'\nA()"
    given = f"from elsewhere import Elsewhere\n{HEAD}"
    assert isinstance(known(given + program + TAIL), Unknown)
    assert known(given + program.replace("\nA()", "") + TAIL) == "a"


def test_a_base_of_airflow_calls_none() -> None:
    program = (
        "from airflow.hooks.base import BaseHook\n"
        "class A(BaseHook):\n def f(self): D['k'] = 'b'\nA()"
    )
    assert known(HEAD + program + TAIL) == "a"
