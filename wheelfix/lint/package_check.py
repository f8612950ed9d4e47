"""Collects what a file says about one package, or a shell about several, and what the wheels need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from wheelfix.lint.model import (
    IndexExcerpt,
    Input,
    InputRoot,
    Instead,
    LintFinding,
    PackageOverride,
    Place,
    Rule,
    Spelling,
)
from wheelfix.lint.nixfile.attributes import BUILDERS
from wheelfix.model.base import Struct
from wheelfix.model.classes import CLASS_TRAITS
from wheelfix.model.scan import Level, Need, WheelScan
from wheelfix.wheel.metadata import normalize_name

_LINKED = frozenset({"buildInputs", "propagatedBuildInputs"})
_HOOK = "autoPatchelfHook"


class PackageCheck(Struct):
    """One package, or all packages that run in a shell, with the data to check it.

    Attributes:
        path: path of the file.
        name: normalised name of the package; empty for a shell.
        overrides: what the file says about it, in file order; may be empty.
        scans: scans of its wheels.
        excerpt: the entries of the index.
        needs: the needs of its wheels for the machine type of the conclusions, by soname.
        opened: sonames that its wheels open by name.
        baseline: attributes that the package set adds by itself.
        replaced: whether the file's ``buildInputs`` replaces the list with the baseline.
        supplied: attributes that the file adds to the search of auto-patchelf, or in a shell of the loader,
            in the index's spelling.
    """

    path: str
    name: str
    overrides: tuple[PackageOverride, ...]
    scans: tuple[WheelScan, ...]
    excerpt: IndexExcerpt
    needs: Mapping[str, Need]
    opened: frozenset[str]
    baseline: frozenset[str]
    replaced: bool
    supplied: frozenset[str]

    def say(
        self, rule: Rule, level: Level, place: Place | None, subject: str, message: str, suggestion: str = ""
    ) -> LintFinding:
        """Make a finding about this package."""
        return LintFinding(
            rule=rule,
            level=level,
            path=self.path,
            place=place,
            package=self.name or None,
            subject=subject,
            message=message,
            suggestion=suggestion,
        )

    @property
    def place(self) -> Place | None:
        """Position for findings about missing entries: the list of inputs, or else the override."""
        for override in self.overrides:
            for attribute in override.attributes:
                if attribute.name == "buildInputs":
                    return attribute.place
        return self.overrides[0].place if self.overrides else None

    @property
    def is_shell(self) -> bool:
        """Whether it adds libraries for running programs, instead of building packages with them."""
        return not self.name

    @property
    def instead(self) -> Instead | None:
        """What the file uses instead of the wheel, or None."""
        return next((o.instead for o in self.overrides if o.instead), None)

    @property
    def adds_hook(self) -> bool:
        """Whether the file adds auto-patchelf.

        If so, do not assume that the package set adds the hook or inputs itself.
        """
        return any(i.attr == _HOOK for o in self.overrides for i in o.inputs)

    @property
    def ignores_all(self) -> Place | None:
        """Where the file ignores all missing libraries, or None."""
        return next((o.ignores_all for o in self.overrides if o.ignores_all), None)

    @property
    def unclear_lists(self) -> bool:
        """Whether a part of its overrides is not understood, so that no library is certainly missing."""
        return any(override.unclear for override in self.overrides)

    def is_ignored(self, soname: str) -> bool:
        """Tell whether an entry of the ignore list, or a pattern there, covers a soname."""
        return any(fnmatchcase(soname, entry.soname) for o in self.overrides for entry in o.ignored)

    def is_shown(self, need: Need) -> bool:
        """Tell whether auto-patchelf searches the directory in which another distribution has a library."""
        searches = [search for o in self.overrides for search in o.searches if search.distribution]
        return any(
            normalize_name(search.distribution or "") == need.distribution
            and (need.directory is None or is_inside(need.directory, search.directory))
            for search in searches
        )

    def is_supplied(self, soname: str) -> bool:
        """Tell whether an input, or the baseline, has a library."""
        carriers = self.excerpt.carriers.get(soname, frozenset())
        return bool(carriers & self.supplied or carriers & self.baseline)


def is_inside(directory: str, top: str) -> bool:
    """Tell whether a directory is another one, or below it: the hook searches subdirectories too."""
    return top == "." or directory == top or directory.startswith(f"{top}/")


def make_check(
    path: str,
    name: str,
    overrides: Sequence[PackageOverride],
    scans: Sequence[WheelScan],
    excerpt: IndexExcerpt,
) -> PackageCheck:
    """Collect the data to check one package, or a shell.

    Args:
        path: path of the file.
        name: normalised name of the package; empty for a shell.
        overrides: all that the file says about it.
        scans: scans of its wheels, at least one.
        excerpt: the entries of the index.
    """
    replaced = any("buildInputs" in o.replaces for o in overrides)
    whole = replaced or not name or any(o.how in BUILDERS for o in overrides)
    baseline = frozenset[str]().union(*(excerpt.baselines.get(scan.target, frozenset()) for scan in scans))
    linked = (entry for entry in list_inputs(overrides) if not name or entry.list_name in _LINKED)
    shown = (search.attr for o in overrides for search in o.searches if search.attr)
    return PackageCheck(
        path=path,
        name=name,
        overrides=tuple(overrides),
        scans=tuple(scans),
        excerpt=excerpt,
        needs=_merge_needs(scans),
        opened=frozenset(name for scan in scans for name in scan.opened),
        baseline=frozenset() if whole else baseline,
        replaced=replaced,
        supplied=frozenset(
            (
                *(choose_spelling(excerpt, entry).attr for entry in linked),
                *(excerpt.spellings[attr].attr for attr in shown),
            )
        ),
    )


def list_inputs(overrides: Iterable[PackageOverride]) -> tuple[Input, ...]:
    """List the inputs of some overrides that are, or may be, from nixpkgs; each once."""
    every = (entry for o in overrides for entry in o.inputs if entry.root is not InputRoot.PYTHON)
    return tuple(dict.fromkeys(every))


def choose_spelling(excerpt: IndexExcerpt, entry: Input) -> Spelling:
    """Find the index's spelling of an input; of several possible paths, the first that it knows."""
    readings = [excerpt.spellings[attr] for attr in (entry.attr, *entry.alternatives)]
    return next((reading for reading in readings if reading.known), readings[0])


def _merge_needs(scans: Iterable[WheelScan]) -> dict[str, Need]:
    """Merge the needs of all wheels of a package; if the classes differ, the most demanding one is kept."""
    found: dict[str, Need] = {}
    for scan in scans:
        for need in scan.needs:
            known = found.get(need.soname)
            more = known is None or _find_demand(need) > _find_demand(known)
            if need.machine == scan.machine and more:
                found[need.soname] = need
    return dict(sorted(found.items()))


def _find_demand(need: Need) -> int:
    return CLASS_TRAITS[need.need_class].demand
