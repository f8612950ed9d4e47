"""Libraries and programs that Python sources open by name: found by reading, never by running.

Followed are ctypes (``CDLL``, ``PyDLL``, ``cdll``, ``pydll``, ``util.find_library``), cffi's ``ffi.dlopen``,
helper functions of the same module that pass a parameter on to one of these, and imported helpers of
the names ``load_library``, ``load_locate_library``, ``load_ctypes_library`` and ``dlopen``. Code for other
systems and tests are left out. A name that is not spelled out in the source gives no result.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from wheelfix.model.hints import ProgramUse, SourceUse
from wheelfix.model.scan import Dlopen
from wheelfix.wheel.pyscope import Module, Use
from wheelfix.wheel.pyvalues import Evaluator, TooComplexError, Value

MAX_SOURCE: Final = 1 << 19
"""Longest source read, in bytes: its syntax tree can take 600 times as much memory."""

_LOADER_HINTS: Final = (b"DLL", b"cdll", b"pydll")
_HINTS: Final = (b"d_library", b"dlopen", b"load_locate", b"load_ctypes", b"ldconfig")
_OPENERS: Final = frozenset(
    {"ctypes.CDLL", "ctypes.PyDLL", "ctypes.cdll.LoadLibrary", "ctypes.pydll.LoadLibrary", "_ctypes.dlopen"}
)
_LOADERS: Final = frozenset({"ctypes.cdll", "ctypes.pydll"})
_FINDER: Final = "ctypes.util.find_library"
_HELPERS: Final = frozenset({"load_library", "load_locate_library", "load_ctypes_library", "dlopen"})
_RUNNERS: Final = frozenset(
    {
        f"subprocess.{name}"
        for name in ("run", "call", "check_call", "check_output", "Popen", "getoutput", "getstatusoutput")
    }
    | {"os.system", "os.popen"}
)
_KNOWN: Final = _OPENERS | _LOADERS | {_FINDER}

_FILE: Final = re.compile(r"(?:/[\w.+/-]*/)?[\w+-][\w.+-]*\.so(?:\.\d+)*", re.ASCII)
_BARE: Final = re.compile(r"(?!lib)\w[\w.+-]*", re.ASCII)
_FOREIGN: Final = re.compile(r"\.(?:dll|dylib|pyd|exe|so)\b|\.framework\b", re.IGNORECASE)
# Names that exist on Windows or macOS only, for code that tests for neither.
_FOREIGN_NAMES: Final = frozenset(
    {
        *("kernel32", "user32", "gdi32", "ole32", "oleaut32", "shell32", "advapi32", "ntdll", "winmm"),
        *("opengl32", "openal32", "msvcrt", "ws2_32", "System", "objc", "AppKit", "ApplicationServices"),
        *("Accelerate", "AudioToolbox", "AudioUnit", "AVFoundation", "CoreMIDI", "CoreMedia", "CoreVideo"),
        *("Carbon", "Cocoa", "CoreAudio", "CoreFoundation", "CoreGraphics", "CoreServices", "CoreText"),
        *("Foundation", "IOKit", "Metal", "Quartz", "QuartzCore", "Security", "SystemConfiguration"),
    }
)
_FOREIGN_PATH: Final = re.compile(
    r"(?:^|[/_.])(?:darwin|macosx?|osx|cocoa(?:py)?|win(?:32|64|dows)?|nt)(?=[/_.])", re.IGNORECASE
)
_TEST_PATH: Final = re.compile(
    r"(?:^|/)(?:tests?|_?testing|_?examples?|docs?)/|(?:^|/)(?:test_[^/]*|conftest)\.py$"
)
_LDCONFIG: Final = re.compile(r"(?:/[\w/]+/)?ldconfig")
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class _Claim:
    soname: str
    bare: bool
    value: Value
    evidence: str


def find_python_dlopen(path: str, source: bytes) -> SourceUse:
    r"""Find what a Python source opens by name.

    Not for several threads at once: warnings about the foreign code are silenced meanwhile, for the process.

    Args:
        path: POSIX path of the member, relative to the root of the wheel.
        source: the file.

    Returns:
        Nothing for a file that is no Python, is longer than :data:`MAX_SOURCE`, is nested beyond measure, or
        is by its path meant for another system or for tests.

    Example:
        >>> find_python_dlopen("a.py", b"import ctypes\nctypes.CDLL('libcuda.so.1')").opens[0].evidence
        'ctypes.CDLL("libcuda.so.1"), line 2'
    """
    if len(source) > MAX_SOURCE or not may_open(path, source):
        return SourceUse()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes and the like: not ours to mend
            tree = ast.parse(source)
        module = Module(tree)
        evaluator = Evaluator(module, _KNOWN)
        claims = [claim for use in module.uses for claim in _find_claims(use, module, evaluator)]
        programs = [p for use in module.uses for p in _find_programs(path, use, module, evaluator)]
    except (
        SyntaxError,
        ValueError,
        LookupError,
        RecursionError,
        MemoryError,
        OverflowError,
        TooComplexError,
    ):
        return SourceUse()
    first = {claim.soname: claim for claim in reversed(_drop_alternatives(claims))}
    return SourceUse(
        opens=tuple(
            Dlopen(soname=soname, found_in=path, evidence=first[soname].evidence) for soname in sorted(first)
        ),
        programs=tuple(sorted({p.program: p for p in reversed(programs)}.values(), key=lambda p: p.program)),
    )


def may_open(path: str, source: bytes) -> bool:
    """Whether parsing a Python source could bring anything to light; tells at the speed of a search.

    Args:
        path: as for :func:`find_python_dlopen`.
        source: the file.
    """
    # The loaders take file names only, which are spelled out in the same file.
    if not any(hint in source for hint in _HINTS) and not (
        any(hint in source for hint in _LOADER_HINTS) and b".so" in source
    ):
        return False
    return not _FOREIGN_PATH.search(path) and not _TEST_PATH.search(path)


def _find_claims(use: Use, module: Module, evaluator: Evaluator) -> Iterator[_Claim]:
    for name, args, bare in _find_sinks(use, module, evaluator):
        for arg in args:
            for value in evaluator.values(arg, use.scope):
                soname = _find_soname(value, name, bare)
                if soname:
                    yield _Claim(
                        soname, not _FILE.fullmatch(value.text), value, _describe(name, arg, value, use.node)
                    )


def _find_sinks(use: Use, module: Module, evaluator: Evaluator) -> Iterator[tuple[str, list[ast.expr], bool]]:
    """Say which arguments name libraries: (function, arguments, whether names without a file count)."""
    match use.node:
        case ast.Subscript(value=base, slice=index):
            for loader in _functions(evaluator, base, use) & _LOADERS:
                yield loader, [index], False
        case ast.Call(func=ast.Name(id="getattr"), args=[base, name, *_]):
            for loader in _functions(evaluator, base, use) & _LOADERS:
                yield f"getattr {loader}", [name], False
        case ast.Call(func=func, args=args, keywords=keywords):
            named = [k.value for k in keywords if k.arg == "name"]
            if module.find_function(func, use.scope):
                return
            functions = _functions(evaluator, func, use)
            for function in sorted(functions & _OPENERS):
                yield function, [*args[:1], *named], False
            if _FINDER in functions:
                yield _FINDER, [*args[:1], *named], True
            if functions:
                return
            if isinstance(func, ast.Attribute) and func.attr == "dlopen":
                yield "ffi.dlopen", [*args, *named], True
                return
            full = module.dotted(func, use.scope) or ""
            # numpy.ctypeslib.load_library opens files of the wheel itself.
            if full.rpartition(".")[2] in _HELPERS and not full.startswith("numpy."):
                first = full.endswith(("locate_library", "ctypes_library"))
                yield full.lstrip("."), args[:1] if first else args, True


def _functions(evaluator: Evaluator, expr: ast.expr, use: Use) -> set[str]:
    return {value.text for value in evaluator.values(expr, use.scope) if value.function}


def _find_soname(value: Value, function: str, bare: bool) -> str | None:
    """The file name a value stands for, or None if it is none for Linux."""
    text = value.text
    if value.function:
        return None
    if _FILE.fullmatch(text):
        return None if function == _FINDER else text
    if bare and _BARE.fullmatch(text) and not _FOREIGN.search(text) and text not in _FOREIGN_NAMES:
        return None if text.isdigit() else f"lib{text}.so"
    return None


def _drop_alternatives(claims: list[_Claim]) -> list[_Claim]:
    """Leave out names without a file where the same statement also gives a file name.

    ``dlopen(ffi, ("cairo-2", "cairo"), ("libcairo.so.2", "libcairo-2.dll"))`` tries one library under the
    names it has on all systems: the one with ``.so`` is Linux's.
    """
    exact = {claim.value.statement for claim in claims if not claim.bare}
    return [claim for claim in claims if not claim.bare or claim.value.statement not in exact]


def _describe(function: str, arg: ast.expr, value: Value, node: ast.expr) -> str:
    inside = node.lineno <= value.line <= (node.end_lineno or node.lineno)
    shown = f'"{value.text}"' if inside else _clip(arg)
    where = f", line {node.lineno}"
    if not inside:
        where += f', with "{value.text}" of line {value.line}'
    if function in _LOADERS:
        return f"{function}[{shown}]{where}"
    if function.startswith("getattr "):
        return f"getattr({function.removeprefix('getattr ')}, {shown}){where}"
    return f"{function}({shown}){where}"


def _clip(arg: ast.expr) -> str:
    """An argument in one short line."""
    if isinstance(arg, ast.Name):
        return arg.id if len(arg.id) < _SHOWN else "…"
    return "…"


def _find_programs(path: str, use: Use, module: Module, evaluator: Evaluator) -> Iterator[ProgramUse]:
    node = use.node
    if not isinstance(node, ast.Call):
        return
    function = module.dotted(node.func, use.scope)
    if function not in _RUNNERS:
        return
    given: Iterable[ast.expr] = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "args")]
    for arg in given:
        for value in evaluator.values(arg, use.scope):
            program = value.text.split()[0] if value.text.split() else ""
            if _LDCONFIG.fullmatch(program):
                yield ProgramUse(
                    program=program,
                    found_in=path,
                    evidence=f'{function}("{program}"), line {node.lineno}',
                )
