"""Finds libraries and programs that Python sources open by name, from the syntax tree; nothing is executed.

Recognised are ctypes (``CDLL``, ``PyDLL``, ``cdll``, ``pydll``, ``util.find_library``), cffi's
``ffi.dlopen``, helper functions of the same module that pass a parameter on to one of these, and imported
helpers of the names ``load_library``, ``load_locate_library``, ``load_ctypes_library`` and ``dlopen``. Code
for other systems and tests are left out. A name that the source does not spell out gives no result.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from wheelfix.model.base import Struct, replace
from wheelfix.model.hints import CalledName, OpeningKind, SourceCall, SourceEdit, SourceUse
from wheelfix.model.tables import Table, load_table
from wheelfix.pysource.edits import Opened, Spot, find_anchor, find_edits
from wheelfix.pysource.scope import Guard, Module, Use
from wheelfix.pysource.values import Evaluator, TooComplexError, Value, find_place

MAX_SOURCE: Final = 1 << 19
"""Longest source read, in bytes; its syntax tree can take 600 times as much memory."""

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
_FOREIGN_PATH: Final = re.compile(
    r"(?:^|[/_.])(?:darwin|macosx?|osx|cocoa(?:py)?|win(?:32|64|dows)?|nt)(?=[/_.])", re.IGNORECASE
)
_TEST_PATH: Final = re.compile(
    r"(?:^|/)(?:tests?|_?testing|_?examples?|docs?)/|(?:^|/)(?:test_[^/]*|conftest)\.py$"
)
_LDCONFIG: Final = re.compile(r"(?:/[\w/]+/)?ldconfig")
_MAX_VARIABLE: Final = 60
_MAX_NAMES: Final = 8192
"""Names that the calls of one source may open; real sources have some tens."""

# What a failing dlopen raises, and its base classes; helpers of other modules raise an ImportError instead.
_ABOVE: Final = frozenset({"Exception", "BaseException"})
_OS_ERRORS: Final = frozenset({"OSError", "EnvironmentError", "IOError"}) | _ABOVE
_RAISED: Final = {
    OpeningKind.PROGRAM: _OS_ERRORS | {"FileNotFoundError"},
    OpeningKind.FIND_LIBRARY: _OS_ERRORS | {"ImportError"},
}


class ForeignNames(Table):
    """Libraries that exist only on Windows or macOS, for code that checks for neither system."""

    FILE = "foreign.toml"

    names: frozenset[str]


class _Claim(Struct):
    """A use of the module that opens one name, or runs one program.

    Attributes:
        number: number of the use.
        bare: whether the source names a library without its file.
        variable: as in :class:`SourceCall`.
        edit: as in :class:`CalledName`.
    """

    number: int
    use: Use
    kind: OpeningKind
    function: str
    name: str
    bare: bool
    value: Value
    variable: str
    edit: SourceEdit | None = None


def find_python_dlopen(path: str, source: bytes) -> SourceUse:
    r"""Find what a Python source opens by name.

    Not thread-safe: warnings about the foreign code are silenced for the whole process meanwhile.

    Args:
        path: POSIX path of the member, relative to the root of the wheel.
        source: the file.

    Returns:
        No calls for a file that is not Python, is longer than :data:`MAX_SOURCE`, is nested too deeply, or is
        by its path meant for another system or for tests.

    Example:
        >>> (call,) = find_python_dlopen("a.py", b"import ctypes\nctypes.CDLL('libcuda.so.1')").calls
        >>> call.function, call.line, call.names[0].name
        ('ctypes.CDLL', 2, 'libcuda.so.1')
    """
    if len(source) > MAX_SOURCE or not may_open(path, source):
        return SourceUse(path=path)
    try:
        module, claims, programs = _analyse(source)
        if len(claims) + len(programs) > _MAX_NAMES:
            return SourceUse(path=path)
        calls = _find_calls([*_add_edits(source, claims), *programs], module)
        anchor = find_anchor(source, module.tree, min((call.line for call in calls), default=0))
        return SourceUse(path=path, calls=calls, anchor=anchor)
    except (
        SyntaxError,
        ValueError,
        LookupError,
        RecursionError,
        MemoryError,
        OverflowError,
        TooComplexError,
    ):
        return SourceUse(path=path)


def _analyse(source: bytes) -> tuple[Module, list[_Claim], list[_Claim]]:
    """Find the libraries and the programs that a source opens and runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about invalid escapes and the like in foreign code
        tree = ast.parse(source)
    module = Module(tree)
    evaluator = Evaluator(module, _KNOWN)
    uses = tuple(enumerate(module.uses))
    claims = [claim for number, use in uses for claim in _find_claims(number, use, module, evaluator)]
    programs = [p for number, use in uses for p in _find_programs(number, use, module, evaluator)]
    return module, _drop_alternatives(claims), programs


