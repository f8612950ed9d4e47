"""Finds what a package says itself when it does not find a library or a program; nothing is executed.

Most packages catch the loader's error, and raise one of their own: "Could not find the GDAL library". A text
is taken for such a sentence for one of two reasons:

- it says that something is absent, and names what the package opens or runs, wherever it stands;
- it is raised or logged where something is opened or run: in that function, in one that calls it, or as the
  message of an exception class that is raised there.

Parts of a text that are not constant are holes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from wheelfix.model.base import Struct, replace
from wheelfix.model.hints import OpeningKind, SourceCall, SourceUse
from wheelfix.model.tables import Table, load_table
from wheelfix.model.words import OwnWords, Sentence
from wheelfix.pysource.opens import MAX_SOURCE, is_for_linux, may_open
from wheelfix.pysource.program import parse_source
from wheelfix.pysource.scope import name_last

ABSENT: Final = re.compile(
    r"not\s+(?:be\s+)?(?:found|installed|available|loaded|located|imported|present|in\s+(?:your\s+)?\$?PATH)"
    r"|not\s+(?:find|load|locate|import|detect|seem)|n't\s+(?:be\s+)?(?:find|found|load|locate|import|open)"
    r"|cannot\s+(?:be\s+)?(?:find|found|load|locate|import|open)|unable\s+to\s+(?:find|load|locate|import|open)"
    r"|(?:fail(?:ed|ure)?|error)\s+(?:to\s+|in\s+|while\s+)?(?:find|load|locat|import|open|dlopen)"
    r"|(?:must|need|needs|has|have|please|to)\s+(?:be\s+|to\s+|first\s+){0,3}install|not\s+\w+\s+installed"
    r"|(?:is|are|was|were)\s+(?:missing|required|unavailable|absent)|missing\s+\w+|requires?\s+\w+"
    r"|does(?:n't|\s+not)\s+exist|isn't\s+(?:installed|available)|no\s+(?:[\w-]+\s+){1,3}(?:found|available|installed)"
    r"|is\s+\w+\s+installed\?|in\s+(?:your\s+)?\$?PATH\b|undefined\s+symbol|no\s+such",
    re.IGNORECASE,
)
"""What a text has that says that something is not there."""

_THING: Final = re.compile(
    r"\b(?:librar(?:y|ies)|lib\w*|shared|dll|backend|driver|program|executable|binar(?:y|ies)|command|tool"
    r"|installed|install|PATH|runtime|engine|dependency|package)\b",
    re.IGNORECASE,
)
_HINT: Final = re.compile(
    rb"\b(?:subprocess|os\.system|popen|Popen|shutil\.which|import\s+which|find_executable|pexpect)\b"
)
_ERROR: Final = re.compile(
    rb"^[ \t]*class\s+\w+\([^)\n]*(?:Error|Exception|Warning|NotFound)\)", re.MULTILINE
)
_TOLD: Final = re.compile(rb"nstall|ot found|PATH|annot|nable to|ailed to|ould not|issing")
_RUNNERS: Final = frozenset(
    {"run", "call", "check_call", "check_output", "Popen", "getoutput", "getstatusoutput", "system", "popen"}
    | {"which", "find_executable", "create_subprocess_exec", "spawn", "execvp", "execlp"}
)
_OPENERS: Final = frozenset(
    {"CDLL", "PyDLL", "LoadLibrary", "find_library", "dlopen", "load_library", "cdll_loadlibrary"}
)
_SPEAKERS: Final = frozenset(
    {"warn", "warning", "error", "critical", "exception", "fatal", "exit", "print", "fail", "info", "debug"}
    | {"echo", "log", "die", "abort", "format"}
)
_OTHER: Final = re.compile(
    r"\b(?:options?|propert(?:y|ies)|attributes?|arguments?|parameters?|keywords?|columns?|tables?|user|role"
    r"|fields?|keys?|methods?|functions?|files?|director(?:y|ies)|models?|devices?|fonts?|cod(?:ec|er)s?"
    r"|(?:en|de)coders?|versions?|formats?|plugins?|symbols?|elements?|nodes?|values?|objects?|classes)\b",
    re.IGNORECASE,
)
"""What else a sentence may miss, if it does not speak of a library or a program."""
_ELSEWHERE: Final = re.compile(
    r"\.(?:dll|dylib|exe|framework)\b|\bDLLs?\b|framework|\bwindows\b|\bmac ?os\b"
    r"|\bor (?:later|higher|newer|above)\b"
    r"|\bdeprecated\b|[<>]=? ?\d|^(?:usage|example|note):|^[@:]\w+|>>>",
    re.IGNORECASE,
)
"""What shows that a sentence is for another system, or about a version."""
_RAISED: Final = re.compile(r"(?:Error|Exception|Warning|NotFound)$")
_LIBC: Final = re.compile(r"^lib(?:c|m|dl|rt|pthread|util|resolv|python3?)(?:\.so|[.\d]|$)|^ld-")
_MODULES: Final = frozenset(
    {
        "subprocess",
        "sp",
        "os",
        "asyncio",
        "shutil",
        "spawn",
        "distutils",
        "pexpect",
        "commands",
        "sh",
        "_subprocess",
    }
)
_PROGRAM: Final = re.compile(r"(?:/(?:usr/)?(?:local/)?s?bin/)?([A-Za-z][\w+-]*(?:\.[\w+-]+)*)", re.ASCII)
_FOREIGN: Final = re.compile(r"\.(?:exe|bat|cmd|ps1|app|com|dll|dylib|py)$", re.IGNORECASE)
_WORD: Final = re.compile(r"[A-Za-z][\w+-]*", re.ASCII)
_TAIL: Final = re.compile(r"[-_.]?\d[\d._-]*$")
_HOLE: Final = "\0"
_MAX_TEXT: Final = 2000
_MAX_DEPTH: Final = 12
_MAX_VALUES: Final = 8
_MAX_SAME: Final = 16
_MAX_STEPS: Final = 300_000
"""Expressions looked at to make the texts of one source; real ones need some thousands."""
_MAX_READ: Final = 48 << 20
"""Bytes of sources parsed for one distribution."""
_MAX_SENTENCES: Final = 200
_MIN_LETTERS: Final = 8
_MAX_NAME: Final = 40
_MAX_WORD: Final = 80
_MAX_STEMS: Final = 40
_MAX_CACHED: Final = 4096
"""Words whose forms are remembered; those of a log repeat."""
_MAX_WRITTEN: Final = 140
_MIN_STRONG: Final = 12
"""Letters that a sentence has at least that is recognised in any text."""


class CommonPrograms(Table):
    """Programs that every system has, and names that say nothing in a sentence.

    Attributes:
        everywhere: names of programs.
        words: names of programs and libraries, in lower case, that are words of sentences about anything.
    """

    FILE = "programs.toml"

    everywhere: frozenset[str]
    words: frozenset[str]


class _Text(Struct, kw_only=False):
    """A text in a source: its template, with ``_HOLE`` for each hole, and what is known of the holes."""

    template: str
    known: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class _Function:
    """A function, or the module itself: what it opens, runs, calls and says.

    Attributes:
        first, last: its lines, from 1.
        texts: what it raises or writes.
        raised: last names of exception classes that it raises.
        opens: whether it opens a library whose name the analysis of openings may know elsewhere.
    """

    name: str
    first: int
    last: int
    calls: set[str] = field(default_factory=set)
    texts: list[_Text] = field(default_factory=list)
    raised: set[str] = field(default_factory=set)
    programs: set[str] = field(default_factory=set)
    libraries: set[str] = field(default_factory=set)
    opens: bool = False
    values: dict[str, list[ast.expr]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Source:
    """What was collected of one source.

    Attributes:
        texts: all texts in it.
        messages: those that are fixed in an exception class, by its name.
        words: constants that may be names of programs.
        runs: whether it runs programs, also such whose names are made elsewhere.
        named: the functions, by name.
    """

    functions: list[_Function] = field(default_factory=list)
    texts: list[_Text] = field(default_factory=list)
    messages: dict[str, list[_Text]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    runs: bool = False
    named: dict[str, list[_Function]] = field(default_factory=dict)


def find_own_words(
    paths: Iterable[str],
    read: Callable[[str], bytes | None],
    uses: Iterable[SourceUse],
    is_program: Callable[[str], bool] = lambda _: True,
) -> OwnWords:
    """Find what a distribution opens and runs, and what it says when that is not there.

    Args:
        paths: its Python sources.
        read: reads a source; None if it cannot be read.
        uses: what the sources open by name, from :func:`wheelfix.pysource.sources.find_in_sources`.
        is_program: whether there is a program of a name; what is not found at a call that runs it, but in a
            sentence alone, may be any word.
    """
    uses = tuple(uses)
    opened: dict[str, list[tuple[int, str]]] = {}
    for use in uses:
        for call in use.calls:
            opened.setdefault(use.path, []).extend((call.line, name) for name in _list_names(call))
    stems = _match_stems(name for pairs in opened.values() for _, name in pairs)
    sources: list[_Source] = []
    raising: list[_Source] = []
    left = _MAX_READ
    for path in paths:
        source = read(path) if is_for_linux(path) else None
        if not source or len(source) > min(left, MAX_SOURCE):
            continue
        acting = path in opened or may_open(path, source) or _HINT.search(source)
        acting = acting or (stems.search(source) and _TOLD.search(source))
        if acting or (_ERROR.search(source) and _TOLD.search(source)):
            left -= len(source)
            found = _read_source(source, opened.get(path, ()))
            (sources if acting else raising).append(found)
    # Of a module that opens and runs nothing, only the messages of its exceptions count: others raise them.
    sources += (_Source(messages=one.messages) for one in raising if sources)
    return _conclude(sources, uses, is_program)


def _match_stems(libraries: Iterable[str]) -> re.Pattern[bytes]:
    """Make an expression that finds sources which name one of the first libraries."""
    forms = {form for name in libraries for form in _list_forms(name.partition(".so")[0])}
    words = sorted(form for form in forms if len(form) > 3)[:_MAX_STEMS]
    return re.compile(rb"\b(?:" + "|".join(map(re.escape, words or ["\0"])).encode() + rb")", re.IGNORECASE)


def _read_source(source: bytes, opened: Iterable[tuple[int, str]]) -> _Source:
    tree = parse_source(source)
    try:
        return _Reader(tree, opened).source if tree else _Source()
    except RecursionError:
        return _Source()


def _find_named_programs(sources: Iterable[_Source]) -> set[str]:
    """Find constants of sources that run programs, which a sentence about something absent names."""
    running = [one for one in sources if one.runs]
    said: set[str] = set()
    for text in (text for one in running for text in one.texts):
        whole = text.template.replace(_HOLE, " ")
        if _THING.search(whole) and is_absent(whole):
            said.update(word.lower() for word in (*_WORD.findall(whole), *text.known))
    common = load_table(CommonPrograms).words
    return {word for one in running for word in one.words if word in said and word not in common}


def _list_names(call: SourceCall) -> Iterator[str]:
    """List the libraries that a call opens, without those of libc, which are always there."""
    if call.kind is not OpeningKind.PROGRAM:
        names = (name.name.rpartition("/")[2] for name in call.names)
        yield from (name for name in names if not _LIBC.search(name))


def _conclude(
    sources: Sequence[_Source], uses: Iterable[SourceUse], is_program: Callable[[str], bool]
) -> OwnWords:
    calls = [call for use in uses for call in use.calls]
    libraries = {name for call in calls for name in _list_names(call)}
    needed = {name for call in calls if not call.optional for name in _list_names(call)}
    programs = {name for one in sources for function in one.functions for name in function.programs}
    programs |= set(filter(is_program, _find_named_programs(sources)))
    names = Names(libraries, programs, [tuple(_list_names(call)) for call in calls])
    messages: dict[str, list[_Text]] = {}
    for one in sources:
        for name, texts in one.messages.items():
            messages.setdefault(name, []).extend(texts)
    found: dict[Sentence, None] = {}
    for one in sources:
        for text in (*one.texts, *(t for texts in one.messages.values() for t in texts)):
            found |= dict.fromkeys(_find_anywhere(text, names))
        for function in one.functions:
            found |= dict.fromkeys(_find_near(function, one, messages, names, bool(libraries)))
    return OwnWords(
        libraries=tuple(sorted(libraries)),
        optional=tuple(sorted(libraries - needed)),
        programs=tuple(sorted(programs)),
        sentences=_reduce(found, names),
    )


def _is_weak(sentence: Sentence, names: Names) -> bool:
    """Whether a sentence has too few words of its own to be recognised in any text."""
    text = sentence.text.replace("{}", _HOLE)
    words = _WORD.findall(text)
    letters = sum(map(len, words))
    if not is_absent(text.replace(_HOLE, " ")) or letters < _MIN_STRONG:
        return True
    if sentence.filled:
        return len(words) < 7 or not _THING.search(text)
    libraries, programs = names.find((text,))
    if libraries:
        return len(words) < 3  # "libfoo missing" is nobody's own
    if programs:  # many packages run the same, and say it in the same few words
        return len(words) < (5 if max(map(len, programs)) < 8 else 3)
    return not _THING.search(text) or len(words) < 7 or letters < 2 * _MIN_STRONG


def _reduce(found: Iterable[Sentence], names: Names) -> tuple[Sentence, ...]:
    """Keep one sentence of each text: what it says is known best where it names the fewest."""
    best: dict[str, Sentence] = {}
    for one in found:
        known = best.setdefault(one.text, one)
        size = (one.filled, len(one.libraries) + len(one.programs))
        if size < (known.filled, len(known.libraries) + len(known.programs)):
            best[one.text] = one
    return tuple(
        replace(best[text], weak=_is_weak(best[text], names)) for text in sorted(best)[:_MAX_SENTENCES]
    )


def _find_anywhere(text: _Text, names: Names) -> Iterator[Sentence]:
    """Find the line of a text that says that something is absent that it names."""
    line = _choose_line(text, names) if is_absent(text.template.replace(_HOLE, " ")) else None
    if line is None:
        return
    libraries, programs = names.find((line, *text.known))
    if libraries or programs:
        yield Sentence(text=_write(line), libraries=libraries, programs=programs)


def _find_near(
    function: _Function,
    source: _Source,
    messages: Mapping[str, list[_Text]],
    names: Names,
    any_library: bool,
) -> Iterator[Sentence]:
    """Find the sentences of a function that opens or runs something, itself or by one that it calls."""
    called = [f for name in sorted(function.calls) for f in source.named.get(name, ())]
    near = [function, *(f for f in called if f.libraries or f.programs or f.opens)]
    libraries = tuple(sorted({name for one in near for name in one.libraries}))
    programs = tuple(sorted({name for one in near for name in one.programs}))
    opens = any_library and any(one.opens for one in near)
    if not (libraries or programs or opens):
        return
    texts = [*function.texts, *(t for name in sorted(function.raised) for t in messages.get(name, ()))]
    for text in texts:
        whole = text.template.replace(_HOLE, " ")
        line = _choose_line(text, names) if is_absent(whole) else None
        if line is None:
            continue
        named = names.find((line, *text.known))
        if any(named):
            yield Sentence(text=_write(line), libraries=named[0], programs=named[1])
        elif not _THING.search(whole) and _HOLE not in text.template:
            continue  # "file not found": most likely about what the function was given
        elif libraries and (len(libraries) <= _MAX_VALUES or _HOLE not in line):
            yield Sentence(text=_write(line), libraries=libraries)
        elif programs and not opens and _THING.search(whole):
            yield Sentence(text=_write(line), programs=programs)
        elif opens and _HOLE in line:
            yield Sentence(text=_write(line), filled=True)


def is_absent(text: str) -> bool:
    """Whether a text says that a library or a program, as far as its words tell, is not there."""
    if not ABSENT.search(text) or _ELSEWHERE.search(text):
        return False
    return bool(_THING.search(text)) or not _OTHER.search(text)


def _choose_line(text: _Text, names: Names) -> str | None:
    """Choose the line of a text by which it is recognised; None if every line is too short."""
    best: tuple[tuple[bool, bool, bool], str] | None = None
    for raw in text.template[:_MAX_TEXT].split("\n"):
        line = " ".join(raw.split())
        letters = sum(map(str.isalpha, line))
        if letters < _MIN_LETTERS:
            continue
        score = (bool(ABSENT.search(line)), any(names.find((line,))), letters >= _MIN_STRONG)
        if best is None or score > best[0]:
            best = score, line
    return best[1] if best else None


def _write(line: str) -> str:
    """Write a template with ``{}`` for its holes; holes and signs alone at its ends tell nothing."""
    text = "".join(sign if sign.isprintable() else _HOLE for sign in _RAW.sub(_HOLE, line))
    parts = [part for part in text.split(_HOLE) if part]
    while len(parts) > 1 and not any(map(str.isalnum, parts[0])):
        parts.pop(0)
    while len(parts) > 1 and not any(map(str.isalnum, parts[-1])):
        parts.pop()
    written = "{}".join(parts).strip()
    # Messages are wrapped, and cut off: the beginning of a long one is enough.
    return (
        written if len(written) <= _MAX_WRITTEN else written[:_MAX_WRITTEN].rpartition(" ")[0].rstrip("{} ")
    )


class Names:
    """Recognises names of libraries and programs in sentences.

    Args:
        libraries: names as openings have them.
        programs: names.
        alternatives: libraries that are tried one for another: who names one means all of them.
    """

    def __init__(
        self,
        libraries: Iterable[str],
        programs: Iterable[str],
        alternatives: Iterable[Sequence[str]] = (),
    ) -> None:
        self._same: dict[str, set[str]] = {}
        for group in alternatives:
            if len(group) <= _MAX_SAME:
                for library in group:
                    self._same.setdefault(library, set()).update(group)
        self._libraries: dict[str, set[str]] = {}
        self._programs: dict[str, set[str]] = {}
        for library in libraries:
            stem = library.rpartition("/")[2].partition(".so")[0]
            for form in _list_forms(stem):
                self._libraries.setdefault(form, set()).add(library)
        for program in programs:
            for form in _list_plain_forms(program):
                if len(form) > 1 and form not in load_table(CommonPrograms).words:
                    self._programs.setdefault(form, set()).add(program)

    def find(self, texts: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Find the libraries and the programs that texts name, each sorted."""
        found = {word for text in texts for word in _WORD.findall(text.replace(_HOLE, " "))}
        words = [word for word in found if len(word) <= _MAX_WORD]
        forms = {form for word in words for form in _list_forms(word)}
        libraries = {name for form in forms for name in self._libraries.get(form, ())}
        libraries |= {other for name in libraries for other in self._same.get(name, ())}
        plain = {form for word in words for form in _list_plain_forms(word)}
        programs = {name for form in plain for name in self._programs.get(form, ())}
        return tuple(sorted(libraries)), tuple(sorted(programs))


