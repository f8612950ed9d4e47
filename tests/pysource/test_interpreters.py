"""The loader shim in real interpreters, with real libraries where the loader does not search."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.pythons import Environment, find_pythons
from wheelfix.pysource.shim import name_shim, read_shim, render_starters

NAME = "libwfxone.so.1"
OPEN = 'import ctypes\n\ndef answer(name="libwfxone.so.1"):\n    return ctypes.CDLL(name).answer()\n'
"""A module that opens a library when it is asked to."""
REFUSED = """
def refused(function, *args):
    try:
        return function(*args)
    except OSError:
        return "refused"
"""


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """Libraries of one file name, by what their function returns.

    Only the third has a soname: one that is loaded is found by that, whoever asks.
    """
    found = {}
    for number in (1, 2, 3):
        directory = tmp_path_factory.mktemp(f"library{number}")
        source = directory / "answer.c"
        source.write_text(f"int answer(void) {{ return {number}; }}\n")
        path = directory / NAME
        command = ["gcc", "-shared", "-fPIC", "-o", str(path), str(source)]
        command += [f"-Wl,-soname,{NAME}"] * (number == 3)
        subprocess.run(command, check=True)
        found[number] = str(path)
    return found


@pytest.fixture(scope="module", params=find_pythons())
def fresh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(find_pythons()[request.param], tmp_path_factory.mktemp("venv") / "v")


@pytest.fixture
def env(fresh: Environment) -> Iterator[Environment]:
    fresh.clear()
    yield fresh
    fresh.clear()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return Environment(sys.executable, tmp_path_factory.mktemp("venv") / "v")


@pytest.fixture
def cffi(running: Environment) -> Environment:
    """An environment of the running interpreter that has cffi."""
    running.clear()
    for name in ("cffi", "pycparser", "_cffi_backend"):
        spec = find_spec(name)
        if not spec and name == "pycparser":  # newer versions of cffi have their own
            continue
        assert spec
        assert spec.origin
        path = Path(spec.origin)
        if path.name == "__init__.py":
            shutil.copytree(path.parent, running.site / name)
        else:
            shutil.copy(path, running.site)
    return running


def test_nothing_finds_the_libraries_by_themselves(env: Environment, libraries: dict[int, str]) -> None:
    env.add("pkg.py", OPEN)
    code = (
        f"{REFUSED}\nimport pkg, ctypes.util\nprint(refused(pkg.answer), ctypes.util.find_library('wfxone'))"
    )
    assert env.do(code) == "refused None"


@pytest.mark.parametrize(
    "expression",
    [
        'ctypes.CDLL("libwfxone.so.1")',
        'ctypes.CDLL(name="libwfxone.so.1", use_errno=True)',
        'ctypes.CDLL("libwfxone.so.1", ctypes.RTLD_GLOBAL)',
        'ctypes.PyDLL("libwfxone.so.1")',
        'type("Own", (ctypes.CDLL,), {})("libwfxone.so.1")',
        'ctypes.cdll.LoadLibrary("libwfxone.so.1")',
        'ctypes.pydll.LoadLibrary("libwfxone.so.1")',
        'ctypes.cdll["libwfxone.so.1"]',
        'getattr(ctypes.cdll, "libwfxone.so.1")',
        'ctypes.LibraryLoader(ctypes.CDLL).LoadLibrary("libwfxone.so.1")',
        'ctypes.CDLL(ctypes.util.find_library("wfxone"))',
        'ctypes.CDLL(find_library("wfxone"))',
        'ctypes.CDLL(os.path.basename(find_library("wfxone")))',
        'ctypes.CDLL(None, handle=_ctypes.dlopen("libwfxone.so.1", 2))',
        'ctypes.CDLL("libwfxone.so.1", handle=ctypes._dlopen("libwfxone.so.1", 2))',
        '[ctypes.CDLL(n) for n in ("libwfxone.so.1",)][0]',
        'list(map(ctypes.CDLL, ["libwfxone.so.1"]))[0]',
        "eval(\"ctypes.CDLL('libwfxone.so.1')\")",
    ],
)
def test_each_way_to_open(env: Environment, libraries: dict[int, str], expression: str) -> None:
    head = "import _ctypes, ctypes, ctypes.util, os\nfrom ctypes.util import find_library\n"
    env.add("pkg/__init__.py", f"{head}print({expression}.answer())\n")
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1], "libwfxone.so": libraries[1]})
    assert env.do("import pkg") == "1"


def test_file_that_a_search_found(env: Environment, libraries: dict[int, str]) -> None:
    """A search returns a path; what keeps the last part alone, which others return, finds it, too."""
    env.add(
        "pkg.py",
        "import ctypes, os\nfrom ctypes.util import find_library\n"
        "print(ctypes.CDLL(os.path.basename(find_library('wfxone'))).answer())\n",
    )
    env.add_shim("pkg", ["pkg"], {"libwfxone.so": libraries[1]})
    assert env.do("import pkg") == "1"


@pytest.mark.parametrize("name", ['b"libwfxone.so.1"', 'pathlib.Path("libwfxone.so.1")'])
def test_names_of_other_types(env: Environment, libraries: dict[int, str], name: str) -> None:
    """Versions of Python differ in which they take: the shim changes nothing about that."""
    env.add("pkg.py", f"import ctypes, pathlib\nprint(ctypes.CDLL({name}).answer())\n")
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1]})
    known = name.replace(NAME, libraries[1])
    direct = f"import ctypes, pathlib\nprint(ctypes.CDLL({known}).answer())"
    command = [str(env.python), "-c", direct]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:
        assert env.do("import pkg") == "1"


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("ctypes.CDLL(3)", "TypeError"),
        ("ctypes.CDLL(3.5)", "TypeError"),
        ("find_library(3)", None),
        ("find_library(None)", None),
        ("find_library(b'wfxone')", None),
        ("find_library('')", None),
        ("find_library('no-such-library')", None),
        ("find_library('c')", None),
        ("ctypes.CDLL('a\\0b')", None),
        ("ctypes.CDLL('')", None),
        ("ctypes.CDLL(None).getpid() > 0", None),
        ("ctypes.CDLL('libc.so.6').getpid() > 0", None),
        ("ctypes.CDLL('/no/where/libwfxone.so.1')", "OSError"),
        ("ctypes.CDLL('./libwfxone.so.1')", "OSError"),
        ("ctypes.CDLL('libwfxother.so.1')", "OSError"),
    ],
)
def test_everything_else_is_as_before(
    env: Environment, libraries: dict[int, str], expression: str, error: str | None
) -> None:
    env.add(
        "pkg.py",
        "import ctypes\nfrom ctypes.util import find_library\n"
        f"try:\n    print(type({expression}).__name__, {expression} if 'find' in {expression!r} else '')\n"
        "except Exception as e:\n    print(type(e).__name__, e)\n",
    )
    before = env.do("import pkg")
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1], "libwfxone.so": libraries[1]})
    assert env.do("import pkg") == before
    if error:
        assert before.startswith(error)


@pytest.mark.parametrize(
    "flags", [[], ["-I"], ["-E"], ["-s"], ["-O"], ["-OO"], ["-B"], ["-W", "error"], ["-X", "importtime"]]
)
def test_flags_of_the_interpreter(env: Environment, libraries: dict[int, str], flags: list[str]) -> None:
    env.add("pkg.py", OPEN)
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1]})
    if "importtime" in flags:  # writes on stderr
        command = [str(env.python), *flags, "-c", "import pkg; print(pkg.answer())"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "1"
    else:
        assert env.do("import pkg; print(pkg.answer())", *flags) == "1"


def test_site_that_is_started_later(env: Environment, libraries: dict[int, str]) -> None:
    env.add("pkg.py", OPEN)
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1]})
    start = f"import site; site.addsitedir({str(env.site)!r}); import pkg; print(pkg.answer())"
    assert env.do(start, "-S") == "1"
    assert env.do(f"{REFUSED}\nimport sys; sys.path.append({str(env.site)!r})\n"
                  "import pkg; print(refused(pkg.answer))", "-S") == "refused"  # fmt: skip


def test_programs_of_a_package(env: Environment, libraries: dict[int, str]) -> None:
    main = "import ctypes\nprint(ctypes.CDLL('libwfxone.so.1').answer())\n"
    env.add("pkg/__init__.py", "")
    env.add("pkg/__main__.py", main)
    env.add("pkg/tool.py", main)
    env.add("single.py", main)
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1]})
    env.add_shim("single", ["single"], {NAME: libraries[2]})
    assert env.run("-m", "pkg") == "1"
    assert env.run("-m", "pkg.tool") == "1"
    assert env.run("-m", "single") == "2"


@pytest.mark.parametrize("how", [["-m", "single"], ["-c", "import single"]])
def test_start_by_an_import_in_the_source(
    env: Environment, libraries: dict[int, str], how: list[str]
) -> None:
    """What PYTHONPATH names has no .pth files that run; an import in the source starts the shim."""
    name = env.add_shim("single", ["single"], {NAME: libraries[1]}, starts=False)
    start = f"import {name}; {name}.install(); import ctypes\n"
    env.add("single.py", f"{start}print(ctypes.CDLL('libwfxone.so.1').answer())\n")
    assert env.run("-S", *how, PYTHONPATH=str(env.site)) == "1"


def test_nobody_else_is_answered(env: Environment, libraries: dict[int, str]) -> None:
    env.add("pkg/__init__.py", OPEN + "import ctypes.util\nfind = ctypes.util.find_library\n")
    env.add("pkgother.py", OPEN)  # whose name begins with the other's
    env.add("stranger.py", f"{OPEN}{REFUSED}import ctypes.util\nfind = ctypes.util.find_library\n")
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1], "libwfxone.so": libraries[1]})
    code = """
