"""Checks by the loader's rules whether a library has the symbols that an object wants from it.

glibc checks versions when it loads (``elf/dl-version.c``) and symbols when it binds them
(``elf/dl-lookup.c``, ``check_match``). A library without versions satisfies every version, with a warning at
most; a symbol without a version satisfies a want for any version of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from wheelfix.model.classes import NeedClass
from wheelfix.model.elf import SymbolCheck, Symbols, SymbolWants
from wheelfix.model.scan import Finding, Level, Need
from wheelfix.scan.sentences import name_some

_NAMED = 5


def compare_symbols(
    user: Symbols, soname: str, provider: Symbols, *, others: Iterable[Symbols]
) -> SymbolCheck:
    """Compare what an object wants from a soname with what a library exports.

    Symbols wanted without a version are not judged: any loaded library may have them.

    Args:
        user: symbols of the wanting object.
        soname: the soname it wants them from.
        provider: symbols of the library that is to answer that soname.
        others: symbols of the other libraries the object loads, the C library at least. The loader checks a
            version in the library it was linked to, but takes the symbol from any: since glibc 2.34,
            ``pthread_create`` comes from ``libc.so.6`` for objects that want it of ``libpthread.so.0``.
    """
    if user.machine != provider.machine:
        return SymbolCheck(soname=soname, provider=provider.path, wrong_machine=provider.machine)
    wants = next((w for w in user.wants if w.soname == soname), None)
    if wants is None:
        return SymbolCheck(soname=soname, provider=provider.path)
    loaded = [provider, *(o for o in others if o.machine == user.machine)]
    return SymbolCheck(
        soname=soname,
        provider=provider.path,
        missing_versions=_find_missing_versions(wants, provider),
        missing_symbols=_find_missing_symbols(wants, loaded),
    )


def find_users(needs: Iterable[Need], libraries: Mapping[str, Symbols]) -> frozenset[str]:
    """Return the paths of the objects that want something of the libraries given by soname."""
    return frozenset(path for n in needs if _concerns(n, libraries) for path in n.wanted_by)


def find_mismatches(
    needs: Iterable[Need], users: Iterable[Symbols], libraries: Mapping[str, Symbols]
) -> Iterator[Finding]:
    """Compare all needs with the libraries that answer them.

    Args:
        needs: of one wheel; those that the wheel bundles itself are left out.
        users: symbols of the wanting objects.
        libraries: symbols of the libraries by soname.

    Yields:
        An error per library that lacks something, a note on each that has everything, and one on all those
        of which nothing is wanted by version.
    """
    unversioned: list[str] = []
    symbols = {user.path: user for user in users}
    for need in needs:
        if not _concerns(need, libraries):
            continue
        library = libraries[need.soname]
        wanting = [symbols[path] for path in need.wanted_by if path in symbols]
        verdicts = [
            (user, compare_symbols(user, need.soname, library, others=libraries.values())) for user in wanting
        ]
        if bad := [(user, verdict) for user, verdict in verdicts if not verdict.fits]:
            yield _say_lacking(need, library, bad)
        else:
            wants = [w for user in wanting for w in user.wants if w.soname == need.soname]
            versions = len({v for w in wants for v in w.versions})
            names = len({s for w in wants for s in w.symbols})
            if not versions:
                unversioned.append(need.soname)
                continue
            yield Finding(
                level=Level.NOTE,
                subject=library.path,
                message=f"has all that is wanted of {need.soname}: {versions} versions, {names} symbols",
            )
    if unversioned:
        yield Finding(
            level=Level.NOTE,
            subject=name_some(unversioned, _NAMED),
            message="there, and nothing is wanted by version: symbols without one are not compared",
        )


def _concerns(need: Need, libraries: Mapping[str, Symbols]) -> bool:
    return need.need_class is not NeedClass.BUNDLED and need.soname in libraries


def _say_lacking(need: Need, library: Symbols, bad: Sequence[tuple[Symbols, SymbolCheck]]) -> Finding:
    user, verdict = bad[0]
    if verdict.wrong_machine:
        what = f"is for {verdict.wrong_machine}, not for {need.machine}"
    else:
        versions = sorted({v for _, other in bad for v in other.missing_versions})
        names = sorted({s for _, other in bad for s in other.missing_symbols})
        parts = [("symbol versions", versions), ("symbols", names)]
        what = "lacks " + " and ".join(
            f"the {kind} {name_some(found, _NAMED)}" for kind, found in parts if found
        )
    more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
    message = f"{what}, wanted of {need.soname} by {user.path}{more}: a newer build of it is needed"
    return Finding(level=Level.ERROR, subject=library.path, message=message)


def _find_missing_versions(wants: SymbolWants, provider: Symbols) -> tuple[str, ...]:
    if not provider.versions:
        return ()
    return tuple(version for version in wants.versions if version not in provider.versions)


def _find_missing_symbols(wants: SymbolWants, loaded: Sequence[Symbols]) -> tuple[str, ...]:
    return tuple(
        f"{name}@{version}"
        for name, version in wants.symbols
        if not any((name, version) in o.exports or (name, None) in o.exports for o in loaded)
    )
