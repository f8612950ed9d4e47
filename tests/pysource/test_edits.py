"""Edits of Python sources by which they open a library by its path, and nothing else becomes another."""

from __future__ import annotations

import builtins
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.shell import run_shell
from tests.support.sources import find_python_dlopen
from tests.support.steps import count_steps
from wheelfix.model.hints import OpeningKind, SourceEdit, SourceUse
from wheelfix.pysource.edits import apply_edit, find_anchor

PATH = "/nix/store/00000000000000000000000000000000-x-1.0/lib/libx.so.1.0"
CTYPES = "import ctypes\nfrom ctypes.util import find_library\n"


def find(source: bytes) -> SourceUse:
    return find_python_dlopen("pkg/mod.py", source)


def find_edits(source: str | bytes) -> dict[str, SourceEdit | None]:
    """The edit for each name that is opened, where it is opened first."""
    data = source.encode() if isinstance(source, str) else source
    found: dict[str, SourceEdit | None] = {}
    for call in find(data).calls:
        for called in call.names:
            found.setdefault(called.name, called.edit)
    return found


def edit(source: str, name: str = "libx.so.1") -> str | None:
    """The source with the path in place of a name, without the imports; None if no edit is proved."""
    data = f"{CTYPES}{source}".encode()
    found = find_edits(data)
    assert name in found, "nothing opens it"
    change = found[name]
    return apply_edit(data, change, PATH).decode().removeprefix(CTYPES) if change else None


@pytest.mark.parametrize(
    ("source", "edited"),
    [
        ('ctypes.CDLL("libx.so.1")', f'ctypes.CDLL("{PATH}")'),
        ("ctypes.CDLL('libx.so.1')", f"ctypes.CDLL('{PATH}')"),
        ('ctypes.CDLL("""libx.so.1""")', f'ctypes.CDLL("{PATH}")'),
        ("ctypes.CDLL(r'libx.so.1')", f"ctypes.CDLL('{PATH}')"),
        ("ctypes.CDLL(u'libx.so.1')", f"ctypes.CDLL('{PATH}')"),
        ("ctypes.CDLL('lib' \"x.so.1\")", f'ctypes.CDLL("{PATH}")'),
        ("ctypes.CDLL(b'libx.so.1')", f"ctypes.CDLL(b'{PATH}')"),
        ("ctypes.CDLL(Br'libx.so.1')", f"ctypes.CDLL(b'{PATH}')"),
        ("ctypes.CDLL('\\x6cibx.so.1')", f"ctypes.CDLL('{PATH}')"),
        ("ctypes.CDLL(name='libx.so.1', use_errno=True)", f"ctypes.CDLL(name='{PATH}', use_errno=True)"),
        ("ctypes.CDLL(\n    'libx.so.1',\n)", f"ctypes.CDLL(\n    '{PATH}',\n)"),
        ("ctypes.cdll['libx.so.1']", f"ctypes.cdll['{PATH}']"),
        ("getattr(ctypes.cdll, 'libx.so.1')", f"getattr(ctypes.cdll, '{PATH}')"),
        ("if 1:\n\tctypes.CDLL(\t'libx.so.1'\t)", f"if 1:\n\tctypes.CDLL(\t'{PATH}'\t)"),
        ("x = ctypes.CDLL('libx.so.1') # ä", f"x = ctypes.CDLL('{PATH}') # ä"),
        ("ä = ctypes.CDLL('libx.so.1')", f"ä = ctypes.CDLL('{PATH}')"),
        ("N = 'libx.so.1'\nctypes.CDLL(N)", f"N = '{PATH}'\nctypes.CDLL(N)"),
        ("N: str = 'libx.so.1'\nctypes.CDLL(N)", f"N: str = '{PATH}'\nctypes.CDLL(N)"),
        ("ctypes.CDLL(N := 'libx.so.1')", f"ctypes.CDLL(N := '{PATH}')"),
        (
            "for n in ('liby.so.1', 'libx.so.1'):\n    ctypes.CDLL(n)",
            f"for n in ('liby.so.1', '{PATH}'):\n    ctypes.CDLL(n)",
        ),
        ("[ctypes.CDLL(n) for n in ['libx.so.1']]", f"[ctypes.CDLL(n) for n in ['{PATH}']]"),
        ("def f(n='libx.so.1'): ctypes.CDLL(n)", f"def f(n='{PATH}'): ctypes.CDLL(n)"),
        ("def f(n): ctypes.CDLL(n)\nf('libx.so.1')", f"def f(n): ctypes.CDLL(n)\nf('{PATH}')"),
        ("def f(*, n): ctypes.CDLL(n)\nf(n='libx.so.1')", f"def f(*, n): ctypes.CDLL(n)\nf(n='{PATH}')"),
        ("def f(): return 'libx.so.1'\nctypes.CDLL(f())", f"def f(): return '{PATH}'\nctypes.CDLL(f())"),
        (
            "def f():\n    yield 'libx.so.1'\nfor n in f(): ctypes.CDLL(n)",
            f"def f():\n    yield '{PATH}'\nfor n in f(): ctypes.CDLL(n)",
        ),
        (
            "class A:\n    n = 'libx.so.1'\n    def f(self): ctypes.CDLL(self.n)",
            f"class A:\n    n = '{PATH}'\n    def f(self): ctypes.CDLL(self.n)",
        ),
        # A message may have the path.
        (
            "n = 'libx.so.1'\ntry: ctypes.CDLL(n)\nexcept OSError: raise ImportError(f'no {n}')",
            f"n = '{PATH}'\ntry: ctypes.CDLL(n)\nexcept OSError: raise ImportError(f'no {{n}}')",
        ),
        (
            "n = 'libx.so.1'\nprint('loading %s' % n)\nctypes.CDLL(n)",
            f"n = '{PATH}'\nprint('loading %s' % n)\nctypes.CDLL(n)",
        ),
        (
            "def f(*n):\n    for x in n: ctypes.CDLL(x)\n    ctypes.CDLL(n[0])\nf('libx.so.1', 'libx.dylib')",
            f"def f(*n):\n    for x in n: ctypes.CDLL(x)\n    ctypes.CDLL(n[0])\nf('{PATH}', 'libx.dylib')",
        ),
        (
            "import os\nn = 'libx.so.1'\nctypes.CDLL(os.path.join(brew, n))\nctypes.CDLL(n)",
            f"import os\nn = '{PATH}'\nctypes.CDLL(os.path.join(brew, n))\nctypes.CDLL(n)",
        ),
        (
            "def f(n):\n    n = ('liby.so.1', *n)\n    for x in n: ctypes.CDLL(x)\nf(('libx.so.1',))",
            f"def f(n):\n    n = ('liby.so.1', *n)\n    for x in n: ctypes.CDLL(x)\nf(('{PATH}',))",
        ),
        # Code for other systems stays.
        (
            "import sys\nif sys.platform == 'darwin': n = 'x.dylib'\nelse: n = 'libx.so.1'\nctypes.CDLL(n)",
            f"import sys\nif sys.platform == 'darwin': n = 'x.dylib'\nelse: n = '{PATH}'\nctypes.CDLL(n)",
        ),
    ],
)
def test_literal(source: str, edited: str) -> None:
    assert edit(source) == edited
    compile(edited, "x", "exec")