def _add_edits(source: bytes, claims: Sequence[_Claim]) -> list[_Claim]:
    edits = find_edits(
        source,
        [_find_spot(claim) for claim in claims],
        _list_opened(claims),
        lambda s: _list_opened(_analyse(s)[1]),
    )
    return [replace(claim, edit=edit) for claim, edit in zip(claims, edits, strict=True)]


def _list_opened(claims: Iterable[_Claim]) -> set[Opened]:
    return {(claim.kind, claim.name) for claim in claims}


def _find_spot(claim: _Claim) -> Spot | None:
    """Find what of the source an edit may replace: the literal, or the whole call that searches for it."""
    place, opened = claim.value.place, (claim.kind, claim.name)
    if place is None:
        return None
    if claim.kind is not OpeningKind.FIND_LIBRARY:
        return Spot(place=place, text=claim.value.text, opened=opened)
    call = find_place(claim.use.node)
    inside = call[:2] <= place[:2] and place[2:] <= call[2:]
    return Spot(place=call, text="", opened=opened) if inside and claim.function == _FINDER else None


def may_open(path: str, source: bytes) -> bool:
    """Whether parsing a Python source could give any result; as fast as a text search.

    Args:
        path: as for :func:`find_python_dlopen`.
        source: the file.
    """
    # ctypes and cffi take file names only, which are spelled out in the same file.
    if not any(hint in source for hint in _HINTS) and not (
        any(hint in source for hint in _LOADER_HINTS) and b".so" in source
    ):
        return False
    return not _FOREIGN_PATH.search(path) and not _TEST_PATH.search(path)


def _find_claims(number: int, use: Use, module: Module, evaluator: Evaluator) -> Iterator[_Claim]:
    for kind, function, args in _find_sinks(use, module, evaluator):
        for arg in args:
            for value in evaluator.values(arg, use.scope):
                name = _find_soname(value, function, bare=kind is not OpeningKind.CTYPES)
                if name:
                    yield _Claim(
                        number=number,
                        use=use,
                        kind=kind,
                        function=function,
                        name=name,
                        bare=not _FILE.fullmatch(value.text),
                        value=value,
                        variable=_find_variable(arg),
                    )


def _find_sinks(
    use: Use, module: Module, evaluator: Evaluator
) -> Iterator[tuple[OpeningKind, str, list[ast.expr]]]:
    """Yield the arguments that name libraries: (kind, function, arguments)."""
    match use.node:
        case ast.Subscript(value=base, slice=index):
            for loader in sorted(_functions(evaluator, base, use) & _LOADERS):
                yield OpeningKind.CTYPES, loader, [index]
        case ast.Call(func=ast.Name(id="getattr"), args=[base, name, *_]):
            # to ctypes it is the same as cdll[name]
            for loader in sorted(_functions(evaluator, base, use) & _LOADERS):
                yield OpeningKind.CTYPES, loader, [name]
        case ast.Call(func=func, args=args, keywords=keywords):
            named = [k.value for k in keywords if k.arg == "name"]
            if module.find_function(func, use.scope):
                return
            functions = _functions(evaluator, func, use)
            for function in sorted(functions & _OPENERS):
                yield OpeningKind.CTYPES, function, [*args[:1], *named]
            if _FINDER in functions:
                yield OpeningKind.FIND_LIBRARY, _FINDER, [*args[:1], *named]
            if functions:
                return
            if isinstance(func, ast.Attribute) and func.attr == "dlopen":
                yield OpeningKind.CFFI, "ffi.dlopen", [*args, *named]
                return
            full = module.dotted(func, use.scope) or ""
            helper = full.rpartition(".")[2]
            # numpy.ctypeslib.load_library opens files of the wheel itself.
            if helper in _HELPERS and not full.startswith("numpy."):
                kind = OpeningKind.CFFI if helper == "dlopen" else OpeningKind.FIND_LIBRARY
                first = full.endswith(("locate_library", "ctypes_library"))
                yield kind, full.lstrip("."), args[:1] if first else args


