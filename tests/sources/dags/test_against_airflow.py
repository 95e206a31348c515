"""
What Airflow 3.3 made of small programs, and that nothing known here differs from it.

The programs are ways to get round a reader that does not run what it reads: state
changed behind its back, branches that may not happen, classes that decide for
themselves what their attributes are, tasks that are made or taken away elsewhere. What
stands beside each is what Airflow itself gave, on a machine with nothing in the
environment: a fact may say so or say that it does not know, and nothing else.
"""

from textwrap import dedent

import pytest
from msgspec import UNSET
from tests.sources.dags.conftest import Scan

from dagwarden.facts import Facts, Task

HEAD = """\
import os
from datetime import timedelta
from airflow import DAG
from airflow.sdk import TaskGroup
from airflow.providers.google.cloud.operators.cloud_run import (
    CloudRunExecuteJobOperator,
)
def R(t, **k):
    given = {"project_id": "p", "region": "r", "job_name": "a", **k}
    return CloudRunExecuteJobOperator(task_id=t, **given)
"""
TAIL = """
with DAG("d", schedule=None) as dag:
    R("t", job_name=JOB)
"""

# name -> the program up to `JOB`, and what `JOB` is
JOBS: dict[str, tuple[str, str]] = {
    "and update": ("""
D={"k":"a"}
os.environ.get("NOPE") and D.update(k="b")
JOB=D["k"]
""", 'a'),
    "a method of an object that is not known": ("""
D={"k":"a"}
class M(type): pass
class C(metaclass=M):
    def run(self): D["k"]="b"
C().run()
JOB=D["k"]
""", 'b'),
    "a method of a class that is not known": ("""
D={"k":"a"}
class M(type): pass
class C(metaclass=M):
    @classmethod
    def run(cls): D["k"]="b"
C.run()
JOB=D["k"]
""", 'b'),
    "a constructor that is not followed": ("""
D={"k":"a"}
class C:
    def __new__(cls):
        D["k"]="b"
        return object.__new__(cls)
C()
JOB=D["k"]
""", 'b'),
    "a property of an object that is not known": ("""
D={"k":"a"}
class M(type): pass
class C(metaclass=M):
    @property
    def p(self): D["k"]="b"
C().p
JOB=D["k"]
""", 'b'),
    "a context that is not known": ("""
D={"k":"a"}
class M(type): pass
class C(metaclass=M):
    def __enter__(self): D["k"]="b"
    def __exit__(self,*a): pass
with C(): pass
JOB=D["k"]
""", 'b'),
    "a class that makes classes": ("""
D={"k":"a"}
class M(type):
    def __init__(cls,*a):
        super().__init__(*a)
        D["k"]="b"
class C(metaclass=M): pass
JOB=D["k"]
""", 'b'),
    "a method of an object that changed": ("""
D={"k":"a"}
class C:
    def run(self): D["k"]="b"
c=C()
setattr(c,os.environ.get("NOPE","z"),1)
c.run()
JOB=D["k"]
""", 'b'),
    "what an object is gone through by": ("""
D={"k":"a"}
class C:
    def __iter__(self):
        D["k"]="b"
        return iter([1])
for _ in C(): pass
JOB=D["k"]
""", 'b'),
    "what a list is made of": ("""
D={"k":"a"}
class C:
    def __iter__(self):
        D["k"]="b"
        yield 1
list(C())
JOB=D["k"]
""", 'b'),
    "a context that is pushed": ("""
D={"k":"a"}
from contextlib import ExitStack
class C:
    def __exit__(self,*a): D["k"]="b"
with ExitStack() as s: s.push(C())
JOB=D["k"]
""", 'b'),
    "and walrus": ("""
JOB="a"
os.environ.get("NOPE") and (JOB:="b")
""", 'a'),
    "any walrus short": ("""
j="a"
any((j:=x)=="b" for x in ["q","b","c"])
JOB=j
""", 'b'),
    "bool dunder": ("""
class F:
    def __bool__(self): return False
JOB="a" if F() else "b"
""", 'b'),
    "callback fn": ("""
import functools
D={"k":"a"}
functools.reduce(lambda a,b: D.update(k="b"),[1,2])
JOB=D["k"]
""", 'b'),
    "class cls method": ("""
class C:
    JOB="a"
    @classmethod
    def set(cls): cls.JOB="b"
C.set()
JOB=C.JOB
""", 'b'),
    "class comp scope": ("""
x="b"
class F:
    x="a"
    y=[x for _ in [1]]
JOB=F.y[0]
""", 'b'),
    "class decorator": ("""
def deco(c):
    c.JOB="b"
    return c
@deco
class F:
    JOB="a"
JOB=F.JOB
""", 'b'),
    "class store": ("""
class C:
    JOB="a"
C.JOB="b"
JOB=C.JOB
""", 'b'),
    "code replace": ("""
def f(): return "a"
def g(): return "b"
f.__code__=g.__code__
JOB=f()
""", 'b'),
    "comp walrus": ("""
JOB="a"
[JOB:=x for x in ["b"]]
""", 'b'),
    "ctxmgr class": ("""
D={"k":"a"}
class P:
    def __enter__(self): D["k"]="b"
    def __exit__(self,*a): pass
with P():
    pass
JOB=D["k"]
""", 'b'),
    "ctxmgr side": ("""
from contextlib import contextmanager
D={"k":"a"}
@contextmanager
def patched():
    D["k"]="b"
    yield
with patched():
    pass
JOB=D["k"]
""", 'b'),
    "dataclass default": ("""
from dataclasses import dataclass, field
@dataclass
class F:
    j: str = "a"
    def __post_init__(self): self.j="b"
JOB=F().j
""", 'b'),
    "dataclass inherit": ("""
from dataclasses import dataclass
@dataclass
class A:
    x: str = "a"
@dataclass
class B(A):
    y: str = "b"
JOB=B("b").x
""", 'b'),
    "defaults replace": ("""
def f(x="a"): return x
f.__defaults__=("b",)
JOB=f()
""", 'b'),
    "delattr": ("""
class F:
    j="b"
    def __init__(self): self.j="a"
f=F()
del f.j
JOB=f.j
""", 'b'),
    "dict update unbound": ("""
D={"k":"a"}
dict.update(D,k="b")
JOB=D["k"]
""", 'b'),
    "exec str": ("""
JOB="a"
exec("JOB='b'")
""", 'b'),
    "for else": ("""
for x in ["a","b"]:
    if x==os.environ.get("NOPE","b"):
        JOB="b"; break
else:
    JOB="a"
""", 'b'),
    "generator side": ("""
D={"k":"a"}
def g():
    D["k"]="b"
    yield 1
list(g())
JOB=D["k"]
""", 'b'),
    "getattribute": ("""
class F:
    JOB="a"
    def __getattribute__(self,n): return "b"
JOB=F().JOB
""", 'b'),
    "global in if2": ("""
JOB="a"
def f():
    global JOB
    if os.environ.get("NOPE"):
        JOB="b"
f()
""", 'a'),
    "global in try": ("""
JOB="a"
def f():
    global JOB
    try:
        int(os.environ.get("NOPE","zz"))
        JOB="b"
    except ValueError:
        pass
f()
""", 'a'),
    "globals in branch": ("""
JOB="a"
def f():
    if os.environ.get("NOPE"):
        globals()["JOB"]="b"
f()
""", 'a'),
    "globals update": ("""
JOB="a"
globals().update({"JOB":"b"})
""", 'b'),
    "inst vars": ("""
class F:
    def __init__(self): self.j="a"
f=F()
vars(f)["j"]="b"
JOB=f.j
""", 'b'),
    "instance new attr branch": ("""
class F:
    j="a"
f=F()
if os.environ.get("NOPE"): f.j="b"
JOB=f.j
""", 'a'),
    "list reverse unbound": ("""
L=["b","a"]
list.reverse(L)
JOB=L[0]
""", 'a'),
    "metaclass prop": ("""
class M(type):
    def __new__(m,n,b,d):
        d["JOB"]="b"
        return super().__new__(m,n,b,d)
class F(metaclass=M):
    JOB="a"
JOB=F.JOB
""", 'b'),
    "mro": ("""
class A: JOB="a"
class B(A): pass
class C_(A): JOB="b"
class D(B,C_): pass
JOB=D.JOB
""", 'b'),
    "mutate while iter": ("""
L=["a"]
for x in L:
    if len(L)<3: L.append(x+"b")
JOB=x
""", 'abb'),
    "name mangle": ("""
class F:
    __j="b"
    def g(self): return self.__j
class G(F):
    __j="a"
JOB=G().g()
""", 'b'),
    "namedtuple": ("""
from typing import NamedTuple
class A(NamedTuple):
    x: str = "a"
    y: str = "b"
JOB=A("z").x
""", 'z'),
    "nonlocal in if": ("""
def g():
    x="a"
    def f():
        nonlocal x
        if os.environ.get("NOPE"):
            x="b"
    f()
    return x
JOB=g()
""", 'a'),
    "or update": ("""
D={"k":"a"}
os.environ.get("HOME") or D.update(k="b")
JOB=D["k"]
""", 'a'),
    "property setter": ("""
class F:
    @property
    def j(self): return "b"
    @j.setter
    def j(self,v): pass
f=F()
f.j="a"
JOB=f.j
""", 'b'),
    "raise in func uncertain": ("""
JOB="a"
def f():
    global JOB
    if not os.environ.get("NOPE"): return
    JOB="b"
f()
""", 'a'),
    "recursion": ("""
JOB="a"
def f(n):
    global JOB
    if n: f(n-1)
    else: JOB="b"
f(6)
""", 'b'),
    "set size": ("""
JOB=f"j{len({'a','a','b'})}"
""", 'j2'),
    "setattr unknown": ("""
class F:
    def __init__(self): self.j="a"
f=F()
setattr(f,os.environ.get("NOPE","j"),"b")
JOB=f.j
""", 'b'),
    "sort key side": ("""
D={"k":"a"}
sorted([1],key=lambda x: D.update(k="b") or 0)
JOB=D["k"]
""", 'b'),
    "strenum empty": ("""
from enum import Enum
class E(str,Enum):
    NONE=""
JOB="a" if E.NONE else "b"
""", 'b'),
    "suppress": ("""
from contextlib import suppress
JOB="a"
with suppress(Exception):
    int("zz")
    JOB="b"
""", 'a'),
    "suppress loop": ("""
from contextlib import suppress
JOB = "a"
for x in ["1", "zz", "b"]:
    with suppress(ValueError):
        int(x)
        JOB = x
        break
""", '1'),
    "sysmodules2": ("""
import sys
JOB="a"
setattr(sys.modules[__name__],"JOB","b")
""", 'b'),
    "while else break": ("""
JOB = "z"
for y in [1]:
    for x in ["a"]:
        if os.environ.get("NOPE"): break
    else:
        JOB = "a"
        break
    JOB = "b"
""", 'a'),
    "inst early": ("""
class C:
    job = "a"
    def set(self):
        if not os.environ.get("NOPE"): return
        self.job = "b"
c = C(); c.set()
JOB = c.job
""", 'a'),
    "mangled": ("""
class A:
    def __init__(self): self.__x="a"
    def get(self): return self.__x
class B(A):
    def __init__(self):
        super().__init__(); self.__x="b"
JOB=B().get()
""", 'a'),
    "class body fallback": ("""
X="a"
class C:
    if os.environ.get("NOPE"):
        X="b"
    Y=X
JOB=C.Y
""", 'a'),
    "class body fallback2": ("""
X="a"
class C:
    try:
        import nonexistent_zzz
        X="b"
    except ImportError:
        pass
    Y=X
JOB=C.Y
""", 'a'),
    "builtin shadow": ("""
if os.environ.get("NOPE"):
    def str(x): return "z"
JOB=str("a")
""", 'a'),
    "class attr fallback": ("""
class A: x="a"
class B(A):
    if os.environ.get("NOPE"): x="b"
JOB=B.x
""", 'a'),
    "posonly": ("""
def f(a="d",/,**k): return a+k.get("a","")
JOB=f(a="b")
""", 'db'),
    "globals update kw": ("""
JOB="q"
globals().update({"JOB":"a"},JOB="b")
""", 'b'),
    "aug func": ("""
C=[]
def f():
    C.append(1); return "a"
d={"a":"q"}
d[f()]+="x"
JOB=str(len(C))
""", '1'),
    "lru alias": ("""
from functools import lru_cache
@lru_cache
def cfg(): return {"k":"a"}
cfg()["k"]="b"
JOB=cfg()["k"]
""", 'b'),
    "lru count": ("""
from functools import cache
C=[]
@cache
def f(x):
    C.append(x); return x
f(1);f(1);f(2)
JOB=str(len(C))
""", '2'),
    "copy instance": ("""
import copy
class A:
    def __init__(self): self.x="a"; self.d={"k":"a"}
a=A(); b=copy.copy(a); b.x="b"; b.d["k"]="b"
c=copy.deepcopy(a); c.x="c"; c.d["k"]="c"
JOB=a.x+a.d["k"]+b.x+c.x
""", 'abbc'),
    "copy nested": ("""
import copy
class A:
    def __init__(self): self.x="a"
l=[A()]; m=copy.deepcopy(l); m[0].x="b"; n=list(l); n[0].x+="q"
JOB=l[0].x
""", 'aq'),
    "dc override": ("""
from dataclasses import dataclass
@dataclass
class A:
    x:str="a"
    y:str="b"
@dataclass
class B(A):
    y:str="z"
    w:str="w"
class C(A):
    y="q"
@dataclass
class E(A):
    y="r"
JOB=B("1","2","3").y+B("1").y+C().y+C("m","n").y+E().y+E("1","2").y
""", '2zbnb2'),
    "dc order default": ("""
from dataclasses import dataclass
X="a"
@dataclass
class A:
    n:str=X
X="b"
A.n="c"
JOB=A().n+A.n
""", 'ac'),
    "join instances": ("""
class A:
    def __init__(self): self.j="a"; self.l=[]
a=A(); b=A()
x=a if os.environ.get("Q") else b
x.j="m"; x.l.append("z")
JOB=b.j+"".join(b.l)
""", 'mz'),
    "join method": ("""
class A:
    def __init__(self): self.j="a"
    def set(self): self.j="m"
a=A(); b=A()
(a if os.environ.get("Q") else b).set()
JOB=b.j
""", 'm'),
    "deepcopy alias": ("""
import copy
l=[]; d={"a":l,"b":l}
e=copy.deepcopy(d); e["a"].append("x")
JOB="q"+"".join(e["b"])
""", 'qx'),
    "zip iter": ("""
it=iter("abcd")
JOB="".join(a+"-"+b for a,b in zip(it,it))+"".join(it)
""", 'a-bc-d'),
    "iter shared": ("""
it=iter([1,2,3])
a=list(zip(it,[9])); b=list(it)
JOB=f"{len(b)}{b[0]}"
""", '13'),
}  # fmt: skip