@lru_cache(_MAX_CACHED)
def _list_plain_forms(name: str) -> frozenset[str]:
    """List the forms by which the name of a program is recognised in a sentence."""
    return frozenset({name.lower(), _TAIL.sub("", name.lower())})


@lru_cache(_MAX_CACHED)
def _list_forms(stem: str) -> frozenset[str]:
    """List the forms by which the name of a library is recognised in a sentence.

    Example:
        >>> sorted(_list_forms("libglfw3")), sorted(_list_forms("GL"))
        (['glfw', 'glfw3'], ['GL'])
    """
    bare = stem.removeprefix("lib") or stem
    if len(bare) < 3:  # "GL" and "libpq" are names, "gl" and "pq" may be anything
        spelled = bare if not bare.islower() else stem.lower()
        return frozenset({spelled} if bare != stem or not bare.islower() else ())
    lower = bare.lower()
    forms = {lower, _TAIL.sub("", lower), lower.replace("-", ""), lower.replace("_", "-")}
    common = load_table(CommonPrograms).words
    return frozenset(form for form in forms if len(form) > 2 and form not in common)


class _Reader(ast.NodeVisitor):
    """Collects what one source opens, runs and says."""

    def __init__(self, tree: ast.Module, opened: Iterable[tuple[int, str]]) -> None:
        self.source = _Source()
        self._classes: list[dict[str, list[ast.expr]]] = []
        self._in_class = 0
        self._steps = _MAX_STEPS
        top = _Function("", 0, 1 << 30)
        self.source.functions.append(top)
        self._stack = [top]
        self._bind_ahead(tree)
        self.visit(tree)
        wanted: dict[int, set[str]] = {}
        for line, name in opened:
            wanted.setdefault(line, set()).add(name)
        owners = dict.fromkeys(wanted, top)
        for function in self.source.functions if wanted else ():  # an inner one comes behind those around it
            for line in range(function.first, min(function.last, max(wanted)) + 1):
                if line in owners:
                    owners[line] = function
        for line, names in wanted.items():
            owners[line].libraries |= names

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant | ast.JoinedStr):  # a docstring
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        inner = _Function(node.name, node.lineno, node.end_lineno or node.lineno)
        args = node.args
        positional = [*args.posonlyargs, *args.args]
        pairs = [
            *zip(positional[len(positional) - len(args.defaults) :], args.defaults, strict=True),
            *((a, d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True) if d),
        ]
        for arg, default in pairs:
            inner.values.setdefault(arg.arg, []).append(default)
        self.source.functions.append(inner)
        same = self.source.named.setdefault(node.name, [])
        if len(same) < _MAX_SAME:
            same.append(inner)
        self._stack.append(inner)
        for statement in node.body:
            self.visit(statement)
        self._stack.pop()

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name is given by ast

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        outer, self._in_class = self._in_class, len(self._stack)
        self._classes.append({})
        self._bind_ahead(node)
        for statement in node.body:
            self.visit(statement)
        if any(map(_RAISED.search, map(name_last, node.bases))):
            self._read_message(node)
        self._classes.pop()
        self._in_class = outer

    def _read_message(self, node: ast.ClassDef) -> None:
        """Note the messages that are fixed in an exception class."""
        texts = self.source.messages.setdefault(node.name, [])
        for inner in ast.walk(node):
            match inner:
                case ast.Call(func=ast.Attribute(attr="__init__"), args=args):
                    given = args
                case ast.Return(value=ast.expr() as value):
                    given = [value]
                case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                    given = [value]
                case ast.arguments(defaults=given):
                    pass
                case _:
                    continue
            if len(texts) < _MAX_SAME:
                texts += [text for one in given for text in self._texts(one)]

    def _bind_ahead(self, node: ast.AST) -> None:
        """Bind what a module or a class assigns, as its functions run later than all of it."""
        for inner in _walk_statements(node):
            if isinstance(inner, ast.Assign):
                for target in inner.targets:
                    self._bind(target, inner.value)
            elif isinstance(inner, ast.AnnAssign) and inner.value:
                self._bind(inner.target, inner.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._bind(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value:
            self._bind(node.target, node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        if isinstance(node.iter, ast.Tuple | ast.List):
            for item in node.iter.elts[:_MAX_VALUES]:
                self._bind(node.target, item)
        else:
            self._bind(node.target, node.iter)
        self.generic_visit(node)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                in_class = self._classes and self._in_class == len(self._stack)
                place = self._classes[-1] if in_class else self._stack[-1].values
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name) if self._classes:
                place = self._classes[-1]
            case _:
                return
        known = place.setdefault(name, [])
        if len(known) < _MAX_VALUES and not any(value is one for one in known):
            known.append(value)

    def visit_Raise(self, node: ast.Raise) -> None:
        function = self._stack[-1]
        match node.exc:
            case ast.Call(func=func, args=args, keywords=keywords):
                function.raised.add(name_last(func))
                for arg in (*args, *(k.value for k in keywords)):
                    function.texts += self._texts(arg)
            case ast.Name() | ast.Attribute() as name:
                function.raised.add(name_last(name))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function, last = self._stack[-1], name_last(node.func)
        function.calls.add(last)
        if last in _OPENERS:
            function.opens = True
        if last in _RUNNERS and (isinstance(node.func, ast.Name) or _find_base(node.func) in _MODULES):
            self.source.runs = True
            given = [*node.args[:2], *(k.value for k in node.keywords if k.arg in {"args", "cmd", "path"})]
            for arg in given[: 1 if last in {"which", "run", "Popen", "call"} else 2]:
                function.programs |= self._find_programs(arg)
        if last in _SPEAKERS:
            for arg in node.args:
                function.texts += self._texts(arg)
        self.generic_visit(node)

    def _find_programs(self, arg: ast.expr) -> set[str]:
        found = set()
        for text in self._first_texts(arg, _MAX_DEPTH):
            words = text.split()
            match = _PROGRAM.fullmatch(words[0]) if words else None
            if (
                match
                and match[1].lower() not in load_table(CommonPrograms).everywhere
                and not _FOREIGN.search(match[1])
            ):
                found.add(match[1])
        return found

    def _first_texts(self, expr: ast.expr, depth: int) -> Iterator[str]:
        """Yield the constant texts that the first word of a command may be."""
        self._steps -= 1
        if depth <= 0 or self._steps < 0:
            return
        match expr:
            case ast.List(elts=[first, *rest]) | ast.Tuple(elts=[first, *rest]):
                if rest and isinstance(first, ast.Constant) and first.value in {"which", "where", "command"}:
                    first = rest[-1]
                yield from self._first_texts(first, depth - 1)
            case ast.BinOp(left=left, op=ast.Add() | ast.Mod()):
                yield from self._first_texts(left, depth - 1)
            case ast.JoinedStr(values=[first, *_]):
                yield from self._first_texts(first, depth - 1)
            case ast.Call(func=ast.Attribute(value=base, attr="format" | "split" | "strip")):
                yield from self._first_texts(base, depth - 1)
            case ast.Call(func=func, args=[first, *rest]):
                last = name_last(func)
                if last in {"getenv", "get"}:
                    for one in rest:
                        yield from self._first_texts(one, depth - 1)
                elif last in {"which", "find_executable", "str", "list", "split", "quote", "Path"} or (
                    isinstance(first, ast.Constant) and depth < _MAX_DEPTH  # [find_command("pdftoppm"), ...]
                ):
                    yield from self._first_texts(first, depth - 1)
            case _:
                yield from self._constants(expr, depth)

    def _constants(self, expr: ast.expr, depth: int) -> Iterator[str]:
        match expr:
            case ast.Constant(value=str(text)):
                yield text
            case ast.BoolOp(values=items):
                for item in items:
                    yield from self._first_texts(item, depth - 1)
            case ast.IfExp(body=one, orelse=other):
                yield from self._first_texts(one, depth - 1)
                yield from self._first_texts(other, depth - 1)
            case ast.FormattedValue(value=inner) | ast.Starred(value=inner):
                yield from self._first_texts(inner, depth - 1)
            case ast.Name() | ast.Attribute(value=ast.Name(id="self" | "cls")):
                for value in self._lookup(expr)[:_MAX_VALUES]:
                    if value is not expr:
                        yield from self._first_texts(value, depth // 2)

    def _lookup(self, expr: ast.Name | ast.Attribute) -> list[ast.expr]:
        if isinstance(expr, ast.Attribute):
            return self._classes[-1].get(expr.attr, []) if self._classes else []
        for function in reversed(self._stack):
            if expr.id in function.values:
                return function.values[expr.id]
        return self._classes[-1].get(expr.id, []) if self._classes else []

    def visit_Constant(self, node: ast.Constant) -> None:
        if not isinstance(node.value, str):
            return
        if len(node.value) > _MIN_LETTERS:
            self.source.texts += self._texts(node)
        if 2 < len(node.value) < _MAX_NAME and _is_program(node.value):
            self.source.words.add(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self.source.texts += self._texts(node)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if isinstance(node.op, ast.Add | ast.Mod):
            texts = list(self._texts(node))
            self.source.texts += texts
            if texts:
                return
        self.generic_visit(node)

    def _texts(self, expr: ast.expr) -> Iterator[_Text]:
        """Yield the texts that an expression may be, those without words left out."""
        for text in self._compose(expr, _MAX_DEPTH):
            if any(map(str.isalpha, text.template)):
                yield text

    def _compose(self, expr: ast.expr, depth: int) -> list[_Text]:  # noqa: C901 - one case per form
        self._steps -= 1
        if depth <= 0 or self._steps < 0:
            return []
        match expr:
            case ast.Constant(value=str(text)):
                return [_Text(text[:_MAX_TEXT].replace(_HOLE, " "))]
            case ast.JoinedStr(values=values):
                return [self._join(values, depth)]
            case ast.BinOp(op=ast.Add()):
                sides = _flatten(expr)
                parts = [self._compose(side, depth - 1)[:1] for side in sides]
                if not any(parts):
                    return []
                texts = [p[0] if p else self._hole(s) for p, s in zip(parts, sides, strict=True)]
                return [_concatenate(texts)]
            case ast.BinOp(left=left, op=ast.Mod(), right=right):
                given = right.elts if isinstance(right, ast.Tuple) else [right]
                return [self._fill(t, _PERCENT, given) for t in self._compose(left, depth - 1)]
            case ast.Call(func=ast.Attribute(value=base, attr="format"), args=args, keywords=keywords):
                given = [*args, *(k.value for k in keywords)]
                return [self._fill(t, _BRACES, given) for t in self._compose(base, depth - 1)]
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(glue)), attr="join"), args=[inner]):
                if isinstance(inner, ast.List | ast.Tuple):
                    parts = [self._compose(one, depth - 1)[:1] for one in inner.elts]
                    texts = [p[0] if p else self._hole(s) for p, s in zip(parts, inner.elts, strict=True)]
                    return [_concatenate([x for t in texts for x in (t, _Text(glue))])]
                return []
            case ast.Call(func=ast.Attribute(value=base, attr="strip" | "rstrip" | "lstrip"), args=[]):
                return self._compose(base, depth - 1)
            case ast.Call(func=func, args=[inner]) if name_last(func) in _SAME_TEXT:
                return self._compose(inner, depth - 1)
            case ast.IfExp(body=one, orelse=other):
                return [*self._compose(one, depth - 1), *self._compose(other, depth - 1)]
            case ast.Name() | ast.Attribute(value=ast.Name(id="self" | "cls")):
                values = [v for v in self._lookup(expr) if v is not expr]
                return [t for v in values[:4] for t in self._compose(v, depth // 2)]
        return []

    def _join(self, values: Sequence[ast.expr], depth: int) -> _Text:
        return _concatenate(
            [
                self._hole(value.value) if isinstance(value, ast.FormattedValue) else _Text(str(value.value))
                for value in values
                if isinstance(value, ast.FormattedValue | ast.Constant)
            ]
        )

    def _fill(self, text: _Text, pattern: re.Pattern[str], given: Iterable[ast.expr]) -> _Text:
        template = pattern.sub(lambda m: m[0][0] if m[0] in {"%%", "{{", "}}"} else _HOLE, text.template)
        known = [k for one in given for k in self._hole(one).known]
        return _Text(template, (*text.known, *known))

    def _hole(self, expr: ast.expr) -> _Text:
        """Return a hole, with the constants that it may be filled with."""
        known = dict.fromkeys(self._first_texts(expr, _MAX_DEPTH // 2))
        return _Text(_HOLE, tuple(known)[:_MAX_VALUES])


_SAME_TEXT: Final = frozenset({"dedent", "_", "gettext", "cleandoc"})
_RAW: Final = re.compile(r"%(?:\(\w+\))?[sdrxif]\b|\{\w*(?:\.\w+)?(?:![rsa])?(?::[^{}\s]*)?\}")
"""A placeholder that is filled elsewhere."""
_PERCENT: Final = re.compile(r"%%|%(?:\(\w+\))?[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]")
_BRACES: Final = re.compile(r"\{\{|\}\}|\{[^{}]*\}")


def _walk_statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements of a module or a class, without those of functions and classes in it."""
    left = [node]
    while left:
        outer = left.pop()
        for part in ("body", "orelse", "finalbody", "handlers"):
            inner = getattr(outer, part, None)
            if isinstance(inner, list):
                yield from inner
                left += (
                    one for one in inner if isinstance(one, ast.If | ast.Try | ast.With | ast.ExceptHandler)
                )


def _is_program(text: str) -> bool:
    """Whether a text can be the name of a program that not every system has."""
    match = _PROGRAM.fullmatch(text)
    return bool(
        match
        and match[1].lower() not in load_table(CommonPrograms).everywhere
        and not _FOREIGN.search(match[1])
    )


def _find_base(func: ast.expr) -> str:
    return name_last(func.value) if isinstance(func, ast.Attribute) else ""


def _flatten(expr: ast.expr) -> list[ast.expr]:
    """List the operands of a sum, first one first."""
    found = []
    while isinstance(expr, ast.BinOp) and isinstance(expr.op, ast.Add):
        found.append(expr.right)
        expr = expr.left
    return [expr, *reversed(found)]


def _concatenate(texts: Sequence[_Text]) -> _Text:
    return _Text(
        "".join(text.template for text in texts)[:_MAX_TEXT], tuple(k for text in texts for k in text.known)
    )