@pytest.mark.parametrize(
    ("source", "edited"),
    [
        # In a comment, a docstring or another string: as much of the line as it takes.
        ("ctypes.CDLL('libx.so.1')  # 'libx.so.1'", f"ctypes.CDLL('{PATH}')  # 'libx.so.1'"),
        ("# was 'libx.so.1'\nctypes.CDLL('libx.so.1')", f"# was 'libx.so.1'\nctypes.CDLL('{PATH}')"),
        ('"""\'libx.so.1\'"""\nctypes.CDLL(\'libx.so.1\')', f'"""\'libx.so.1\'"""\nctypes.CDLL(\'{PATH}\')'),
        ("'''x\nctypes.CDLL('libx.so.1')\n'''\nctypes.CDLL('libx.so.1')", None),
        ("a = ctypes.CDLL('libx.so.1')\nctypes.CDLL('libx.so.1')",
         f"a = ctypes.CDLL('{PATH}')\nctypes.CDLL('libx.so.1')"),
        ("ctypes.CDLL('libx.so.1'); ctypes.CDLL('libx.so.1')",
         f"ctypes.CDLL('{PATH}'); ctypes.CDLL('libx.so.1')"),
        ("ctypes.CDLL('libx.so.1')\nctypes.CDLL('libx.so.1')", None),
        # \x0b and \x85 end no line in Python.
        ("ctypes.CDLL('libx.so.1')  # '\x0b' '\x85' 'libx.so.1'", None),
        ("a = '\u2028'; ctypes.CDLL('libx.so.1')", f"a = '\u2028'; ctypes.CDLL('{PATH}')"),
    ],
)  # fmt: skip
def test_text_that_is_there_more_than_once(source: str, edited: str | None) -> None:
    assert edit(source) == edited


