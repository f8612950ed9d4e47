"""Finds libraries and programs that Python sources open by name, from the syntax tree; nothing is executed.

Recognised are ctypes (``CDLL``, ``PyDLL``, ``cdll``, ``pydll``, ``util.find_library``), cffi's
``ffi.dlopen``, helper functions of the same distribution that pass a parameter on to one of these, and
helpers of other distributions with the names ``load_library``, ``load_locate_library``,
``load_ctypes_library`` and ``dlopen``. Code for other systems and tests are left out. A name that the sources
do not spell out gives no result.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Final

from wheelfix.model.base import Struct, replace
from wheelfix.model.hints import CalledName, OpeningKind, SourceCall, SourceEdit, SourceUse
from wheelfix.model.tables import Table, load_table
from wheelfix.pysource.computed import is_computed
from wheelfix.pysource.edits import BY_PATH, Opened, Spot, find_anchor, find_edits
from wheelfix.pysource.program import Library, Program, list_functions
from wheelfix.pysource.reach import Reach
from wheelfix.pysource.scope import Guard, Module, Scope, Use, name_last
from wheelfix.pysource.values import Evaluator, Place, TooComplexError, Value, find_place

MAX_SOURCE: Final = 1 << 19
"""Longest source analysed, in bytes; its syntax tree can take 600 times as much memory."""
MAX_SEARCHED: Final = 16 << 20
"""Longest source that is searched for text that may open a library, in bytes."""

LOADER_HINTS: Final = re.compile(rb"\b(?:CDLL|PyDLL|cdll|pydll)\b")
_HINTS: Final = (b"d_library", b"dlopen", b"load_locate", b"load_ctypes", b"ldconfig", b"getattr(ctypes")
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
_OPENER_NAMES: Final = frozenset({"CDLL", "PyDLL", "cdll", "pydll", "LoadLibrary", "find_library"})
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
_MAX_ROUNDS: Final = 4
_MAX_COMPUTED: Final = 64
"""Calls of one source whose names are asked for at run time; real sources have some."""
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


def add_anchor(use: SourceUse, source: bytes) -> SourceUse:
    """Add the import of a source before which other code can be put."""
    return replace(use, anchor=find_anchor(source, min((call.line for call in use.calls), default=0)))


class Analysis(Struct):
    """What the functions that one source calls open and run.

    Attributes:
        uses: by the file to report it for: the source, or the one that calls its helper.
        asked: names of functions and classes that other modules may give names of libraries to, by module.
        openers: the same for functions that other modules may give a function to that opens libraries.
        given: paths of other modules, to whose functions this one gives a function that opens libraries.
    """

    uses: tuple[SourceUse, ...] = ()
    asked: Mapping[str, frozenset[str]] = {}
    openers: Mapping[str, frozenset[str]] = {}
    given: frozenset[str] = frozenset()


def analyse_source(path: str, source: bytes, library: Library, callers: Iterable[str] = ()) -> Analysis:
    """Find what is opened by the calls of one source; other modules may pass or hold the names.

    Not thread-safe: warnings about the foreign code are silenced for the whole process meanwhile.

    Args:
        path: POSIX path of the member, relative to the root of the wheel.
        source: the file.
        library: the sources of the distribution.
        callers: modules to analyse it with, because they call its helpers.
    """
    if len(source) > MAX_SOURCE:
        return _give_up(path, f"longer than {MAX_SOURCE >> 10} KiB")
    try:
        found = _analyse(path, source, library, tuple(callers))
        if found is None:
            return Analysis()
        if len(found.claims) + len(found.programs) > _MAX_NAMES:
            return _give_up(path, f"more than {_MAX_NAMES} names")
        claims = _add_edits(path, source, library, tuple(callers), found)
        return Analysis(
            uses=_add_computed(_find_uses([*claims, *found.programs], found.program), path, found),
            asked=found.asked,
            openers=found.openers,
            given=found.given,
        )
    except TooComplexError:
        return _give_up(path, "too complex")
    except (ValueError, LookupError, RecursionError, MemoryError, OverflowError):
        return _give_up(path, "nested too deeply")


def _add_computed(uses: tuple[SourceUse, ...], path: str, found: _Found) -> tuple[SourceUse, ...]:
    """Add the calls of a source whose names it does not tell, and whose names no caller tells either."""
    told = {claim.number for claim in found.claims}
    asked = [
        (use, arg)
        for number, use in enumerate(found.module.uses, found.module.first)
        if number not in told
        for _, _, args in _find_sinks(use, found.module, found.evaluator)
        for arg in args
        if not found.evaluator.values(arg, use.scope)
    ]
    lines = {
        use.node.lineno
        for use, arg in asked[:_MAX_COMPUTED]
        if is_computed(arg, use.scope, is_alone=not told)
    }
    return (*uses, SourceUse(path=path, computed=tuple(sorted(lines)))) if lines else uses


def _give_up(path: str, why: str) -> Analysis:
    return Analysis(uses=(SourceUse(path=path, unread=why),))


class _Found(Struct):
    """What one source opens and runs, and what it was analysed with; the rest as in Analysis."""

    module: Module
    program: Program
    evaluator: Evaluator
    claims: Sequence[_Claim] = ()
    programs: Sequence[_Claim] = ()
    asked: Mapping[str, frozenset[str]] = {}
    openers: Mapping[str, frozenset[str]] = {}
    given: frozenset[str] = frozenset()


def _analyse(path: str, source: bytes, library: Library, callers: Iterable[str]) -> _Found | None:
    """Find the libraries and the programs that a source opens and runs; None if it cannot be parsed."""
    tree = library.parse(source)
    if tree is None:
        return None
    program = Program(library)
    module = program.add(path, tree)
    for caller in callers:
        program.load(caller)
    evaluator = Evaluator(program, _KNOWN, library)
    for _ in range(_MAX_ROUNDS):
        known = len(program.uses)
        uses = tuple(enumerate(module.uses, module.first))
        claims = [claim for number, use in uses for claim in _find_claims(number, use, module, evaluator)]
        if len(program.uses) == known:
            break
        evaluator.link()  # the modules that were read meanwhile may pass names on
    programs = [p for number, use in uses for p in _find_programs(number, use, module, evaluator)]
    return _Found(
        module=module,
        program=program,
        evaluator=evaluator,
        claims=[_place(claim, module, program) for claim in _drop_alternatives(claims)],
        programs=[_place(claim, module, program) for claim in programs],
        asked=list_functions(evaluator.asked),
        openers=list_functions(_list_openers(module)),
        given=frozenset(_list_given(module, evaluator)),
    )


def _add_edits(
    path: str, source: bytes, library: Library, callers: Sequence[str], known: _Found
) -> list[_Claim]:
    claims = known.claims

    def analyse(edited: bytes) -> set[Opened]:
        found = _analyse(path, edited, library, callers)
        return _list_opened(found.claims) if found else set()

    spots = [_find_spot(claim) for claim in claims]
    if not any(spots):
        return list(claims)
    reach = Reach(known.module.tree, _find_places(known))
    sure = [spot if spot and reach.is_only_opened(spot.place) else None for spot in spots]
    edits = find_edits(source, sure, _list_opened(claims), analyse)
    return [replace(claim, edit=edit) for claim, edit in zip(claims, edits, strict=True)]


def _find_places(found: _Found) -> set[Place]:
    """Find the places of the calls that would open a path."""
    return {
        find_place(use.node)
        for use in found.module.uses
        if any(kind in BY_PATH for kind, _, _ in _find_sinks(use, found.module, found.evaluator))
    }


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
    mapped = isinstance(claim.use.node, ast.Call) and name_last(claim.use.node.func) == "map"
    inside = call[:2] <= place[:2] and place[2:] <= call[2:] and not mapped
    return Spot(place=call, text="", opened=opened) if inside and claim.function == _FINDER else None


def may_open(path: str, source: bytes) -> bool:
    """Whether parsing a Python source could give any result; as fast as a text search.

    Args:
        path: as for :func:`analyse_source`.
        source: the file.
    """
    if not is_for_linux(path):
        return False
    if any(hint in source for hint in _HINTS):
        return True
    # Looking for bytes is ten times as fast as the pattern.
    return (b"DLL" in source or b"dll" in source) and bool(LOADER_HINTS.search(source))


def is_for_linux(path: str) -> bool:
    """Whether a source is, by its path, meant neither for another system nor for tests."""
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


def _find_sinks(  # noqa: C901 - one case per way of opening
    use: Use, module: Module, evaluator: Evaluator
) -> Iterator[tuple[OpeningKind, str, list[ast.expr]]]:
    """Yield the arguments that name libraries: (kind, function, arguments)."""
    match use.node:
        case ast.Subscript(value=base, slice=index):
            for loader in sorted(_functions(evaluator, base, use) & _LOADERS):
                yield OpeningKind.CTYPES, loader, [index]
        case ast.Call(func=ast.Name(id="map"), args=[func, items]):
            for function in sorted(_functions(evaluator, func, use) & (_OPENERS | {_FINDER})):
                kind = OpeningKind.FIND_LIBRARY if function == _FINDER else OpeningKind.CTYPES
                yield kind, function, [items]
        case ast.Call(func=ast.Name(id="getattr"), args=[base, name, *_]):
            # to ctypes it is the same as cdll[name]
            for loader in sorted(_functions(evaluator, base, use) & _LOADERS):
                yield OpeningKind.CTYPES, loader, [name]
        case ast.Call(func=func, args=args, keywords=keywords):
            named = [k.value for k in keywords if k.arg == "name"]
            if module.find_function(func, use.scope, load=name_last(func) in _HELPERS):
                return
            functions = _functions(evaluator, func, use)
            functions |= set(evaluator.list_base_functions(func, use.scope))
            # A loader cannot be called: if it seems to be, it was replaced by the type that it makes.
            for function in sorted(functions & (_OPENERS | _LOADERS)):
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
    evaluator.load, evaluator.record = name_last(expr) in _OPENER_NAMES, False
    try:
        return {value.text for value in evaluator.values(expr, use.scope) if value.function}
    finally:
        evaluator.load = evaluator.record = True


def _list_given(module: Module, evaluator: Evaluator) -> Iterator[str]:
    """List paths of other modules that are given a function that opens libraries: ``load(CDLL, "x")``."""
    for use in module.uses:
        if not isinstance(use.node, ast.Call):
            continue
        given = [*use.node.args, *(keyword.value for keyword in use.node.keywords)]
        if any(isinstance(one, ast.Name | ast.Attribute) for one in given):
            called = module.find_function(use.node.func, use.scope)
            if not called and any(name_last(one) in _OPENER_NAMES for one in given):
                called = module.find_function(use.node.func, use.scope, load=True)
            if called and called.module is not module:
                functions = {f for one in given for f in _functions(evaluator, one, use)}
                if functions & (_OPENERS | {_FINDER}):
                    yield called.module.path


def _list_openers(module: Module) -> Iterator[Scope]:
    """List functions of a module about ctypes that call a parameter, which may be CDLL."""
    found: set[tuple[Scope, str]] = set()
    if not module.has_ctypes:
        return
    called = [
        (use.node.func, use.scope) for use in module.uses if isinstance(use.node, ast.Call) and use.node.args
    ]
    while called:
        func, scope = called.pop()
        if not isinstance(func, ast.Name):
            continue
        place = scope.find_place(func.id)
        if place and func.id in place.parameters and (place, func.id) not in found:
            found.add((place, func.id))
            yield place
            called += [(b.expr, b.scope) for b in place.bindings[func.id] if b.scope.module is module]


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


def _place(claim: _Claim, module: Module, program: Program) -> _Claim:
    """Keep the place of a constant only if an edit of the source can reach it."""
    caller = claim.value.caller
    reached = caller is None or program.uses[caller].scope.module is module
    if claim.value.path == module.path and reached:
        return claim
    return replace(claim, value=replace(claim.value, place=None))


def _find_uses(claims: Iterable[_Claim], program: Program) -> tuple[SourceUse, ...]:
    """Group the names that one call tries for one of its callers, by the file of the caller."""
    grouped: dict[tuple[int, int | None, OpeningKind], list[_Claim]] = {}
    for claim in claims:
        grouped.setdefault((claim.number, claim.value.caller, claim.kind), []).append(claim)
    groups = sorted(grouped.values(), key=lambda group: group[0].number)
    handles = frozenset[Guard]().union(*(group[0].use.handles for group in groups))
    survived = [_is_survived(group[0], program, handles) for group in groups]
    wanted = {c.name for group, fine in zip(groups, survived, strict=True) if not fine for c in group}
    found: dict[str, dict[SourceCall, bool]] = {}
    for group, fine in zip(groups, survived, strict=True):
        optional = fine and wanted.isdisjoint(claim.name for claim in group)
        told = _tell_caller(group, program)
        call = _make_call(told, alternatives=_are_alternatives(group[0], program))
        # It is equal if several callers pass the same text.
        calls = found.setdefault(told[0].use.scope.module.path, {})
        calls[call] = optional and calls.get(call, True)
    return tuple(
        SourceUse(
            path=path, calls=tuple(replace(call, optional=optional) for call, optional in calls.items())
        )
        for path, calls in found.items()
    )


def _tell_caller(group: list[_Claim], program: Program) -> list[_Claim]:
    """Replace the call of a helper by that of a caller in another module, which is the one to report."""
    number = group[0].value.caller
    caller = None if number is None else program.uses[number]
    if (
        not caller
        or caller.scope.module is group[0].use.scope.module
        or not isinstance(caller.node, ast.Call)
    ):
        return group
    func = caller.node.func
    function = (caller.scope.module.dotted(func, caller.scope) or "").lstrip(".") or name_last(func)
    return [replace(claim, use=caller, function=function, variable="") for claim in group]


def _are_alternatives(claim: _Claim, program: Program) -> bool:
    caller = None if claim.value.caller is None else program.uses[claim.value.caller]
    return claim.use.left or (caller is not None and caller.left)


def _make_call(claims: Sequence[_Claim], *, alternatives: bool) -> SourceCall:
    first, node, path = claims[0], claims[0].use.node, claims[0].use.scope.module.path
    names: dict[str, CalledName] = {}
    for claim in claims:
        line, file = claim.value.line, claim.value.path if claim.value.path != path else ""
        inside = not file and node.lineno <= line <= (node.end_lineno or node.lineno)
        called = CalledName(
            name=claim.name, text=claim.value.text, line=line, inside=inside, edit=claim.edit, file=file
        )
        names.setdefault(claim.name, called)
    return SourceCall(
        kind=first.kind,
        line=node.lineno,
        function=first.function,
        variable=first.variable,
        names=tuple(names.values()),
        optional=False,
        at_import=first.use.scope.parent is None,
        alternatives=alternatives,
    )


def _is_survived(claim: _Claim, program: Program, handles: frozenset[Guard]) -> bool:
    """Whether a failure is caught at the call or by the caller, and nothing is raised afterwards.

    Args:
        claim: claim of the call.
        program: the modules.
        handles: statements with a handler that opens something else, which is a fallback and not survival.
    """
    raised = _RAISED.get(claim.kind, _OS_ERRORS)
    if _is_guarded(claim.use, raised, handles):
        return True
    if claim.value.caller is None:
        return False
    caller = program.uses[claim.value.caller]
    if not isinstance(caller.node, ast.Call):
        return False
    passed_on = caller.scope.module.find_function(caller.node.func, caller.scope) is claim.use.scope
    if claim.use.guards:  # the helper raises something of its own
        own = claim.use.scope.raised
        return passed_on and bool(own) and all(_is_guarded(caller, {name} | _ABOVE, handles) for name in own)
    return passed_on and _is_guarded(caller, raised, handles)


def _is_guarded(use: Use, raised: Set[str], handles: frozenset[Guard]) -> bool:
    catching = [g for g in use.guards - handles if not g.caught or g.caught & raised]
    return bool(catching) and use.scope.last_raise < use.node.lineno


def _find_programs(number: int, use: Use, module: Module, evaluator: Evaluator) -> Iterator[_Claim]:
    node = use.node
    if not isinstance(node, ast.Call):
        return
    function = module.dotted(node.func, use.scope)
    if function not in _RUNNERS:
        return
    evaluator.load = evaluator.record = False
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