def _functions(evaluator: Evaluator, expr: ast.expr, use: Use) -> set[str]:
    return {value.text for value in evaluator.values(expr, use.scope) if value.function}


def _find_soname(value: Value, function: str, *, bare: bool) -> str | None:
    """Return the file name that a value stands for, or None if it is not one for Linux.

    Args:
        value: the value passed.
        function: the function it is passed to.
        bare: whether names without a file are accepted.
    """
    text = value.text
    if value.function:
        return None
    if _FILE.fullmatch(text):
        return None if function == _FINDER else text
    if bare and _BARE.fullmatch(text) and not _FOREIGN.search(text) and not text.isdigit():
        return None if text in load_table(ForeignNames).names else f"lib{text}.so"
    return None


def _drop_alternatives(claims: list[_Claim]) -> list[_Claim]:
    """Drop names without a file if the same statement also gives a file name.

    ``dlopen(ffi, ("cairo-2", "cairo"), ("libcairo.so.2", "libcairo-2.dll"))`` tries one library under its
    names on all systems; the one with ``.so`` is Linux's.
    """
    exact = {claim.value.statement for claim in claims if not claim.bare}
    return [claim for claim in claims if not claim.bare or claim.value.statement not in exact]


def _find_variable(arg: ast.expr) -> str:
    return arg.id if isinstance(arg, ast.Name) and len(arg.id) < _MAX_VARIABLE else ""


def _find_calls(claims: Iterable[_Claim], module: Module) -> tuple[SourceCall, ...]:
    """Group the names that one call tries for one of its callers."""
    grouped: dict[tuple[int, int | None, OpeningKind], list[_Claim]] = {}
    for claim in claims:
        grouped.setdefault((claim.number, claim.value.caller, claim.kind), []).append(claim)
    groups = sorted(grouped.values(), key=lambda group: group[0].number)
    handles = frozenset[Guard]().union(*(group[0].use.handles for group in groups))
    survived = [_is_survived(group[0], module, handles) for group in groups]
    wanted = {c.name for group, fine in zip(groups, survived, strict=True) if not fine for c in group}
    found: dict[SourceCall, bool] = {}
    for group, fine in zip(groups, survived, strict=True):
        optional = fine and wanted.isdisjoint(claim.name for claim in group)
        call = _make_call(group)  # equal if several callers pass the same text
        found[call] = optional and found.get(call, True)
    return tuple(replace(call, optional=optional) for call, optional in found.items())


def _make_call(claims: Sequence[_Claim]) -> SourceCall:
    first, node = claims[0], claims[0].use.node
    names: dict[str, CalledName] = {}
    for claim in claims:
        line = claim.value.line
        inside = node.lineno <= line <= (node.end_lineno or node.lineno)
        called = CalledName(name=claim.name, text=claim.value.text, line=line, inside=inside, edit=claim.edit)
        names.setdefault(claim.name, called)
    return SourceCall(
        kind=first.kind,
        line=node.lineno,
        function=first.function,
        variable=first.variable,
        names=tuple(names.values()),
        optional=False,
        at_import=first.use.scope.parent is None,
    )


def _is_survived(claim: _Claim, module: Module, handles: frozenset[Guard]) -> bool:
    """Whether a failure is caught at the call or by the caller, and nothing is raised afterwards.

    Args:
        claim: claim of the call.
        module: module of the call.
        handles: statements with a handler that opens something else, which is a fallback and not survival.
    """
    raised = _RAISED.get(claim.kind, _OS_ERRORS)
    if _is_guarded(claim.use, raised, handles):
        return True
    if claim.value.caller is None or claim.use.guards:
        return False
    caller = module.uses[claim.value.caller]
    if not isinstance(caller.node, ast.Call):
        return False
    passed_on = module.find_function(caller.node.func, caller.scope) is claim.use.scope
    return passed_on and _is_guarded(caller, raised, handles)


def _is_guarded(use: Use, raised: frozenset[str], handles: frozenset[Guard]) -> bool:
    catching = [g for g in use.guards - handles if not g.caught or g.caught & raised]
    return bool(catching) and use.scope.last_raise < use.node.lineno


def _find_programs(number: int, use: Use, module: Module, evaluator: Evaluator) -> Iterator[_Claim]:
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
                yield _Claim(
                    number=number,
                    use=use,
                    kind=OpeningKind.PROGRAM,
                    function=function,
                    name=program,
                    bare=False,
                    value=value,
                    variable=_find_variable(arg),
                )
