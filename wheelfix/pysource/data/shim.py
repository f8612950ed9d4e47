"""Lets one distribution open libraries by their names, which no directory has that the loader searches.

Written by wheelfix. It waits for the import of one of the modules in TABLE, and then answers for their code
alone: where that asks for a name in TABLE, it gets the library at the path beside it. Environment variables
in TABLE are set at that time, for the whole process: programs that it starts read them too.
"""

import _thread
import sys

TABLE = {"modules": [], "libraries": {}, "preload": [], "variables": {}}
_LOCK = _thread.RLock()
_DONE = []


class _Watch:
    def find_spec(self, name, path=None, target=None):
        if name in TABLE["modules"]:
            _answer()
        elif sys.meta_path[0] is not self and self in sys.meta_path:
            # A finder that stands before this one may answer for the module that is waited for.
            sys.meta_path = [self] + [finder for finder in sys.meta_path if finder is not self]


_WATCH = _Watch()


def install():
    if _is_own(sys._getframe(1), TABLE) or any(name in sys.modules for name in TABLE["modules"]):
        _answer()
    elif not _DONE and _WATCH not in sys.meta_path:
        sys.meta_path.insert(0, _WATCH)


def _answer():
    with _LOCK:
        try:
            if not _DONE:
                _DONE.append(True)
                _wrap(**TABLE)
        except Exception:  # what is imported fails or works as it does without this
            pass
        # A list that shrinks while imports go through it makes them skip a finder: it gets another one.
        if _WATCH in sys.meta_path:
            sys.meta_path = [finder for finder in sys.meta_path if finder is not _WATCH]


def _is_own(frame, table):
    spec = frame.f_globals.get("__spec__")  # __name__ is "__main__" for python -m
    module = getattr(spec, "name", None) or frame.f_globals.get("__name__")
    return isinstance(module, str) and (module + ".").startswith(tuple(n + "." for n in table["modules"]))


def _find(name):
    path = TABLE["libraries"].get(name)
    return path if path and _is_asked(name) else None


def _is_asked(name):
    shims = [module for key, module in list(sys.modules.items()) if key.startswith("_wheelfix_")]
    tables = [getattr(module, "TABLE", TABLE) for module in shims]
    others = [table for table in tables if table is not TABLE and name in table["libraries"]]
    frame = sys._getframe(1)
    while frame:
        if _is_own(frame, TABLE):
            return True
        # Code that was called by a module of TABLE asks for that; code that was imported asks for itself.
        if frame.f_code.co_name == "<module>" or any(_is_own(frame, table) for table in others):
            return False
        frame = frame.f_back
    return False


def _wrap(modules, libraries, preload, variables):
    import os

    os.environ.update(variables)
    if not libraries:
        return
    import _ctypes
    import ctypes.util

    # What find_library returns where a cache knows all is the file's name, which may be asked for in turn.
    for path in list(libraries.values()):
        libraries.setdefault(os.path.basename(path), path)

    def wrap(load):
        def open_library(name=None, *more, **named):
            path = _find(os.fsdecode(name)) if isinstance(name, (str, bytes, os.PathLike)) else None
            if not path:
                return load(name, *more, **named)
            try:
                return load(path, *more, **named)
            except OSError as error:
                first = error
            try:
                return load(name, *more, **named)  # whatever that leads to is better than nothing
            except OSError:
                if os.path.exists(path):
                    raise first from None
                raise

        return open_library

    search, open_plainly = ctypes.util.find_library, ctypes._dlopen

    def find_library(name):
        path = _find("lib" + name + ".so") if isinstance(name, str) else None
        found = path if path and os.path.exists(path) else search(name)
        # The C library is there, but Python looks for it with ldconfig and a compiler.
        if not found and name in ("c", "m") and _is_asked("lib" + name + ".so.6"):
            try:
                open_plainly("lib" + name + ".so.6", ctypes.DEFAULT_MODE)
                found = "lib" + name + ".so.6"
            except OSError:
                pass
        return found

    ctypes._dlopen = wrap(ctypes._dlopen)
    _ctypes.dlopen = wrap(_ctypes.dlopen)
    ctypes.util.find_library = find_library
    try:
        import _cffi_backend  # whoever opens the libraries may import it only later

        _cffi_backend.load_library = wrap(_cffi_backend.load_library)
    except ImportError:
        pass
    # cffi's compiled modules call dlopen themselves: a library that is loaded already is found by its soname.
    for path in preload:
        try:
            ctypes.CDLL(path)
        except OSError:
            pass