Known = dict[str, tuple[str, str | None, int]]
Timeouts = dict[str, float | None]
# name -> the program; job, connection and retries of each task; timeout of each DAG
DAGS: dict[str, tuple[str, Known, Timeouts]] = {
    "default args store": ("""
dag=DAG("d", schedule=None, default_args={"retries":1})
dag.default_args={"retries":5,"gcp_conn_id":"b"}
R("t",dag=dag)
""", {'d.t': ('a', 'b', 5)}, {'d': None}),
    "exec": ("""
exec('''
with DAG("d",schedule=None) as dag:
    CloudRunExecuteJobOperator(task_id="t", project_id="p", region="r", job_name="a")
''')
""", {'d.t': ('a', 'google_cloud_default', 0)}, {'d': None}),
    "get task": ("""
with DAG("d", schedule=None) as dag:
    R("t")
dag.get_task("t").gcp_conn_id="b"
""", {'d.t': ('a', 'b', 0)}, {'d': None}),
    "globals setdefault": ("""
def f(n):
    dag=DAG(n,schedule=None)
    R("t",dag=dag)
    return dag
globals().setdefault("zz",f("a"))
""", {'a.t': ('a', 'google_cloud_default', 0)}, {'a': None}),
    "globals update": ("""
def f(n):
    dag=DAG(n,schedule=None)
    R("t",dag=dag)
    return dag
globals().update({n:f(n) for n in ["a","b"]})
""", {'b.t': ('a', 'google_cloud_default', 0), 'a.t': ('a', 'google_cloud_default', 0)}, {'b': None, 'a': None}),
    "id store": ("""
dag=DAG("d", schedule=None)
dag.dag_id="e"
""", {}, {'e': None}),
    "partial subset": ("""
with DAG("d",schedule=None) as dag:
    t=R("t",gcp_conn_id="a")
    u=R("u",gcp_conn_id="a")
dag=dag.partial_subset("t",include_upstream=False)
""", {'d.t': ('a', 'a', 0)}, {'d': None}),
    "remove": ("""
with DAG("d",schedule=None) as dag:
    t=R("t",gcp_conn_id="a")
    u=R("u",gcp_conn_id="a")
dag.task_dict.pop("u")
""", {'d.t': ('a', 'a', 0)}, {'d': None}),
    "setattr module": ("""
import sys
def f(n):
    dag=DAG(n,schedule=None)
    R("t",dag=dag)
    return dag
setattr(sys.modules[__name__],"zz",f("a"))
""", {'a.t': ('a', 'google_cloud_default', 0)}, {'a': None}),
    "subclass": ("""
class MyDag(DAG):
    def __init__(self,*a,**k):
        k["dagrun_timeout"]=timedelta(hours=1)
        k["default_args"]={"retries":9,"gcp_conn_id":"b"}
        super().__init__(*a,**k)
with MyDag("d", schedule=None) as dag:
    R("t")
""", {'d.t': ('a', 'b', 9)}, {'d': 3600.0}),
    "subclass2": ("""
class MyDag(DAG):
    def __init__(self,name):
        super().__init__("x_"+name,schedule=None,dagrun_timeout=timedelta(hours=1))
with MyDag("d") as dag:
    R("t")
""", {'x_d.t': ('a', 'google_cloud_default', 0)}, {'x_d': 3600.0}),
    "tasks loop": ("""
with DAG("d", schedule=None) as dag:
    R("t")
for t in dag.tasks:
    t.gcp_conn_id="b"; t.execution_timeout=timedelta(seconds=5); t.retries=7
""", {'d.t': ('a', 'b', 7)}, {'d': None}),
    "task dict": ("""
with DAG("d", schedule=None) as dag:
    R("t")
dag.task_dict["t"].gcp_conn_id="b"
""", {'d.t': ('a', 'b', 0)}, {'d': None}),
    "type": ("""
D2=type("D2",(DAG,),{})
with D2("d",schedule=None) as dag:
    R("t")
""", {'d.t': ('a', 'google_cloud_default', 0)}, {'d': None}),
    "dup task id": ("""
with DAG("d",schedule=None) as dag:
    R("t")
    R("t",gcp_conn_id="b")
""", {}, {}),
    "gen tasks": ("""
def g():
    for n in ["a","b"]:
        yield R(n)
with DAG("d",schedule=None) as dag:
    for t in g(): t.gcp_conn_id="b"
""", {'d.a': ('a', 'b', 0), 'd.b': ('a', 'b', 0)}, {'d': None}),
    "late rshift": ("""
dag=DAG("d",schedule=None,default_args={"gcp_conn_id":"b","retries":4})
a=R("a",dag=dag)
t=R("t")
a>>t
""", {'d.a': ('a', 'b', 4), 'd.t': ('a', 'google_cloud_default', 0)}, {'d': None}),
    "late add task": ("""
dag = DAG("d", schedule=None, default_args={"gcp_conn_id": "a"})
t = R("t")
dag.add_task(t)
""", {'d.t': ('a', 'google_cloud_default', 0)}, {'d': None}),
    "sub property": ("""
class Sub(CloudRunExecuteJobOperator):
    @property
    def gcp_conn_id(self): return "b"
    @gcp_conn_id.setter
    def gcp_conn_id(self,v): pass
with DAG("d", schedule=None) as dag:
    Sub(task_id="t", project_id="p", region="r", job_name="a",gcp_conn_id="x")
""", {'d.t': ('a', 'b', 0)}, {'d': None}),
    "sys exit": ("""
with DAG("d",schedule=None) as dag:
    R("t")
raise ValueError
""", {}, {}),
    "task setattr unknown": ("""
with DAG("d", schedule=None) as dag:
    t=R("t")
setattr(t, os.environ.get("NOPE","gcp_conn_id"), "b")
""", {'d.t': ('a', 'b', 0)}, {'d': None}),
    "task vars": ("""
with DAG("d", schedule=None) as dag:
    t=R("t")
vars(t)["gcp_conn_id"]="b"
""", {'d.t': ('a', 'b', 0)}, {'d': None}),
    "tg add suffix": ("""
with DAG("d",schedule=None) as dag:
    for i in range(3):
        with TaskGroup("g",add_suffix_on_collision=True):
            R("t")
""", {'d.g.t': ('a', 'google_cloud_default', 0), 'd.g__1.t': ('a', 'google_cloud_default', 0), 'd.g__2.t': ('a', 'google_cloud_default', 0)}, {'d': None}),
    "tg subclass": ("""
class G(TaskGroup):
    def __init__(self, name, conn, **k):
        super().__init__(group_id=f"g_{name}", **k)
        with self:
            R("t", gcp_conn_id=conn)
with DAG("d", schedule=None) as dag:
    G("a", "c1"); G("b", "c2")
""", {'d.g_a.t': ('a', 'c1', 0), 'd.g_b.t': ('a', 'c2', 0)}, {'d': None}),
    "ctx dag": ("""
from contextlib import contextmanager
@contextmanager
def my_dag(name):
    with DAG(name, schedule=None, default_args={"gcp_conn_id": "b"}) as d:
        yield d
with my_dag("d") as dag:
    R("t")
""", {'d.t': ('a', 'b', 0)}, {'d': None}),
    "da store mid": ("""
with DAG("d", schedule=None, default_args={"gcp_conn_id": "a"}) as dag:
    R("t")
dag.default_args = {"gcp_conn_id": "b"}
R("u", dag=dag)
""", {'d.t': ('a', 'a', 0), 'd.u': ('a', 'b', 0)}, {'d': None}),
    "sub methods": ("""
class CompanyDag(DAG):
    def __init__(self, team, **k):
        k.setdefault("dagrun_timeout", timedelta(hours=2))
        k["default_args"] = {**k.get("default_args", {}), "gcp_conn_id": team}
        super().__init__(dag_id=f"{team}_d", schedule=None, **k)
    def add(self, name):
        return R(name, dag=self)
d = CompanyDag("x", default_args={"retries": 3})
d.add("t")
""", {'x_d.t': ('a', 'x', 3)}, {'x_d': 7200.0}),
    "tasks filter": ("""
with DAG("d", schedule=None) as dag:
    R("t"); R("u")
for t in dag.tasks:
    if t.task_id == "u":
        t.gcp_conn_id = "x"
""", {'d.t': ('a', 'google_cloud_default', 0), 'd.u': ('a', 'x', 0)}, {'d': None}),
    "raise in main": ("""
def main():
    raise ValueError("x")
with DAG("d", schedule=None) as dag:
    R("t")
main()
""", {}, {}),
    "dup group": ("""
with DAG("d", schedule=None) as dag:
    with TaskGroup("g"): R("t")
    with TaskGroup("g"): R("u")
""", {}, {}),
    "join tasks": ("""
with DAG("d",schedule=None):
    t=R("t"); u=R("u")
x=t if os.environ.get("Q") else u
x.gcp_conn_id="m"; x.retries=4
""", {'d.t': ('a', 'google_cloud_default', 0), 'd.u': ('a', 'm', 4)}, {'d': None}),
    "join none task": ("""
x=None
with DAG("d",schedule=None):
    t=R("t")
    if not os.environ.get("Q"): x=t
if x: x.gcp_conn_id="m"
""", {'d.t': ('a', 'm', 0)}, {'d': None}),
    "join dags": ("""
d1=DAG("d1",schedule=None); d2=DAG("d2",schedule=None,default_args={"retries":1})
d=d1 if os.environ.get("Q") else d2
d.default_args["gcp_conn_id"]="m"
R("t",dag=d2); R("t",dag=d1)
""", {'d1.t': ('a', 'google_cloud_default', 0), 'd2.t': ('a', 'm', 1)}, {'d1': None, 'd2': None}),
    "unknown key list": ("""
with DAG("d",schedule=None):
    ts={n:R(n) for n in "ab"}
ts[os.environ.get("Q","b")].gcp_conn_id="m"
""", {'d.a': ('a', 'google_cloud_default', 0), 'd.b': ('a', 'm', 0)}, {'d': None}),
    "unknown index tasks": ("""
with DAG("d",schedule=None):
    ts=[R(n) for n in "ab"]
ts[int(os.environ.get("Q","1"))].gcp_conn_id="m"
""", {'d.a': ('a', 'google_cloud_default', 0), 'd.b': ('a', 'm', 0)}, {'d': None}),
    "next task": ("""
with DAG("d",schedule=None):
    ts=[R(n) for n in "ab"]
t=next((t for t in ts if t.task_id==os.environ.get("Q","b")),None)
t.gcp_conn_id="m"
""", {'d.a': ('a', 'google_cloud_default', 0), 'd.b': ('a', 'm', 0)}, {'d': None}),
    "one of several groups": ("""
from datetime import datetime
with DAG("d", schedule=None):
    with TaskGroup("g") if datetime.now().year else TaskGroup("h"):
        R("t")
    R("u")
""", {'d.g.t': ('a', 'google_cloud_default', 0), 'd.u': ('a', 'google_cloud_default', 0)}, {'d': None}),
    "one of several DAGs": ("""
with DAG("d", schedule=None) if os.environ.get("NOPE") else DAG("e", schedule=None) as dag:
    R("t")
""", {'e.t': ('a', 'google_cloud_default', 0)}, {'e': None}),
    "entered by its class": ("""
class TeamDag(DAG):
    def __init__(self, name):
        super().__init__(name, schedule=None, default_args={"retries": 2})
    def __enter__(self):
        super().__enter__()
        R("begin")
        return self
    def __exit__(self, *raised):
        R("end")
        super().__exit__(*raised)
with TeamDag("d") as dag:
    R("t")
""", {f'd.{name}': ('a', 'google_cloud_default', 2) for name in ('begin', 't', 'end')}, {'d': None}),
    "named as what it wraps": ("""
import functools
from airflow.sdk import task, task_group
def logged(function):
    @functools.wraps(function)
    def wrapper(*given): return function(*given)
    return wrapper
@task(retries=3)
@logged
def t(): ...
@task_group
@logged
def g(): t()
with DAG("d", schedule=None):
    t()
    g()
""", {'d.t': ('', None, 3), 'd.g.t': ('', None, 3)}, {'d': None}),
    "entered by hand": ("""
class Stage:
    def __init__(self, name, **defaults):
        self.group = TaskGroup(name, default_args=defaults)
    def __enter__(self):
        self.group.__enter__()
        return self
    def __exit__(self, *raised):
        self.group.__exit__(*raised)
with DAG("d", schedule=None):
    with Stage("g", retries=4, gcp_conn_id="b"):
        R("t")
    R("u")
""", {'d.g.t': ('a', 'b', 4), 'd.u': ('a', 'google_cloud_default', 0)}, {'d': None}),
    "entered by hand in a branch": ("""
with DAG("d", schedule=None):
    g = TaskGroup("g", default_args={"retries": 4})
    if not os.environ.get("NOPE"):
        g.__enter__()
    R("t")
    g.__exit__(None, None, None)
    R("u")
""", {'d.g.t': ('a', 'google_cloud_default', 4), 'd.u': ('a', 'google_cloud_default', 0)}, {'d': None}),
    "exit stack": ("""
from contextlib import ExitStack, nullcontext
with ExitStack() as stack:
    stack.enter_context(DAG("d", schedule=None))
    stack.enter_context(TaskGroup("g", default_args={"retries": 4}))
    R("t")
    with nullcontext("u") as name:
        R(name)
with DAG("e", schedule=None):
    R("v")
""", {'d.g.t': ('a', 'google_cloud_default', 4), 'd.g.u': ('a', 'google_cloud_default', 4), 'e.v': ('a', 'google_cloud_default', 0)}, {'d': None, 'e': None}),
    "exit stack of a generator": ("""
from contextlib import ExitStack, contextmanager
@contextmanager
def group(name):
    with TaskGroup(name, default_args={"retries": 4}) as made:
        yield made
with DAG("d", schedule=None), ExitStack() as stack:
    stack.enter_context(group("g"))
    R("t")
""", {'d.g.t': ('a', 'google_cloud_default', 4)}, {'d': None}),
    "told of classes below": ("""
class Pipeline:
    steps = []
    def __init_subclass__(cls, conn="a", **given):
        super().__init_subclass__(**given)
        cls.steps = [*cls.steps, cls.__name__.lower()]
        cls.conn = conn
    def build(self, name):
        with DAG(name, schedule=None, default_args={"gcp_conn_id": self.conn}) as self.dag:
            for step in self.steps:
                R(step)
        return self.dag
class First(Pipeline): pass
class Second(First, conn="b"): pass
d = First().build("d")
e = Second().build("e")
""", {'d.first': ('a', 'a', 0), 'e.first': ('a', 'b', 0), 'e.second': ('a', 'b', 0)}, {'d': None, 'e': None}),
    "partial setdefault": ("""
class Op(CloudRunExecuteJobOperator):
    def __init__(self, job, **k):
        k.setdefault("retries", 2)
        super().__init__(project_id="p", region="r", job_name="a", **k)
with DAG("d", schedule=None, default_args={"retries": 9}):
    Op.partial(task_id="m").expand(job=["1", "2"])
""", {'d.m': ('a', 'google_cloud_default', 9)}, {'d': None}),
}  # fmt: skip


