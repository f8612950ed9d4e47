"""Makes a Cargo.lock with cargo, for a source distribution that has none.

cargo gets only the manifests, and empty files where it requires sources: it compiles nothing, runs no build
script, and sees neither the project's ``.cargo/config.toml`` nor its ``rust-toolchain.toml``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from wheelfix.errors import ApplyError, InputError, describe
from wheelfix.model.sdist import Manifest, SourceTree
from wheelfix.outside.files import open_workplace
from wheelfix.outside.processes import quote_output, run
from wheelfix.sdist.manifests import list_products

_PLACES = {"bin": "src/bin", "example": "examples", "test": "tests", "bench": "benches"}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_TIMEOUT = 600
_HINT = "run `cargo generate-lockfile` in the unpacked source, and give its Cargo.lock with --lock"


def make_lock(tree: SourceTree, manifests: Mapping[str, Manifest], path: str) -> bytes:
    """Have cargo resolve the dependencies of a manifest, newest versions first.

    Args:
        tree: the source tree.
        manifests: its manifests, by path.
        path: path of the manifest that is built.

    Returns:
        The Cargo.lock.

    Raises:
        InputError: there is no cargo, it cannot resolve the dependencies (for which it uses the network), or
            a manifest leaves the source tree.
        ApplyError: the input for cargo cannot be written.
    """
    for manifest in manifests.values():
        _check_paths(tree.target, manifest)
    try:
        with open_workplace() as directory:
            for name, text in _list_files(tree, manifests):
                file = directory / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text)
            return _run(tree.target, directory / path)
    except OSError as error:
        problem = f"cannot be laid out for cargo ({describe(error)})"
        raise ApplyError(tree.target, problem, _HINT) from None


def _run(target: str, manifest: Path) -> bytes:
    command = ["cargo", "generate-lockfile", "--quiet", "--manifest-path", str(manifest)]
    absent = "has no Cargo.lock, and there is no cargo to make one"
    result = run(
        command,
        directory=manifest.parent,
        seconds=_TIMEOUT,
        missing=InputError(target, absent, "install cargo, or " + _HINT),
        late=InputError(target, f"cargo found no lock in {_TIMEOUT} seconds", _HINT),
        hint=_HINT,
    )
    if result.code:
        raise InputError(target, f"cargo makes no lock: {quote_output(result.messages)}", _HINT)
    above = manifest.parent
    while not (above / "Cargo.lock").exists():
        above = above.parent
    return (above / "Cargo.lock").read_bytes()


def _list_files(tree: SourceTree, manifests: Mapping[str, Manifest]) -> Iterator[tuple[str, bytes]]:
    for path, manifest in manifests.items():
        yield path, tree.files[path]
        if manifest.name is None:
            continue
        directory = posixpath.dirname(path)
        for source in ("src/lib.rs", "src/main.rs"):
            yield posixpath.join(directory, source), b""
        for kind, names in list_products(path, tree.files[path]).items():
            for name in names:
                if _NAME.fullmatch(name):
                    yield posixpath.join(directory, _PLACES[kind], f"{name}.rs"), b""


def _check_paths(target: str, manifest: Manifest) -> None:
    """Refuse paths outside the source tree, as cargo would read them."""
    base = posixpath.dirname(manifest.path)
    every = (*manifest.dependencies, *manifest.workspace_dependencies)
    paths = [d.path for d in every if d.path is not None]
    paths += [posixpath.relpath(p, base or ".") for p in manifest.patched.values()]
    paths += [*manifest.members, *([manifest.workspace_root] if manifest.workspace_root else [])]
    for path in paths:
        found = posixpath.normpath(posixpath.join(base, path))
        if found.startswith(("/", "../")) or found == "..":
            problem = f"{manifest.path} names {path}, outside of the source"
            raise InputError(target, problem, "do not use it: no build tool writes such a project")
