"""Knows the modules of one distribution, and reads those that the analysis of one source needs.

An analysis starts with one source, its root. A module that the root imports is read when an expression that
names a library depends on it, and the modules that :mod:`wheelfix.pysource.callers` finds are added, as they
may call a helper of the root. What is read is limited for each root and for the distribution, so that the
time for a wheel stays linear in its size.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from wheelfix.model.base import Struct
from wheelfix.pysource.scope import Bound, Module, Scope, Use

_MAX_LOADED: Final = 1 << 20
"""Bytes of sources read for one root besides itself; a syntax tree can take 600 times as much memory."""
_MAX_MODULES: Final = 128
_MAX_PARSED: Final = 64 << 20
"""Bytes of sources parsed for one distribution; real ones have a tenth of it."""
_MAX_SHARED: Final = 8 << 20
"""Bytes of sources read for all roots of one distribution besides themselves; pyglet takes 0.4 MB."""
MAX_STEPS: Final = 5_000_000
"""Strings composed for one distribution: about ten seconds' work. Real ones need some thousands."""
_MAX_DEPTH: Final = 6
_MAX_PARTS: Final = 16
_MAX_CLASSES: Final = 64
_MAX_ALIASES: Final = 4
_DATA: Final = re.compile(r"[^/]+\.data/(?:pure|plat)lib/")


class Found(Struct, kw_only=False):
    """What a full name stands for; all empty if it is unknown.

    Attributes:
        function: a function, or the constructor of a class.
        owner: the class, or the class of the instance.
        bound: what the variable may be.
        outside: the full name in another distribution.
    """

    function: Scope | None = None
    owner: Scope | None = None
    bound: list[Bound] = []  # noqa: RUF012 - never changed
    outside: str = ""


_NOTHING: Final = Found()


class Library:
    """The sources of one distribution.

    Args:
        paths: their paths.
        read: reads a source; None if it cannot be read.
    """

    def __init__(
        self, paths: Iterable[str] = (), read: Callable[[str], bytes | None] = lambda _: None
    ) -> None:
        self.names: dict[str, str] = {}
        for path in paths:
            self.names.setdefault(name_module(path), path)
        self.tops = {name.partition(".")[0] for name in self.names}
        self._read = read
        self._left, self._shared = _MAX_PARSED, _MAX_SHARED
        self.steps = MAX_STEPS

    def parse(self, source: bytes) -> ast.Module | None:
        """Parse a root; None if it is no Python, or the distribution is too large."""
        if len(source) > self._left:
            return None
        self._left -= len(source)
        return parse_source(source)

    def load(self, path: str, limit: int) -> tuple[ast.Module, int] | None:
        """Parse a module that a root needs; None if it cannot be read, is no Python, or is too large.

        Returns:
            The syntax tree, and the length of the source in bytes.
        """
        source = self._read(path)
        if source is None or len(source) > min(limit, self._shared):
            return None
        self._shared -= len(source)
        tree = parse_source(source)
        return (tree, len(source)) if tree else None