@pytest.mark.parametrize(
    "source",
    [
        "n = 'libx.so.1'\nctypes.CDLL(n)\nT = {'libx.so.1': 1}\nT[n]",
        "n = 'libx.so.1'\nctypes.CDLL(n)\nif n == 'libx.so.1': pass",
        "n = 'libx.so.1'\nctypes.CDLL(n)\nif n in NAMES: pass",
        "n = 'libx.so.1'\nctypes.CDLL(n)\nother(n)",
        "n = 'libx.so.1'\nctypes.CDLL(n)\nseen.append(n)",
        "n = 'libx.so.1'\nctypes.CDLL(n)\nm = n + '.2'",
        "n = 'libx.so.1'\nctypes.CDLL(n)\nm = n.split('.')",
        "n = 'libx.so.1'\nctypes.CDLL(n)\nraise KeyError(T[n])",
        "n = 'libx.so.1'\nctypes.CDLL(n)\nprint(T[n])",
        "n = 'libx.so.1'\nctypes.CDLL(n)\nwith open(n) as f: pass",
        "T = {'libx.so.1': 1}\nfor n in T: ctypes.CDLL(n); print(T[n])",
        "for n in ('libx.so.1', 'liby.so.1'):\n    found[n] = ctypes.CDLL(n)",
        "def f(n):\n    cache[n] = ctypes.CDLL(n)\nf('libx.so.1')",
        "def f(n):\n    return n\nctypes.CDLL(f('libx.so.1'))\nuse(f('liby'))",
        "def f(): return 'libx.so.1'\nctypes.CDLL(f())\nother = f",
        "n = 'libx.so.1'\nctypes.CDLL(n)\nctypes.CDLL(n[3:])",
        "n = 'libx.so.1'\nctypes.CDLL(n)\nif n[0] == '/': pass",
        "for n in 'libx.so.1': ctypes.CDLL(n)",
        "n = ('libx.so.1',)\nctypes.CDLL(n[0])\nother(*n)",
        "import os\nn = 'libx.so.1'\nctypes.CDLL(n)\nctypes.CDLL(os.path.join(n, 'liby.so'))",
        "import os\nn = 'libx.so.1'\nctypes.CDLL(n)\nos.path.exists(os.path.join('/opt', n))",
        "class A:\n    n = 'libx.so.1'\n    def f(self): ctypes.CDLL(self.n)\n    def g(self): return self.n",
        "def f():\n    global n\n    n = 'libx.so.1'\nf()\nctypes.CDLL(n)\nother(n)",
        "ctypes.CDLL('libx.so.%d' % 1)",
        "ctypes.CDLL(f'libx.so.{1}')",
        "ctypes.CDLL('lib' + 'x.so.1')",
        "ctypes.CDLL('lib'\n 'x.so.1')",
        "ctypes.CDLL('''libx.so\\\n.1''')",
        "ctypes.CDLL('libx.so.1 liby.so.1'.split()[0])",
        "ctypes.CDLL(' libx.so.1'.strip())",
    ],
)
def test_what_is_more_than_a_name_stays(source: str) -> None:
    data = f"{CTYPES}{source}".encode()
    assert not any(find_edits(data).values())


@pytest.mark.parametrize(
    ("source", "edited"),
    [
        ("ctypes.CDLL(find_library('x'))", f"ctypes.CDLL('{PATH}')"),
        ('ctypes.CDLL(find_library("x"))', f'ctypes.CDLL("{PATH}")'),
        ("ctypes.CDLL(find_library('x') or 'libx.dylib')", f"ctypes.CDLL('{PATH}' or 'libx.dylib')"),
        ("p = find_library('x')\nif not p: raise ImportError\nctypes.CDLL(p)",
         f"p = '{PATH}'\nif not p: raise ImportError\nctypes.CDLL(p)"),
        ("p = find_library('x')\nif p is None: raise ImportError\nctypes.CDLL(p)",
         f"p = '{PATH}'\nif p is None: raise ImportError\nctypes.CDLL(p)"),
        ("def f(): return find_library('x')\nctypes.CDLL(f())",
         f"def f(): return '{PATH}'\nctypes.CDLL(f())"),
        # No path is opened here: nothing is proved.
        ("if not find_library('x'): raise ImportError", None),
        ("p = find_library('x')", None),
        ("p = find_library('x')\nif not p: raise ImportError", None),
        # What looks into the result takes a file name for granted.
        ("import os\nctypes.CDLL(os.path.basename(find_library('x')))", None),
        ("p = find_library('x')\nctypes.CDLL(p)\nversion = p.split('.so.')[1]", None),
        ("p = find_library('x')\nctypes.CDLL(p)\nif p.startswith('libx'): pass", None),
        ("p = find_library('x')\nctypes.CDLL(p)\nos.path.exists(p)", None),
        ("ctypes.CDLL(find_library(\n'x'))", None),
        ("for n in ('x', 'y'): ctypes.CDLL(find_library(n))", None),
        ("def f(n): return ctypes.CDLL(find_library(n))\nf('x')", None),
    ],
)  # fmt: skip
def test_search(source: str, edited: str | None) -> None:
    assert edit(source, "libx.so") == edited


