"""Lets one distribution open libraries by their names, which no directory has that the loader searches.

Written by wheelfix. It waits for the import of one of the modules in TABLE, and then answers for their code
alone: where that asks for a name in TABLE, it gets the library at the path beside it.
"""

import sys

TABLE = {"modules": [], "libraries": {}, "preload": []}


class _Watch:
    def find_spec(self, name, path=None, target=None):
        if name in TABLE["modules"] and self in sys.meta_path:
            sys.meta_path.remove(self)
            _answer(**TABLE)


def install():
    if any(name in sys.modules for name in TABLE["modules"]):
        _answer(**TABLE)
    else:
        sys.meta_path.insert(0, _Watch())


def _answer(modules, libraries, preload):
    import ctypes.util
    import os

    own = tuple(name + "." for name in modules)

    def find(name):
        path = libraries.get(os.fsdecode(name)) if name else None
        frame = sys._getframe(2) if path else None
        while frame:
            spec = frame.f_globals.get("__spec__")  # __name__ is "__main__" for python -m
            module = getattr(spec, "name", None) or frame.f_globals.get("__name__") or ""
            if (module + ".").startswith(own):
                return path
            frame = frame.f_back
        return None

    def wrap(load):
        def open_library(name=None, *more, **named):
            path = find(name)
            if path:
                try:
                    return load(path, *more, **named)
                except OSError:
                    pass  # whatever the name alone leads to is better than nothing
            return load(name, *more, **named)

        return open_library

    search = ctypes.util.find_library

    def find_library(name):
        return find("lib" + name + ".so") or search(name)

    ctypes._dlopen = wrap(ctypes._dlopen)
    ctypes.util.find_library = find_library
    backend = sys.modules.get("_cffi_backend")
    if preload and not backend:
        try:
            import _cffi_backend as backend
        except ImportError:
            pass
    if backend:
        backend.load_library = wrap(backend.load_library)
    # cffi's compiled modules call dlopen themselves: a library that is loaded already is found by its soname.
    for path in preload:
        try:
            ctypes.CDLL(path)
        except OSError:
            pass