import pkg, pkgother, stranger
from stranger import refused
for _ in range(2):
    print(refused(stranger.answer), refused(pkgother.answer), stranger.find("wfxone"), pkg.answer())
import ctypes, ctypes.util
print(refused(ctypes.CDLL, "libwfxone.so.1"), ctypes.util.find_library("wfxone"))
"""
    assert env.do(code).splitlines() == ["refused refused None 1"] * 2 + ["refused None"]


def test_code_that_a_package_imports_asks_for_itself(env: Environment, libraries: dict[int, str]) -> None:
    now = f"{OPEN}{REFUSED}\nprint(__name__, refused(answer))\n"
    env.add("pkg/__init__.py", "import stranger\nfrom . import own\n")
    env.add("pkg/own.py", now)
    env.add("stranger.py", now)
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1]})
    assert env.do("import pkg").splitlines() == ["stranger refused", "pkg.own 1"]


def test_helper_of_another_distribution_opens_for_the_package(
    env: Environment, libraries: dict[int, str]
) -> None:
    env.add("helper.py", "import ctypes\ndef load(name):\n    return ctypes.CDLL(name)\n")
    env.add("pkg.py", "import helper\nprint(helper.load('libwfxone.so.1').answer())\n")
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1]})
    assert env.do("import pkg") == "1"


@pytest.mark.parametrize("first", ["one", "two"])
@pytest.mark.parametrize("shims", ["one two", "two one"])
def test_two_shims_answer_one_name_each_for_its_own(
    env: Environment, libraries: dict[int, str], first: str, shims: str
) -> None:
    env.add("one/__init__.py", f"{OPEN}\ndef ask():\n    import two\n    return two.answer()\n")
    env.add("two/__init__.py", f"{OPEN}\ndef ask():\n    import one\n    return one.answer()\n")
    numbers = {"one": 1, "two": 2}
    for name in shims.split():
        env.add_shim(name, [name], {NAME: libraries[numbers[name]]})
    other = "two" if first == "one" else "one"
    code = (
        f"import {first}, {other}\nimport one, two\nprint(one.answer(), two.answer(), one.ask(), two.ask())"
    )
    # By one path each; but what is loaded has its soname, which counts only for names without a slash.
    assert env.do(code) == "1 2 2 1"
    assert env.do("import one; print(one.ask(), one.answer())") == "2 1"


def test_namespace_packages(env: Environment, libraries: dict[int, str]) -> None:
    env.add("space/one/__init__.py", OPEN)
    env.add("space/two/__init__.py", f"{OPEN}{REFUSED}")
    env.add("space/deep/three.py", OPEN)
    env.add_shim("space-one", ["space.one", "space.deep.three"], {NAME: libraries[1]})
    code = "import space.two as two\nprint(two.refused(two.answer))\n"
    assert env.do(f"{code}from space.one import answer\n{code}") == "refused\nrefused"
    assert env.do("from space.one import answer\nprint(answer())") == "1"
    assert env.do("import space.deep.three as t\nprint(t.answer())") == "1"


def test_module_that_was_imported_before(env: Environment, libraries: dict[int, str]) -> None:
    env.add("pkg.py", OPEN)
    name = env.add_shim("pkg", ["pkg"], {NAME: libraries[1]}, starts=False)
    assert env.do(f"import pkg, {name}; {name}.install(); print(pkg.answer())") == "1"


def test_installing_again_wraps_once(env: Environment, libraries: dict[int, str]) -> None:
    env.add("pkg.py", OPEN)
    name = env.add_shim("pkg", ["pkg"], {NAME: libraries[1]})
    count = f"sum(type(f).__module__ == {name!r} for f in sys.meta_path)"
    state = "(ctypes._dlopen, _ctypes.dlopen, ctypes.util.find_library)"
    code = (
        f"import sys, ctypes.util, _ctypes, {name}\n{name}.install(); {name}.install()\nprint({count})\n"
        f"import pkg\nbefore = {state}\nprint({count}, pkg.answer())\n"
        f"{name}.install()\nimport importlib\nimportlib.reload(pkg)\nimportlib.reload(pkg)\n"
        f"del sys.modules['pkg']\n{name}.install()\nimport pkg\n"
        f"print({count}, before == {state}, pkg.answer())"
    )
    assert env.do(code).splitlines() == ["1", "0 1", "0 True 1"]


def test_a_restored_list_of_finders_wraps_no_more(env: Environment, libraries: dict[int, str]) -> None:
    env.add("pkg.py", OPEN)
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1]})
    code = (
        "import sys, ctypes\nsaved = sys.meta_path[:]\nimport pkg\nonce = ctypes._dlopen\n"
        "sys.meta_path[:] = saved\ndel sys.modules['pkg']\nimport pkg\n"
        "print(once is ctypes._dlopen, pkg.answer())"
    )
    assert env.do(code) == "True 1"


def test_error_of_the_package_stays(env: Environment, libraries: dict[int, str]) -> None:
    env.add("pkg.py", "raise ValueError('own')\n")
    env.add_shim("pkg", ["pkg", "absent", "space.absent"], {NAME: libraries[1]})
    env.add("space/other.py", "")
    ask = (
        "import importlib, sys\n"
        "for name in ('pkg', 'absent', 'absent.x', 'space.absent', 'pkg.x', 'no'):\n"
        "    try:\n        importlib.import_module(name)\n"
        "    except Exception as e:\n"
        "        print(type(e).__name__, e, getattr(e, 'name', ''), e.__cause__, e.__context__)\n"
        "print([getattr(f, '__name__', f) for f in sys.meta_path], 'pkg' in sys.modules)"
    )
    with_shim = env.do(ask)
    for file in env.site.glob("_wheelfix*"):
        file.unlink()
    assert with_shim == env.do(ask)


@pytest.mark.parametrize("missing", ["ctypes", "ctypes.util", "_ctypes"])
def test_interpreter_without_ctypes(env: Environment, libraries: dict[int, str], missing: str) -> None:
    """A package that does without ctypes goes on doing so."""
    env.add("pkg.py", "print('imported')\n")
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1]})
    assert env.do(f"import sys; sys.modules[{missing!r}] = None; import pkg") == "imported"


def test_other_finders_are_asked_as_before(env: Environment, libraries: dict[int, str]) -> None:
    """A finder that comes directly behind the watch finds the very module that is waited for."""
    env.add_shim("one", ["made", "space.made"], {NAME: libraries[1]})
    env.add_shim("two", ["made"], {"libwfxtwo.so.1": libraries[2]})
    code = """