# Programs whose facts are known in full: forgetting is no cure for these.
EXACT = {
    *("class cls method", "class store", "comp walrus", "ctxmgr class"),
    *("class decorator", "globals update", "inst vars", "set size", "sysmodules2"),
    *("globals setdefault", "id store", "get task", "setattr module", "subclass"),
    *("subclass2", "sub methods", "tasks filter", "tasks loop", "task dict", "type"),
    *("entered by its class", "entered by hand", "exit stack", "told of classes below"),
    *("late rshift", "late add task", "remove", "task vars", "tg add suffix"),
    *("tg subclass", "da store mid", "default args store"),
}


def wrong(facts: Facts, tasks: Known, dags: Timeouts) -> list[str]:
    """Return what is known and not so, and what nothing tells to be missing."""
    found: list[str] = []
    named = [dag for dag in facts.dags if dag.dag_id is not UNSET]
    for dag in named:
        said, real = dag.dagrun_timeout, dags.get(str(dag.dag_id))
        if dag.dag_id in dags and said not in (UNSET, real):
            found.append(f"{dag.dag_id}: {said} is {real}")
    known = [t for t in facts.tasks if UNSET not in (t.dag_id, t.task_id)]
    for task in known:
        name = f"{task.dag_id}.{task.task_id}"
        if name in tasks:
            pairs = zip(said_of(facts, task), tasks[name], strict=True)
            found += [f"{name}: {a} is {b}" for a, b in pairs if a not in (UNSET, b)]
        elif not facts.gaps:
            found.append(f"{name} is not there")
    missing = tasks.keys() - {f"{task.dag_id}.{task.task_id}" for task in known}
    if len(known) == len(facts.tasks) and not facts.gaps:
        found += [f"{name} is missing" for name in sorted(missing)]
    return found