ENCODED = "# -*- coding: {} -*-\nimport ctypes\nä = 'ä'; b = ctypes.CDLL('libx.so.1')  # ä\nc = 'ä'\n"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(encoding: str, end: str) -> None:
    """Bytes that are not replaced stay: columns count those of UTF-8, which a file may not be in."""
    name = "utf-8" if encoding == "utf-8-sig" else encoding
    for text in (
        ENCODED,
        ENCODED.replace("ä = 'ä'; ", ""),
        ENCODED.replace("b = ", "").replace("'; c", "';  c"),
    ):
        source = text.format(name).replace("\n", end).encode(encoding)
        (change,) = find_edits(source).values()
        if change:
            edited = apply_edit(source, change, PATH)
            assert edited.replace(PATH.encode(), b"libx.so.1") == source
            compile(edited, "x", "exec")
    assert change or encoding not in {"utf-8", "utf-8-sig"}


@pytest.mark.parametrize("blanks", ["", " ", "  "])
def test_shifted_columns_replace_no_part_of_a_call(blanks: str) -> None:
    text = f"# coding: latin-1\n{CTYPES}a = 'ä';{blanks}ctypes.CDLL({blanks}find_library('x'){blanks})\n"
    source = text.encode("latin-1")
    assert find_edits(source) == {"libx.so": None}


def test_future_imports_stay_first() -> None:
    source = (
        "'''Doc.'''\nfrom __future__ import annotations\nimport os\nimport ctypes\nctypes.CDLL('libx.so.1')\n"
    )
    use = find(source.encode())
    assert use.anchor == "import os"
    compile(source.replace(use.anchor, f"import a; a.install(); {use.anchor}"), "x", "exec")
    (change,) = find_edits(source).values()
    assert change
    assert b"__future__" in apply_edit(source.encode(), change, PATH)


@pytest.mark.parametrize(
    ("source", "anchor"),
    [
        ("import os\nimport ctypes\n", "import os"),
        ("import ctypes\n", "import ctypes"),
        ("from a import b as c  # why\n", "from a import b as c"),
        ("import os; import sys\n", "import os"),
        ("import os, sys\nimport os\n", "import os, sys"),
        ("'''import os'''\nimport os\nimport sys\n", "import sys"),
        ("import os.path\nimport os\nimport sys\n", "import os.path"),
        ("import os\nimport os.path\nimport sys\n", "import os.path"),
        ("from a import (\n    b,\n)\nimport sys\n", "import sys"),
        ("from a import b, \\\n    c\nimport sys\n", "import sys"),
        ("if 1:\n    import os\nimport sys\n", "import sys"),
        ("try:\n    import os\nexcept ImportError: pass\nimport sys\n", "import sys"),
        ("import\tos\nimport sys\n", "import sys"),
        ("import ä\nimport sys\n", "import sys"),
        ("from __future__ import annotations\n", ""),
        ("x = 1\n", ""),
        ("", ""),
        ("import os\r\nimport sys\r\n", "import os"),
        # Below what takes functions of ctypes it would come too late.
        ("import ctypes; import ctypes\nimport sys\n", ""),
        ("from ctypes import (\n    CDLL,\n)\nimport sys\n", ""),
        ("try:\n    from ctypes.util import find_library\nexcept ImportError: pass\nimport sys\n", ""),
        ("if 1:\n    import cffi\nimport sys\n", ""),
        ("import mycffi\nimport sys\n", "import mycffi"),
    ],
)
def test_anchor(source: str, anchor: str) -> None:
    assert find_anchor(source.encode(), 100) == anchor
    if anchor:
        started = source.replace(anchor, f"import a; a.install(); {anchor}")
        compile(started, "x", "exec")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1"])
