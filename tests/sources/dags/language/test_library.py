"""What Python's library makes of known values is what Python computes."""

import pytest
from tests.sources.dags.language.test_oracle import known, real
from tests.sources.dags.language.test_soundness import agrees, followed

from dagwarden.sources.dags.language.values import Unknown, why_unknown

TEXTS = [
    "x = re.sub('[^a-z]', '_', 'a-b'), re.split('-+', 'a--b'), re.findall('[a-z]', 'a-b'), re.escape('a.b')",
    "m = re.match('(?P<k>a)(b)', 'ab'); x = bool(m), m.group(1), m['k'], m.groups(), m.groupdict(), m.start(2), re.match('b', 'a')",
    "p = re.compile('A', re.I if False else 2); x = p.sub('-', 'bab'), p.pattern, bool(p.fullmatch('a'))",
    "x = Template('$a-${b}').substitute(a=1, b='c'), Template('$a').safe_substitute(), Template('$a').substitute({'a': 'x'})",
    "u = parse.urlparse('https://a.example.com:80/b?c=d'); x = u.netloc, u.port, u.hostname, u[2], list(u), u._replace(path='/z').geturl()",
    "x = parse.urljoin('https://a.example.com/b/', 'c'), parse.unquote('a%20b'), parse.urlsplit('//h/p').netloc",
    "x = base64.b64decode('YQ==')",
    "x = shlex.quote('a b'), shlex.split('a \"b c\"'), shlex.join(['a', 'b c'])",
]
NOT_COMPUTED = [
    "x = re.sub('(a+)+$', '', 'a' * 40 + 'b')",
    "x = re.match('a*a*a*a*a*b', 'a' * 400)",
    "x = re.findall('(?:a|a)' * 30 + 'b', 'a' * 30)",
    # a short password can be guessed from its digest: no fact holds one
    "x = hashlib.md5(b'a').hexdigest()",
    "x = hashlib.new('sha256', b'a').digest()",
    "h = hashlib.md5(b'a'); h.update(b'b'); x = h.hexdigest()",
    "h = hashlib.md5(b'a'); y = h if ask() else 0; y.update(b'b'); x = h.hexdigest()",
    "def f(h): h.update(b'b')\nh = hashlib.md5(b'a'); f(h); x = h.hexdigest()",
    "x = base64.b64encode(b'a')",
]
ITERATED = [
    "x = list(chain([1], (2,))), list(chain.from_iterable([[1], [2]])), list(islice([1, 2, 3], 1, 3)), list(islice('abc', 2))",
    "x = list(repeat(1, 2)), list(zip_longest([1], [2, 3], fillvalue=0)), list(accumulate([1, 2, 3])), list(pairwise([1, 2, 3]))",
    "y = []\nfor k, g in groupby([1, 1, 2]): y.append((k, list(g)))\nx = y, list(takewhile(lambda i: i < 2, [1, 2, 1])), list(dropwhile(lambda i: i < 2, [1, 2, 1]))",
    "x = list(starmap(lambda a, b: a + b, [(1, 2)])), list(filterfalse(None or (lambda i: i), [0, 1])), list(compress('ab', [0, 1]))",
    "def g():\n yield 1\n yield 2\nx = next(g()), next(g(), 3), next((i for i in [1, 2, 3] if i > 1), None), next((i for i in [] if i), 5)",
    "l = []\ndef g():\n l.append(1)\n yield 1\n l.append(2)\nx = next(g()), l",
    "x = dict.fromkeys(['a', 'b'], 1), dict.fromkeys('ab'), {k: v for k, v in dict.fromkeys('a', []).items()}",
    "@lru_cache(maxsize=None)\ndef f(a): return [a]\nf(1).append(2); x = f(1), f.__name__",
    "class C:\n @cached_property\n def a(s): return [1]\nc = C(); c.a.append(2); x = c.a",
]
NOT_ITERATED = [
    "l = []\ndef g():\n l.append(1)\n yield 1\n l.append(2)\nx = next(g()), l, list(chain(g(), g())), l",
    "x = [(k, list(g)) for k, g in list(groupby([1, 1, 2]))]",
    "g = chain([1], [2]); y = list(g); x = list(g)",
    "l = []\ndef g():\n for i in some():\n  yield i\nx = next(g(), 5)",
    "g = (i for i in [1, 2]); y = next(g); x = next(g)",
    "g = (i for i in [1, 2]); y = list(islice(g, 1)); x = list(g)",
    "class C:\n @cached_property\n def a(s): return [1]\nc = C()\nif ask(): c.a.append(2)\nx = c.a",
    "n = [0]\ndef f(i): n.append(i); return i\nx = list(islice(map(f, [1, 2, 3]), 1)), n",
    "@lru_cache(maxsize=1)\ndef f(a): return [a]\ny = f(1); f(2); y.append(3); x = f(1)",
]
IMPORTS = (
    "import base64, hashlib, re, shlex\nfrom functools import cached_property, lru_cache\n"
    "from itertools import accumulate, chain, compress, dropwhile, filterfalse, groupby\n"
    "from itertools import islice, pairwise, repeat, starmap, takewhile, zip_longest\n"
    "from string import Template\nfrom urllib import parse\n"
)


@pytest.mark.parametrize("program", [*TEXTS, *ITERATED])
def test_what_the_library_computes_is_known(program: str) -> None:
    value = known(IMPORTS + program)
    assert why_unknown(value) is None
    assert agrees(value, real(IMPORTS + program))


@pytest.mark.parametrize("program", NOT_COMPUTED)
def test_what_is_not_bounded_or_not_certain_is_not_known(program: str) -> None:
    assert isinstance(followed(IMPORTS + program)["x"], Unknown)


@pytest.mark.parametrize("program", NOT_ITERATED)
def test_what_may_be_another_is_not_known(program: str) -> None:
    names: dict[str, object] = {"ask": lambda: True, "some": lambda: [1]}
    exec(compile(IMPORTS + program, "program", "exec"), names)
    assert agrees(known(IMPORTS + program), names["x"])