import importlib.machinery, sys

class Finder:
    asked = []
    def find_spec(self, name, path=None, target=None):
        self.asked.append(name)
        if name == "made":
            return importlib.machinery.ModuleSpec(name, self)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        module.value = 7

watches = [f for f in sys.meta_path if type(f).__module__.startswith("_wheelfix_")]
rest = [f for f in sys.meta_path if f not in watches]
sys.meta_path[:] = [*watches, Finder(), *rest]
import made
import ctypes
print(len(watches), made.value, Finder.asked.count("made"), sum(f in watches for f in sys.meta_path))
"""
    assert env.do(code) == "2 7 1 0"


def test_finding_a_module_without_importing_it(env: Environment, libraries: dict[int, str]) -> None:
    env.add("pkg.py", OPEN)
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1]})
    code = (
        "import importlib.util, pkgutil\nprint(importlib.util.find_spec('pkg').name, "
        "'pkg' in [m.name for m in pkgutil.iter_modules()])\n"
        "importlib.invalidate_caches()\nimport pkg\nprint(pkg.answer())"
    )
    assert env.do(code).splitlines() == ["pkg True", "1"]


def test_missing_file_leads_to_the_name(env: Environment, libraries: dict[int, str], tmp_path: Path) -> None:
    gone = str(tmp_path / "gone" / "libc.so.6")
    env.add(
        "pkg.py",
        f"import ctypes\n{REFUSED}\nfrom ctypes.util import find_library\n"
        "print(ctypes.CDLL('libc.so.6').getpid() > 0, find_library('c'))\n"
        "print(refused(ctypes.CDLL, 'libwfxone.so.1'), find_library('wfxone'))\n",
    )
    before = env.do("import pkg")
    missing = dict.fromkeys(("libc.so.6", "libc.so", NAME, "libwfxone.so"), gone)
    env.add_shim("pkg", ["pkg"], missing, [gone])
    assert env.do("import pkg") == before


def test_what_fails_says_why_the_library_cannot_be_loaded(env: Environment, tmp_path: Path) -> None:
    broken = tmp_path / NAME
    broken.write_text("no library")
    ask = "try:\n    ctypes.CDLL('libwfxone.so.1')\nexcept OSError as e:\n    print(e)\n"
    env.add("pkg.py", f"import ctypes\n{ask}")
    env.add_shim("pkg", ["pkg"], {NAME: str(broken)})
    assert str(broken) in env.do("import pkg")


def test_what_is_gone_says_the_name_that_was_asked_for(env: Environment, tmp_path: Path) -> None:
    ask = "try:\n    ctypes.CDLL('libwfxone.so.1')\nexcept OSError as e:\n    print(e, e.__context__)\n"
    env.add("pkg.py", f"import ctypes\n{ask}")
    before = env.do("import pkg")
    env.add_shim("pkg", ["pkg"], {NAME: str(tmp_path / NAME)})
    assert env.do("import pkg") == before


def test_threads(env: Environment, libraries: dict[int, str]) -> None:
    for number in range(8):
        env.add(f"pkg{number}.py", f"{OPEN}value = answer()\n")
    env.add_shim("pkg", [f"pkg{number}" for number in range(8)], {NAME: libraries[1]})
    code = """
