"""Finds from paths which distribution a file belongs to, and which Python ran."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wheelfix.explain.model import Interpreter, Package
from wheelfix.index.modules import find_module_distributions, is_spoken

_STORE = re.compile(r"/nix/store/[0-9a-z]{32}-(?P<name>[^/\s]+)")
_SITE = re.compile(
    r"(?P<site>(?P<prefix>/?[^\n]*?)/lib(?:64)?/(?:python|pypy)3?(?:\.\d+)?t?/(?:site|dist)-packages"
    r"|[^\n]*?/(?:site|dist)-packages"
    r"|[^\n]*/uv/archive-v\d+/[^/\n]+)/(?P<inside>[^\n]+)"
)
_ENVIRONMENT = re.compile(r"python3?-\d[\d.]*-env")
"""Name of nixpkgs' ``withPackages`` and ``buildEnv``; those of pyproject.nix are named by their users."""
_INTRODUCED = re.compile(
    r"\s*Importing the (?:multiarray )?(?P<name>\w+) (?:C-extensions|extension module) failed"
)
_PYTHON_PREFIX = re.compile(r"(?:python|pypy)\d+(?:\.\d+)?-")
# A version, or the date of a revision: hello-1.2, hello-0-unstable-2025-01-02, hello-unstable-2025-01-02.
_VERSION = re.compile(r"-(?=\d|(?:unstable|git|nightly)-\d{4}-\d\d-\d\d)")
_OUTPUT = re.compile(r"-(?:dist|dev|lib|bin|doc|man|testout)$")
_LONGEST = 255
"""Letters of a file name, at most."""
_SUFFIX = re.compile(r"(?:\.(?:cpython|pypy|abi3)[^/]*)?\.so.*|\.py[cdi]?|[-.]\d.*|\.libs|-stubs|\.data")
_INFO = re.compile(r"(?P<name>[^-/]+)-(?P<version>[^-/]+)\.(?:dist|egg)-info")
_CONDA = re.compile(r"/(?:mini|ana)conda\d*/|/(?:mini|mamba)forge\d*/|/micromamba/|/\.pixi/|/conda/")
"""Where conda, mamba and pixi keep what they install."""


def parse_path(path: str) -> Package | None:
    """Find the distribution that a file belongs to.

    Args:
        path: path of a file, as a message writes it: below a store path, a ``site-packages``, or uv's cache.

    Returns:
        None for a path of no distribution, such as one of the standard library or of a system library.

    Example:
        >>> parse_path("/home/u/p/.venv/lib/python3.12/site-packages/cv2/cv2.abi3.so").name
        'opencv-python'
    """
    site = _SITE.match(path)
    top = site["inside"].partition("/")[0] if site else ""
    store = _STORE.match(path)
    if store and (package := parse_store_path(store["name"], prefixed=not site)):
        return Package(
            name=package.name,
            version=package.version,
            site=site["site"] if site else None,
            file=site["inside"] if site else None,
            prefixed=package.prefixed,
        )
    if site is None:
        return None
    info = _INFO.fullmatch(top)
    name = find_distribution(info["name"] if info else top)
    if name is None:
        return None
    prefix = site["prefix"]
    return Package(
        prefixed=bool(store and _ENVIRONMENT.fullmatch(store["name"])),
        name=name,
        version=info["version"] if info else None,
        site=site["site"],
        environment=prefix if prefix and _is_environment(prefix) else None,
        file=site["inside"],
    )


def parse_store_path(name: str, *, prefixed: bool) -> Package | None:
    """Split the name of a store path into distribution and version.

    Args:
        name: the name without the hash: ``python3.12-numba-0.60.0``, or ``numba-0.60.0`` by uv2nix.
        prefixed: whether to accept only names with nixpkgs' prefix ``python3.12-``, if nothing else tells
            that it is a Python package.

    Returns:
        None for an environment (``python3-3.12.8-env``), an interpreter, or a name without a version.
    """
    rest = _PYTHON_PREFIX.sub("", name, count=1)
    if (prefixed and rest == name) or rest[:1].isdigit() or name.endswith(("-env", "-venv")):
        return None
    parts = _VERSION.split(_OUTPUT.sub("", rest), maxsplit=1)
    version = parts[1] if len(parts) == 2 else None
    if version is None and (prefixed or rest == name):
        return None if prefixed else Package(name=normalize(parts[0]))
    return Package(name=normalize(parts[0]), version=version, prefixed=rest != name)