def test_anchor_of_other_encodings(encoding: str) -> None:
    source = "import os\nimport ctypes\nctypes.CDLL('x')\n".encode(encoding)
    assert find_anchor(source, 3) == ("import ctypes" if encoding == "utf-8-sig" else "import os")
    assert find_anchor(source, 1) == ""


def test_what_is_no_python_has_no_anchor() -> None:
    assert find_anchor(b"import os\n)", 100) == ""
    assert find_anchor(b"import os\n\0", 100) == ""


@pytest.mark.parametrize(
    "piece",
    [
        "n = 'lib{0}.so.1'\nctypes.CDLL(n)\n",
        "def f{0}(n='lib{0}.so.1'): return f{1}(n)\n",
        "def f(n): ctypes.CDLL(n)\nf('lib{0}.so.1')\n",
        "class A:\n    n = 'lib{0}.so.1'\nctypes.CDLL(A.n)\n",
        "a{1} = b = a{0} = 'lib{0}.so.1'\nctypes.CDLL(a{0})\n",
        "def g():\n    global n\n    n = 'lib{0}.so.1'\nctypes.CDLL(n)\n",
    ],
)
def test_long_sources_take_no_longer_than_they_must(piece: str) -> None:
    def search(size: int) -> object:
        return find((CTYPES + "".join(piece.format(number, number + 1) for number in range(size))).encode())

    short, long = (count_steps(partial(search, size)) for size in (100, 400))
    # Four times the length: an edit is proved by analysing the source with it, which is squared, and no more.
    assert long < 20 * short


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


@given(before=TEXT, old=TEXT, after=TEXT, new=TEXT)
@settings(max_examples=60, deadline=None)
def test_replacement_is_that_of_the_shell(
    tmp_path_factory: pytest.TempPathFactory, before: str, old: str, after: str, new: str
) -> None:
    directory = tmp_path_factory.mktemp("shell")
    source = f"{before}{old}{after}{old}\\&".encode()
    (directory / "file").write_bytes(source)
    change = SourceEdit(old=old, before=new, after="&\\")
    words = ["file", "--replace-fail", old, f"{new}{PATH}&\\"]
    done = run_shell(f"substituteInPlace {shlex.join(words)}", directory)
    assert done.returncode == 0, done.stderr
    assert (directory / "file").read_bytes() == apply_edit(source, change, PATH)


def test_replacement_of_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"other")
    done = run_shell("substituteInPlace file --replace-fail x y; echo more", tmp_path)
    assert done.returncode == 1
    assert "file" in done.stderr
    assert not done.stdout
    with pytest.raises(LookupError):
        apply_edit(b"other", SourceEdit(old="x", before="", after=""), PATH)