import importlib, sys, threading
sys.setswitchinterval(1e-6)
found, start = [], threading.Barrier(16)
def load(number):
    start.wait()
    try:
        found.append(importlib.import_module("pkg%d" % (number % 8)).value)
    except BaseException as e:
        found.append(e)
threads = [threading.Thread(target=load, args=(n,)) for n in range(16)]
[t.start() for t in threads]
[t.join() for t in threads]
print(found == [1] * 16, found if found != [1] * 16 else "")
"""
    for _ in range(5):
        assert env.do(code) == "True"


def test_call_from_a_thread_without_python_code(env: Environment, libraries: dict[int, str]) -> None:
    env.add("pkg.py", OPEN)
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1]})
    code = (
        "import _thread, ctypes, ctypes.util, pkg, time\n"
        "_thread.start_new_thread(ctypes.CDLL, ('libc.so.6',))\n"
        "_thread.start_new_thread(ctypes._dlopen, ('libc.so.6', 2))\n"
        "_thread.start_new_thread(ctypes.util.find_library, ('wfxone',))\n"
        "time.sleep(0.3)\nprint('alive')"
    )
    assert env.do(code) == "alive"


def test_odd_globals(env: Environment, libraries: dict[int, str]) -> None:
    env.add("pkg.py", "import ctypes\nfrom ctypes.util import find_library\n"
            "def run(code, space):\n    exec(code, space)\n    return space.get('found')\n")  # fmt: skip
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1], "libwfxone.so": libraries[1]})
    code = (
        "import pkg\n"
        "class Spec: name = 3\n"
        "for more in ({}, {'__name__': 3}, {'__name__': None}, {'__spec__': 3}, {'__spec__': Spec}):\n"
        "    space = dict(more, f=pkg.find_library)\n"
        "    exec('def g(): return f(\"wfxone\")', space)\n"
        "    print(space['g']())"
    )
    assert env.do(code).splitlines() == ["None"] * 5


def test_shim_starts_without_other_modules(env: Environment, libraries: dict[int, str]) -> None:
    env.add("pkg.py", OPEN)
    env.add("other.pth", "# Reading any such file may take a codec.\n")
    before = env.do("import sys; print(sorted(sys.modules))")
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1]})
    after = env.do("import sys; print(sorted(sys.modules))")
    assert set(ast.literal_eval(after)) - set(ast.literal_eval(before)) == {"_wheelfix_pkg"}


def test_a_table_with_every_kind_of_character(
    env: Environment, libraries: dict[int, str], tmp_path: Path
) -> None:
    odd = tmp_path / "o'd\"d ${x} `y` $(z) \\ ä"
    odd.mkdir()
    path = odd / NAME
    shutil.copy(libraries[1], path)
    env.add("pkg.py", OPEN)
    env.add_shim("pkg", ["pkg"], {NAME: str(path)})
    assert env.do("import pkg; print(pkg.answer())") == "1"


@pytest.mark.parametrize(
    "opened",
    [
        'FFI().dlopen("libwfxone.so.1")',
        'FFI().dlopen("libwfxone.so")',
        'FFI().dlopen("wfxone")',
        'FFI().dlopen(ctypes.util.find_library("wfxone"))',
    ],
)
@pytest.mark.parametrize("preload", [True, False])
@pytest.mark.parametrize("before", ["", "import _cffi_backend\n"])
def test_cffi(cffi: Environment, libraries: dict[int, str], opened: str, preload: bool, before: str) -> None:
    cffi.add(
        "pkg.py",
        "import ctypes.util\nfrom cffi import FFI as Base\n"
        "def FFI():\n    ffi = Base()\n    ffi.cdef('int answer(void);')\n    return ffi\n"
        f"print({opened}.answer())\n",
    )
    table = {NAME: libraries[1], "libwfxone.so": libraries[1]}
    cffi.add_shim("pkg", ["pkg"], table, [libraries[1]] * preload)
    assert cffi.do(f"{before}import pkg") == "1"


def test_module_that_cffi_wrote(cffi: Environment, libraries: dict[int, str]) -> None:
    """What opens a library in C finds the one that is loaded already, by its soname."""
    write = (
        "from cffi import FFI\nffi = FFI()\nffi.cdef('int answer(void);')\nffi.set_source('_made', None)\n"
        f"ffi.emit_python_code({str(cffi.site / '_made.py')!r})"
    )
    cffi.do(write)
    cffi.add("pkg.py", "from _made import ffi\nprint(ffi.dlopen('libwfxone.so.1').answer())\n")
    cffi.add_shim("pkg", ["pkg"], {NAME: libraries[3]}, [libraries[3]])
    assert cffi.do("import pkg") == "3"


def test_code_in_c_opens_by_soname(env: Environment, libraries: dict[int, str]) -> None:
    call = "ctypes.CDLL(None).dlopen(b'libwfxone.so.1', 2)"
    env.add("pkg.py", f"import ctypes\nprint(bool({call}))\n")
    env.add_shim("pkg", ["pkg"], {NAME: libraries[3]})
    assert env.do("import pkg") == "False"
    env.add_shim("pkg", ["pkg"], {NAME: libraries[3]}, [libraries[3]])
    assert env.do("import pkg") == "True"


def test_child_processes_of_multiprocessing(
    env: Environment, libraries: dict[int, str], tmp_path: Path
) -> None:
    env.add("pkg.py", OPEN)
    env.add_shim("pkg", ["pkg"], {NAME: libraries[1]})
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, pkg\n"
        "if __name__ == '__main__':\n"
        "    for way in ('spawn', 'fork'):\n"
        "        with multiprocessing.get_context(way).Pool(1) as pool:\n"
        "            print(pool.apply(pkg.answer))\n"
    )
    assert env.run(str(script)).split() == ["1", "1"]


@pytest.mark.parametrize("name", ["python-magic", "a.b", "A_B", "3to2", "ä"])
def test_names(name: str) -> None:
    shim = name_shim(name)
    assert shim.isidentifier()
    assert shim.isascii()
    started = render_starters(shim)
    assert started[f"{shim}.pth"] == f"import {shim}; {shim}.install()\n"
    # PEP 829: an entry point on each line
    assert started[f"{shim}.start"] == f"{shim}:install\n"


def test_code_is_old_and_plain() -> None:
    """It runs in interpreters of any version: what it says is ASCII, and in the grammar of Python 3.6."""
    assert read_shim().isascii()
    ast.parse(read_shim(), feature_version=(3, 6))
