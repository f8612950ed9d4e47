"""Looks up the attributes and sonames of a Nix file in the index.

The table ``data/inputs.toml`` has other names by which people write attributes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from wheelfix.index.baseline import find_baseline
from wheelfix.index.canonical import spell_recorded
from wheelfix.index.cuda import find_default_cuda
from wheelfix.index.driver import find_driver
from wheelfix.index.libc import find_libc
from wheelfix.index.lookup import find_providers, list_attrs_beside
from wheelfix.index.releases import modernize
from wheelfix.index.table import SonameTable
from wheelfix.lint.model import IndexExcerpt, InputRoot, OverrideFile, Spelling
from wheelfix.model.scan import WheelScan
from wheelfix.model.tables import Attr, AttrPrefix, Table, load_table
from wheelfix.wheel.metadata import normalize_name

_OUTPUTS: Final = frozenset({"out", "lib", "dev", "bin", "static", "doc", "man"})
_CUDA_SET: Final = re.compile(r"cudaPackages(?:_(\d+)(?:_\d+)*)?\.")
_ALIKE: Final = 0.85
_SHORTEST: Final = 4
_PREFIX: Final = 6
_LEFT_OUT: Final = 2
_DIGITS: Final = re.compile(r"[\d_.]+")


def make_excerpt(file: OverrideFile, scans: Sequence[WheelScan], table: SonameTable) -> IndexExcerpt:
    """Look up everything that a file and the scans name.

    Args:
        file: the file.
        scans: scans of its wheels.
        table: the soname table that the scans were made with.

    Raises:
        IndexProblem: the table is damaged.
    """
    names = {o.package: normalize_name(o.package) for o in file.overrides if o.package is not None}
    scanned = {scan.name for scan in scans}
    checked = [*file.shells, *(o for o in file.overrides if o.package is None or names[o.package] in scanned)]
    inputs = [i for o in checked for i in o.inputs if i.root is not InputRoot.PYTHON]
    attrs = [attr for i in inputs for attr in (i.attr, *i.alternatives)]
    attrs += [search.attr for o in checked for search in o.searches if search.attr]
    wanted = [need.soname for scan in scans for need in scan.needs]
    return IndexExcerpt(
        names=names,
        spellings=find_spellings(table, attrs),
        carriers=find_carriers(table, [*wanted, *(name for scan in scans for name in scan.opened)]),
        similar=find_similar(table, [entry.soname for o in checked for entry in o.ignored], wanted),
        baselines={s.target: frozenset(spell_attr(attr) for attr in find_baseline(s.tags)) for s in scans},
    )


class Spellings(Table):
    """Names by which people write attributes.

    Attributes:
        same: the index's name of a package, by an alias of nixpkgs or a wrapper of the compiler.
        sets: the index's name of a set, by the first part of an attribute path.
        side_by_side: names of older versions that nixpkgs keeps beside the newest one of a library.
    """

    FILE = "inputs.toml"

    same: dict[Attr, Attr]
    sets: dict[AttrPrefix, AttrPrefix]
    side_by_side: frozenset[Attr]


@lru_cache(maxsize=1 << 14)
def spell_attr(attr: str) -> str:
    """Convert an attribute to the index's spelling: newest name, no output, CUDA sets by major version.

    Example:
        >>> spell_attr("xorg.libX11.dev"), spell_attr("stdenv.cc.cc"), spell_attr("cudaPackages_12_4.nccl")
        ('libx11', 'stdenv.cc.cc.lib', 'cudaPackages.nccl')
    """
    parts = attr.split(".")
    while len(parts) > 1 and parts[-1] in _OUTPUTS:
        parts.pop()
    table = load_table(Spellings)
    name = ".".join(parts)
    name = table.same.get(name, name)
    for prefix, other in table.sets.items():
        if name.startswith(prefix):
            name = other + name.removeprefix(prefix)
            break
    if match := _CUDA_SET.match(name):
        major = match[1] or find_default_cuda()
        suffix = "" if major == find_default_cuda() else f"_{major}"
        return f"cudaPackages{suffix}.{name[match.end() :]}"
    return spell_recorded(modernize(name))


def find_spellings(table: SonameTable, attrs: Iterable[str]) -> Mapping[str, Spelling]:
    """Look attributes up.

    Args:
        table: the soname table.
        attrs: as written below ``pkgs``.

    Returns:
        Spellings by given attribute. The table has only packages with libraries, so all others are reported
        as unknown.
    """
    others = set(map(spell_attr, list_attrs_beside()))
    every: dict[tuple[str, str], list[str]] = {}
    for attr in (*table.list_attrs(), *sorted(others)):
        every.setdefault(_find_group(attr), []).append(attr)
    return {attr: _find_one(table, attr, others, every) for attr in dict.fromkeys(attrs)}


def find_carriers(table: SonameTable, sonames: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Find all attributes that have a library, including those with a low rank.

    Args:
        table: the soname table.
        sonames: as in DT_NEEDED or dlopen; of a path the last part; ``libmagic.so`` matches any major.

    Returns:
        Attributes in the spelling of :func:`spell_attr`, by given soname.
    """
    found: dict[str, frozenset[str]] = {}
    for soname in dict.fromkeys(sonames):
        name = soname.rpartition("/")[2]
        names = [name]
        if name.endswith(".so") and not set(name) & set("*?["):
            names += table.find_names(f"{name}.*")
        attrs = {p.attr for one in names for p in table.find_all(one)}
        attrs |= {p.attr for lookup in find_providers(table, names) for p in lookup.providers}
        found[soname] = frozenset(spell_attr(attr) for attr in attrs)
    return found