def said_of(facts: Facts, task: Task) -> tuple[object, object, object]:
    """Return the job, connection and retries of a task, as far as they are known."""
    calls = [call for call in facts.calls if call.task == task.id]
    retries = 0 if task.retries is None else task.retries
    return calls[0].name if calls else UNSET, task.connection, retries


def unknown(facts: Facts) -> list[str]:
    """Return what `said_of` does not know, and what is missing."""
    said = [value for task in facts.tasks for value in said_of(facts, task)]
    return [*(gap.detail for gap in facts.gaps), *("?" for one in said if one is UNSET)]


def the_same(name: str, facts: Facts, tasks: Known, dags: Timeouts) -> None:
    assert wrong(facts, tasks, dags) == []
    assert facts.dags or facts.gaps
    if name in EXACT:
        assert unknown(facts) == []


@pytest.mark.parametrize("name", JOBS)
def test_a_job_that_is_known_is_the_one_airflow_saw(scan: Scan, name: str) -> None:
    program, job = JOBS[name]
    facts = scan(f"{HEAD}{dedent(program)}{TAIL}")
    the_same(name, facts, {"d.t": (job, "google_cloud_default", 0)}, {"d": None})


@pytest.mark.parametrize("name", DAGS)
def test_a_fact_that_is_known_is_what_airflow_made(scan: Scan, name: str) -> None:
    program, tasks, dags = DAGS[name]
    the_same(name, scan(f"{HEAD}{dedent(program)}"), tasks, dags)


def test_every_exact_program_is_there() -> None:
    assert EXACT - JOBS.keys() - DAGS.keys() == set()
