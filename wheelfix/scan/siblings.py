"""Finds the sibling: the other distribution that brings a library.

Two kinds of evidence, strongest first: a run-path entry that leads into a directory this wheel does not fill
but a known distribution does, and a requirement on a distribution that is known to carry the soname.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from wheelfix.index.cuda import find_default_cuda
from wheelfix.model.classes import Brought, SiblingClue
from wheelfix.model.index import Provider
from wheelfix.model.scan import Carrier
from wheelfix.model.wheel import Distribution, Requirement
from wheelfix.scan.layout import relative_to_site

TORCH_ONLY = frozenset(
    {
        "libc10.so",
        "libc10_cuda.so",
        "libtorch.so",
        "libtorch_cpu.so",
        "libtorch_cuda.so",
        "libtorch_python.so",
    }
)
"""Sonames that mark a torch extension, which works only with the build of torch that loads it."""

_CUDA_SUFFIX = re.compile(r"-cu(\d+)$")
_UNSUFFIXED = "13"
"""The CUDA of NVIDIA's wheels without a suffix."""
_NEWEST = 99
"""Stands for the major of CUDA wheels without a suffix, which is CUDA 13 or newer."""
_TOOLCHAIN = re.compile(r"lib(stdc\+\+|gcc_s|gomp|gfortran|quadmath|atomic|z)\.so\.\d+")
"""Libraries that wheels bundle incidentally: a requirement that carries one is not thereby its supplier."""


def find_sibling(
    soname: str,
    wheel: Distribution,
    *,
    directories: Mapping[str, str],
    carriers: Sequence[Carrier],
    fillers: Mapping[str, Sequence[str]],
    wanted: frozenset[str],
    provided: bool,
    major: str | None = None,
    unread: bool = False,
) -> Brought | None:
    """Find the distribution that brings ``soname``.

    Args:
        soname: the need.
        wheel: the wheel that wants it.
        directories: directories relative to site-packages that the wanting objects' run paths name, with
            the entry as it is written.
        carriers: distributions known to carry the soname.
        fillers: distributions known to fill a directory, by directory relative to site-packages.
        wanted: all sonames that the wheel's objects need.
        provided: whether nixpkgs has it; a directory alone is then too weak as evidence.
        major: of the CUDA that the objects wanting it use, if that is known.
        unread: whether nothing is known of the wheel but its name.
    """
    others = [c for c in carriers if c.distribution != wheel.name]
    required = {r.name: r for r in wheel.requires if r.active}
    named = [c for c in others if c.directory in directories]
    if named:
        best = _pick(named, required, major)
        entry = directories[best.directory]
        return Brought(
            how=SiblingClue.NAMED_PLACE,
            distribution=best.distribution,
            directory=best.directory,
            entry=entry,
            place=best.directory,
            required=best.distribution in expand_required(required),
        )
    if sibling := _find_by_name(soname, directories, fillers, required):
        return sibling
    if not provided and (sibling := _find_by_directory(directories, fillers, required, wheel)):
        return sibling
    if _TOOLCHAIN.fullmatch(soname):
        return None
    if by_requirement := [c for c in others if c.distribution in expand_required(required)]:
        best = _pick(by_requirement, required, major)
        return Brought(
            how=SiblingClue.REQUIRED,
            distribution=best.distribution,
            directory=best.directory,
            required=True,
        )
    if soname in TORCH_ONLY and wheel.name != "torch":
        return Brought(how=SiblingClue.TORCH_EXTENSION, distribution="torch", directory="torch/lib")
    if "libtorch_cuda.so" in wanted or "libc10_cuda.so" in wanted:
        nvidia = [c for c in others if c.distribution.startswith("nvidia-")]
        if nvidia:
            best = _pick(nvidia, required, major)
            return Brought(
                how=SiblingClue.TORCH_REQUIRES, distribution=best.distribution, directory=best.directory
            )
    if unread and (cuda := [c for c in others if c.exact and c.distribution.startswith("nvidia-")]):
        best = _pick(cuda, required, major)
        return Brought(how=SiblingClue.UNREAD, distribution=best.distribution, directory=best.directory)
    # A wheel that fills a carrier's directory itself is an edition that does not need it: old PyQt5.
    own = {path.partition("/")[0] for path in wheel.files}
    edition = any(c.directory.partition("/")[0] in own for c in others)
    sole = [c for c in others if c.exact or _is_namesake(c, soname)]
    if _is_one_family(sole) and not provided and not edition:
        best = _pick(sole, required, major)
        return Brought(how=SiblingClue.ONLY_WHEELS, distribution=best.distribution, directory=best.directory)
    return None


def _is_one_family(carriers: Sequence[Carrier]) -> bool:
    """Whether carriers are editions of one distribution: for several CUDA, or filling the same directory.

    PyQt6 and PySide6 both carry libQt6Core.so.6: choosing one of them would be a guess.
    """
    names = {_CUDA_SUFFIX.sub("", c.distribution) for c in carriers}
    return len(names) == 1 or len({c.directory for c in carriers}) == 1