def parse_source(source: bytes) -> ast.Module | None:
    """Parse foreign code; None if it is no Python, or too deep or too long for the parser."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about invalid escapes and the like in foreign code
            return ast.parse(source)
    except (SyntaxError, ValueError, LookupError, RecursionError, MemoryError, OverflowError):
        return None


def name_module(path: str) -> str:
    """Return the full name of a module.

    Example:
        >>> name_module("pkg/sub/__init__.py"), name_module("a-1.data/purelib/mod.py")
        ('pkg.sub', 'mod')
    """
    stem = _DATA.sub("", path, count=1).removesuffix(".py")
    return stem.removesuffix("/__init__").replace("/", ".")


class Program:
    """A source and the modules that it is analysed with.

    Args:
        library: the sources of the distribution.

    Attributes:
        uses: calls and subscripts of all modules.
    """

    def __init__(self, library: Library) -> None:
        self.uses: list[Use] = []
        self.modules: dict[str, Module | None] = {}
        self._library = library
        self._left = _MAX_LOADED
        self._found: dict[tuple[str, bool], Found] = {}
        self._depth = 0

    def add(self, path: str, tree: ast.Module) -> Module:
        """Add a parsed source."""
        name = name_module(path)
        is_package = path.endswith("/__init__.py")
        number = len(self.modules)
        module = Module(tree, self, path=path, name=name, is_package=is_package, number=number)
        module.first = len(self.uses)
        self.uses += module.uses
        self.modules[name] = module
        self._found.clear()
        return module

    def link_classes(self) -> None:
        """Note the subclasses of every class, among the modules that were read so far."""
        for module in filter(None, list(self.modules.values())):
            for one in module.classes:
                for base in one.bases:
                    above = module.find_class(base, one.parent or one)
                    if above and one not in above.subclasses and len(above.subclasses) < _MAX_CLASSES:
                        above.subclasses.append(one)

    def load(self, name: str) -> Module | None:
        """Return a module of the distribution, read if it was not yet; None if it cannot be read."""
        if name in self.modules:
            return self.modules[name]
        path = self._library.names.get(name)
        self.modules[name] = None
        if path is None or len(self.modules) > _MAX_MODULES:
            return None
        loaded = self._library.load(path, self._left)
        if loaded is None:
            return None
        tree, size = loaded
        self._left -= size
        return self.add(path, tree)

    def find(self, full: str, *, load: bool = False) -> Found:
        """Find what a full name stands for.

        Args:
            full: the name, ``pkg.mod.helper``.
            load: whether modules that were not needed so far are read.
        """
        key = full, load
        if key not in self._found:
            if self._depth >= _MAX_DEPTH:
                return _NOTHING
            self._found[key] = _NOTHING  # a name that stands for itself
            self._depth += 1
            found = self._search(full, load)
            self._depth -= 1
            self._found[key] = found
        return self._found[key]

    def _search(self, full: str, load: bool) -> Found:
        top = full.partition(".")[0]
        if top not in self._library.tops and top not in self.modules:
            return Found(outside=full)
        parts = full.split(".")
        if len(parts) > _MAX_PARTS:
            return _NOTHING
        for size in range(len(parts), 0, -1):
            name = ".".join(parts[:size])
            if name in self.modules or name in self._library.names:
                module = self.load(name) if load else self.modules.get(name)
                return self._descend(module, parts[size:], load) if module and size < len(parts) else _NOTHING
        return _NOTHING

    def _descend(self, module: Module, parts: list[str], load: bool) -> Found:
        first, *rest = parts
        root = module.root
        if first in root.functions:
            return _NOTHING if rest else Found(function=root.functions[first])
        if first in root.classes:
            return self._descend_class(root.classes[first], rest, load)
        if bound := root.bindings.get(first):
            return self._descend_value(module, bound, rest, load)
        if first in module.imports:
            return self.find(".".join([module.imports[first], *rest]), load=load)
        for star in module.stars:
            found = self.find(".".join([star, *parts]), load=load)
            if found is not _NOTHING and not found.outside:
                return found
        return _NOTHING

    def _descend_class(self, owner: Scope, parts: list[str], load: bool) -> Found:
        if not parts:
            return Found(function=self.find_method(owner, "__init__", load=load), owner=owner)
        if len(parts) > 1:
            return _NOTHING
        method = self.find_method(owner, parts[0], load=load)
        lists = self.list_attributes(owner, parts[0], load=load)
        return Found(function=method, bound=lists[0] if lists else [])

    def _descend_value(self, module: Module, bound: list[Bound], parts: list[str], load: bool) -> Found:
        """Follow ``load = loader.load`` and ``loader = Loader()``."""
        for one in bound[:_MAX_ALIASES]:
            if not parts and isinstance(one.expr, ast.Name | ast.Attribute):
                if function := module.find_function(one.expr, one.scope, load=load):
                    return Found(function=function, bound=bound)
            elif isinstance(one.expr, ast.Call) and (
                owner := module.find_owner(one.expr, one.scope, load=load)
            ):
                return self._descend_class(owner, parts, load) if parts else Found(owner=owner, bound=bound)
        return _NOTHING if parts else Found(bound=bound)

    def find_star(self, module: Module, name: str, *, load: bool = False) -> str | None:
        """Return the full name of a name that one of the starred imports of a module gives, or None."""
        for star in module.stars:
            other = self.load(star) if load and star in self._library.names else self.modules.get(star)
            if other and (
                name in other.root.functions or name in other.root.classes or other.root.find(name)
            ):
                return f"{star}.{name}"
        return None

    def list_bases(self, owner: Scope, *, load: bool = False) -> list[Scope]:
        """List a class and its base classes, nearest first."""
        found = [owner]
        for one in found:  # grows meanwhile
            for base in one.bases:
                above = one.module.find_class(base, one.parent or one, load=load)
                if above and above not in found and len(found) < _MAX_CLASSES:
                    found.append(above)
        return found

    def find_method(self, owner: Scope, name: str, *, load: bool = False) -> Scope | None:
        """Return a method of a class, of its base classes, or else of a subclass."""
        for one in self.list_bases(owner, load=load):
            if name in one.functions:
                return one.functions[name]
        return next((s.functions[name] for s in self._list_subclasses(owner) if name in s.functions), None)

    def list_attributes(self, owner: Scope, name: str, *, load: bool = False) -> list[list[Bound]]:
        """List what an attribute of a class is bound to: by the class, its base classes and subclasses."""
        related = [*self.list_bases(owner, load=load), *self._list_subclasses(owner)]
        return [one.bindings[name] for one in related if name in one.bindings]

    def _list_subclasses(self, owner: Scope) -> Iterator[Scope]:
        found = [owner]
        for one in found:
            for below in one.subclasses:
                if below not in found and len(found) < _MAX_CLASSES:
                    found.append(below)
                    yield below


def list_functions(asked: Iterable[Scope]) -> Mapping[str, frozenset[str]]:
    """List the names by which other modules may call functions or extend classes, by the defining module."""
    found: dict[str, set[str]] = {}
    for scope in asked:
        if scope.parent is None or (scope.parent.parent and not scope.parent.is_class):
            continue  # only what is around it can call a function inside a function
        owner = scope.owner if scope.name == "__init__" else scope
        if owner and owner.name:
            found.setdefault(name_module(scope.module.path), set()).add(owner.name)
    return {name: frozenset(names) for name, names in found.items()}
