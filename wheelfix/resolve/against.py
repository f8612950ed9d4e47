"""Whether a library really has what an object wants from it, by the loader's own rules.

glibc checks versions when it loads (``elf/dl-version.c``) and symbols when it binds them
(``elf/dl-lookup.c``, ``check_match``). A library without versions satisfies every version, with a warning at
most; a symbol without a version satisfies a want for any version of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wheelfix.model.symbols import Symbols, SymbolWants, Verdict


def judge(user: Symbols, soname: str, provider: Symbols, *, others: Iterable[Symbols]) -> Verdict:
    """Compare what an object wants from a soname with what a library exports.

    Symbols that the object wants without a version are not judged: any loaded library may have them.

    Args:
        user: symbols of the wanting object.
        soname: the soname it wants them from.
        provider: symbols of the library that is to answer that soname.
        others: symbols of the other libraries the object loads, the C library at least. The loader checks a
            version in the library it was linked to, but takes the symbol from any: since glibc 2.34,
            ``pthread_create`` comes from ``libc.so.6`` for objects that want it of ``libpthread.so.0``.
    """
    if user.machine != provider.machine:
        return Verdict(soname=soname, provider=provider.path, wrong_machine=provider.machine)
    wants = next((w for w in user.wants if w.soname == soname), None)
    if wants is None:
        return Verdict(soname=soname, provider=provider.path)
    loaded = [provider, *(o for o in others if o.machine == user.machine)]
    return Verdict(
        soname=soname,
        provider=provider.path,
        missing_versions=_find_missing_versions(wants, provider),
        missing_symbols=_find_missing_symbols(wants, loaded),
    )


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