def parse_drv(path: str) -> Package | None:
    """Find which distribution a derivation builds; None if it is not a Python package.

    Example:
        >>> parse_drv("/nix/store/00000000000000000000000000000000-python3.12-numba-0.60.0.drv").name
        'numba'
    """
    match = _STORE.match(path.removesuffix(".drv"))
    return parse_store_path(match["name"], prefixed=False) if match and "-" in match["name"] else None


def find_distribution(module: str) -> str | None:
    """Find the distribution that usually contains a top-level module, normalised.

    Args:
        module: an import name, or the name of a file or directory in site-packages.

    Returns:
        None for a module of several distributions (``nvidia``) or of none (``__pycache__``).

    Example:
        >>> find_distribution("sklearn"), find_distribution("numpy.libs"), find_distribution("PySide6")
        ('scikit-learn', 'numpy', 'pyside6')
    """
    stem = _SUFFIX.sub("", module[:_LONGEST])
    if not stem or stem in {"nvidia", "__pycache__", "bin"} or not re.match(r"[A-Za-z_]", stem):
        return None
    return next(iter(find_module_distributions(stem)), None) or normalize(stem.lstrip("_")) or None


def find_named(words: Iterable[str]) -> str | None:
    """Find the distribution of the first word that is a module with another name, or a binding of Qt."""
    for word in words:
        bare = word.strip("'\"`:,.;()?!*").lower()
        if is_spoken(bare) or re.fullmatch(r"py(?:side|qt)[2-6]", bare):
            return find_distribution(bare)
    return None


def find_introduced(line: str) -> str | None:
    """Find the distribution that says of itself that it cannot be imported, as numpy does.

    Example:
        >>> find_introduced("Importing the numpy C-extensions failed. This error can happen for")
        'numpy'
    """
    match = _INTRODUCED.match(line)
    return find_distribution(match["name"]) if match else None


def find_environment(paths: Iterable[str]) -> str | None:
    """Find the virtual environment of the first of some interpreters that is in one.

    Example:
        >>> find_environment(["/usr/bin/python3", "/home/u/p/.venv/bin/python"])
        '/home/u/p/.venv'
    """
    for path in paths:
        prefix, inside, name = path.rpartition("/bin/")
        if inside and name.startswith("python") and prefix and _is_environment(prefix):
            return prefix
    return None


def find_prefix(path: str) -> str | None:
    """Find the prefix of conda, or of pixi, that a path is in; None for one elsewhere.

    Example:
        >>> find_prefix("/home/u/p/.pixi/envs/default/bin/ninja"), find_prefix("/home/u/p/.venv/bin/ninja")
        ('/home/u/p/.pixi/envs/default', None)
    """
    match = re.match(r"(.*?/envs/[^/\n]+|.*?/(?:mini|ana)conda\d*|.*?/(?:mini|mamba)forge\d*)/", path)
    return match[1] if match and _CONDA.search(path) else None


def find_interpreter(paths: Iterable[str]) -> Interpreter | None:
    """Find the origin of the Python that ran.

    Args:
        paths: paths of the interpreter, its standard library, or an environment; the first known one decides.
    """
    for path in paths:
        if re.search(r"/nix/store/[0-9a-z]{32}-(?:python|pypy)3?", path) and "/site-packages/" not in path:
            return Interpreter.NIXPKGS
        if re.search(r"/uv/python/|/\.rye/py/|/pypoetry/python/|/hatch/pythons?/", path):
            return Interpreter.UV
        if _CONDA.search(path):
            return Interpreter.CONDA
        if "/.pyenv/versions/" in path or "/.asdf/installs/python/" in path:
            return Interpreter.PYENV
        if re.match(r"/usr/(?:local/)?(?:bin/python|lib(?:64)?/python)", path):
            return Interpreter.FHS
    return None


def normalize(name: str) -> str:
    """Normalise a distribution name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).strip("-").lower()


def _is_environment(prefix: str) -> bool:
    return not re.match(r"/nix/store/|/usr(?:/|$)|/build/", prefix) and not re.search(
        r"/uv/python/|/\.pyenv/versions/|/\.local$", prefix
    )