def _is_namesake(carrier: Carrier, soname: str) -> bool:
    """Whether a library is named like its carrier; a pattern alone would match any ``libboost_x.so.1.66``."""
    return carrier.distribution.removeprefix("lib").replace("-", "_") in soname.lower()


def _find_by_name(
    soname: str,
    directories: Mapping[str, str],
    fillers: Mapping[str, Sequence[str]],
    required: Mapping[str, Requirement],
) -> Brought | None:
    """Find a required distribution named like the library, in a directory that others fill too."""
    stem = soname.partition(".so")[0].lower().replace("_", "-")
    name = next((n for n in (stem, stem.removeprefix("lib")) if n in required), None)
    for directory, entry in directories.items():
        if name and fillers.get(directory):
            return Brought(
                how=SiblingClue.NAMED_NAME, distribution=name, entry=entry, place=directory, required=True
            )
    return None


def _find_by_directory(
    directories: Mapping[str, str],
    fillers: Mapping[str, Sequence[str]],
    required: Mapping[str, Requirement],
    wheel: Distribution,
) -> Brought | None:
    """Find the only required distribution that fills the directory, for a library not in the tables."""
    for directory, entry in directories.items():
        if any(f.startswith(f"{directory}/") for f in wheel.files):
            continue
        names = [name for name in fillers.get(directory, ()) if name in required]
        top = re.sub(r"[-_.]+", "-", directory.partition("/")[0].removesuffix(".libs")).lower()
        if not names and top in required:
            names = [top]
        if len(names) == 1:
            return Brought(
                how=SiblingClue.FILLED_PLACE,
                distribution=names[0],
                directory=directory,
                entry=entry,
                place=directory,
                required=True,
            )
    return None


def expand_required(required: Mapping[str, Requirement]) -> set[str]:
    """Return the required names, with those that ``cuda-toolkit`` and its extras stand for (CUDA 13)."""
    names = set(required)
    if toolkit := required.get("cuda-toolkit"):
        for extra in toolkit.extras:
            name = _TOOLKIT_NAMES.get(extra, extra)
            names |= {f"nvidia-{name}", f"nvidia-cuda-{name}"}
    return names


_TOOLKIT_NAMES = {"cudart": "runtime"}
"""Extras of ``cuda-toolkit`` whose distribution has another name."""


def _pick(carriers: Iterable[Carrier], required: Mapping[str, Requirement], major: str | None) -> Carrier:
    """Choose by: requirement, the CUDA that the rest of the wheel needs, exact names, the newest CUDA."""
    names = expand_required(required)

    def rank(carrier: Carrier) -> tuple[bool, bool, bool, int, str]:
        suffix = _CUDA_SUFFIX.search(carrier.distribution)
        made_for = (
            suffix[1] if suffix else _UNSUFFIXED if carrier.distribution.startswith("nvidia-") else None
        )
        other_major = made_for is not None and major is not None and made_for != major
        newest_first = -int(suffix[1]) if suffix else -_NEWEST
        unnamed = carrier.distribution not in names
        return unnamed, other_major, not carrier.exact, newest_first, carrier.distribution

    return min(carriers, key=rank)


def find_directories(entries: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return directories relative to site-packages, with the run-path entry that names each.

    Args:
        entries: (directory relative to the prefix, entry as written), in search order.
    """
    found: dict[str, str] = {}
    for directory, text in entries:
        if (relative := relative_to_site(directory)) is not None:
            found.setdefault(relative, text)
    return found


_TELLING = re.compile(r"lib(?:cudart|cublas|cublasLt|nvrtc|cupti)\.so\.(\d{1,9})(?:\.\d+)?")
_SET = re.compile(r"cudaPackages(?:_(\d+))?(?:_\d+)*\.")


def guess_cuda_major(wanted: Iterable[str]) -> str | None:
    """Read the CUDA major from sonames that contain it.

    Example:
        >>> guess_cuda_major(["libnccl.so.2", "libcublas.so.13"])
        '13'
    """
    return next((m[1] for soname in sorted(wanted) if (m := _TELLING.fullmatch(soname))), None)


def fit_major(
    providers: Sequence[Provider], major: str | None, prefer: Sequence[str] = ()
) -> tuple[Provider, ...]:
    """Leave out providers of another CUDA than a wheel's own: libnccl.so.2 is in the sets of 12 and 13.

    Args:
        providers: best first.
        major: of the wheel's CUDA; None if unknown.
        prefer: attributes that the user wants, of whatever CUDA.
    """

    def fits(provider: Provider) -> bool:
        match = _SET.match(provider.attr)
        return match is None or (match[1] or find_default_cuda()) == major or provider.attr in prefer

    return tuple(providers if major is None else filter(fits, providers))