# Small programs: what they open, and everything else that they do, is seen when they run.
PIECES = [
    "ctypes.CDLL({0})",
    "ctypes.CDLL(name={0}, mode=0)",
    "{v} = {0}\nctypes.CDLL({v})",
    "{v} = {0}\nctypes.CDLL({v})\nout.append({v})",
    "{v} = {0}\nctypes.CDLL({v})\nout.append({v} == {0})",
    "{v} = {0}\nctypes.CDLL({v})\nout.append({{{0}: 1}}[{v}])",
    "{v} = {0}\nout.append(len({v}))",
    "{v} = {{{0}: {1}}}\nctypes.CDLL({v}[{0}])",
    "{v} = {{{0}: 1}}\nfor n in {v}:\n    ctypes.CDLL(n)\n    out.append({v}[n])",
    "for n in ({0}, {1}):\n    ctypes.CDLL(n)",
    "for n in ({0}, {1}):\n    ctypes.CDLL(n)\n    out.append(n)",
    "for n in [{0}, {1}]:\n    try:\n        ctypes.CDLL(n)\n    except OSError:\n        out.append('no')",
    "def {v}(n): return ctypes.CDLL(n)\n{v}({0})",
    "def {v}(n={0}): return ctypes.CDLL(n)\n{v}()\n{v}({1})",
    "def {v}(n):\n    out.append(n)\n    return ctypes.CDLL(n)\n{v}({0})",
    "def {v}(): return {0}\nctypes.CDLL({v}())",
    "def {v}(*n):\n    ctypes.CDLL(n[0])\n    for m in n[1:]: ctypes.CDLL(m)\n{v}({0}, {1})",
    "def {v}(*n):\n    ctypes.CDLL(n[0])\n    out.append(n[1])\n{v}({0}, {1})",
    "{v} = ({0}, {1})\nctypes.CDLL({v}[1])\nctypes.CDLL(list({v})[0])",
    "{v} = ({0}, {1})\nctypes.CDLL({v}[1])\nout.append({v}[0][3:])",
    "{v} = [m for m in ({0}, {1})]\nctypes.CDLL({v}[1])",
    "def {v}(): return {0}\nctypes.CDLL({v}())\nout.append({v}())",
    "def {v}():\n    yield {0}\n    yield {1}\nfor n in {v}():\n    ctypes.CDLL(n)",
    "class {v}:\n    n = {0}\n    def f(self): return ctypes.CDLL(self.n)\n{v}().f()",
    "class {v}:\n    n = {0}\n    def f(self): return ctypes.CDLL(self.n)\n{v}().f()\nout.append({v}.n)",
    "ctypes.CDLL({0} if out else {1})",
    "# {0}",
    "'''Opens {0}.'''",
    "out.append({0})",
    "out.append('''\n{0}\n''')",
    "{v} = find_library('x')\nif not {v}:\n    out.append('none')\nctypes.CDLL({v})",
    "{v} = find_library('y')\nctypes.CDLL({v})\nout.append({v}.split('-'))",
    "ctypes.CDLL(find_library('x'))",
    "out.append(bool(find_library('x')))",
    "out.append(find_library('y'))",
]
NAMES = ["libx.so.1", "liby.so.2"]
LITERALS = [form.format(name) for name in NAMES for form in ('"{}"', "'{}'", "b'{}'", 'r"{}"')]


def run(source: bytes) -> tuple[list[Any], list[Any]]:
    """Run a program; what it opened, and what else it did."""
    opened: list[Any] = []
    out: list[Any] = []

    def load(name: Any, mode: int = 0) -> None:
        opened.append(name.decode() if isinstance(name, bytes) else name)
        if len(opened) % 3 == 0:
            raise OSError(name)

    ctypes = ModuleType("ctypes")
    ctypes.CDLL = load  # type: ignore[attr-defined]
    util = ModuleType("ctypes.util")
    util.find_library = lambda name: f"found-{name}"  # type: ignore[attr-defined]
    real = builtins.__import__

    def import_(name: str, *more: Any) -> ModuleType:
        known = {"ctypes": ctypes, "ctypes.util": util}
        return known.get(name) or real(name, *more)

    space = {"__builtins__": {**vars(builtins), "__import__": import_}, "out": out, "__name__": "m"}
    try:
        exec(compile(source, "x", "exec"), space)
    except OSError:
        out.append("refused")
    return opened, out


@st.composite
def programs(draw: Callable[..., Any]) -> str:
    pieces = []
    for number in range(draw(st.integers(1, 4))):
        literals = [draw(st.sampled_from(LITERALS)) for _ in range(2)]
        if "split" in (piece := draw(st.sampled_from(PIECES))) or "{{" in piece:
            literals = [one.lstrip("b") for one in literals]
        pieces.append(piece.format(*literals, v=f"v{number}"))
    return CTYPES + "\n".join(pieces) + "\n"


@given(programs(), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=600, deadline=None)
def test_an_edited_program_opens_the_path_and_does_all_else_as_before(text: str, end: str) -> None:
    source = text.replace("\n", end).encode()
    before, did = run(source)
    for name, change in find_edits(source).items():
        if change is None:
            continue
        assert source.count(change.old.encode()) == 1
        edited = apply_edit(source, change, PATH)
        after, does = run(edited)
        assert does == did
        assert len(after) == len(before)
        meant = {name, f"found-{name[3:4]}"}
        assert all(b == a or (b == PATH and a in meant) for a, b in zip(before, after, strict=True))
        assert (OpeningKind.CTYPES, PATH) in {(c.kind, n.name) for c in find(edited).calls for n in c.names}


@given(programs())
@settings(max_examples=100, deadline=None)
def test_all_edits_of_a_program_can_be_made_together(text: str) -> None:
    source = text.encode()
    changes = {change.old: change for change in find_edits(source).values() if change}
    _, did = run(source)
    for change in changes.values():
        source = apply_edit(source, change, PATH)
    assert run(source)[1] == did