def find_similar(
    table: SonameTable, sonames: Iterable[str], wanted: Iterable[str]
) -> Mapping[str, tuple[str, ...]]:
    """Find sonames that are spelt almost like an unknown one.

    Args:
        table: the soname table.
        sonames: as the file writes them; patterns are left out.
        wanted: sonames that a wheel needs; they come first.

    Returns:
        Similar sonames, by unknown soname.
    """
    real = tuple(dict.fromkeys(wanted))
    found: dict[str, tuple[str, ...]] = {}
    for soname in dict.fromkeys(sonames):
        if set(soname) & set("*?[") or soname in real or _is_known(table, soname):
            continue
        dotted = re.sub(r"\.so-?(?=\d)", ".so.", soname)
        if not re.search(r"\.so(\.|$)", dotted):
            dotted = f"{dotted}.so"
        likely = [dotted] if dotted != soname and (dotted in real or _is_known(table, dotted)) else []
        near = get_close_matches(soname, real, n=3, cutoff=_ALIKE)
        near += get_close_matches(soname, table.find_names(f"{soname[:_PREFIX]}*"), n=3, cutoff=_ALIKE)
        found[soname] = tuple(dict.fromkeys((*likely, *near)))
    return found


def _is_known(table: SonameTable, soname: str) -> bool:
    libc = find_libc(soname, table.info.system.partition("-")[0])
    return bool(
        find_driver(soname)
        or libc
        or table.find_names(soname)
        or find_providers(table, [soname])[0].providers
    )


def _find_one(
    table: SonameTable, attr: str, others: set[str], every: Mapping[tuple[str, str], list[str]]
) -> Spelling:
    name = spell_attr(attr)
    known = name in others or table.has_attr(name)
    bare = ".".join(part for part in attr.split(".") if part not in _OUTPUTS)
    renamed = known and bare not in load_table(Spellings).side_by_side and modernize(bare) != bare
    nearest: tuple[str, ...] = ()
    if not known and len(name) >= _SHORTEST:
        close = get_close_matches(name, every.get(_find_group(name), ()), n=5, cutoff=_ALIKE)
        nearest = tuple(c for c in close if _is_slip(name, c))[:3]
    return Spelling(attr=name, known=known, renamed=renamed, nearest=nearest)


def _is_slip(written: str, meant: str) -> bool:
    """Tell a typing error from another name.

    Typing errors are letters in the wrong order or case, missing or doubled; not openssh for openssl or gtk3
    for gtk4.
    """
    if _DIGITS.sub("", written) == _DIGITS.sub("", meant):
        return False
    short, long = sorted((written.lower(), meant.lower()), key=len)
    if len(short) == len(long):
        return sorted(short) == sorted(long)
    rest = iter(long)
    return len(long) - len(short) <= _LEFT_OUT and all(letter in rest for letter in short)


def _find_group(attr: str) -> tuple[str, str]:
    """Return set and first letter; only attributes that have both in common are compared."""
    where, _, last = attr.rpartition(".")
    return where, last[:1].lower()
