"""What a file says about one package, beside what its wheels need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from wheelfix.lint.model import (
    CheckFacts,
    Input,
    InputFacts,
    InputRoot,
    LintFinding,
    PackageOverride,
    Place,
    Rule,
)
from wheelfix.model.base import Struct
from wheelfix.model.scan import Level, Need, WheelScan

_LINKED = frozenset({"buildInputs", "propagatedBuildInputs"})
_BUILDERS = frozenset({"buildPythonPackage", "buildPythonApplication", "buildPythonModule"})


class Case(Struct):
    """One package.

    Attributes:
        path: of the file.
        name: normalised name of the package.
        overrides: what the file says about it, in file order; may be empty.
        needs: by soname, those of its wheels for the machine type that conclusions are for.
        opened: sonames that its wheels open by name.
        baseline: attributes that are there without being asked for.
        replaced: whether the file's ``buildInputs`` replaces the list that has the baseline.
        supplied: attributes that the file adds where auto-patchelf finds them, in the index's spelling.
    """

    path: str
    name: str
    overrides: tuple[PackageOverride, ...]
    scans: tuple[WheelScan, ...]
    facts: CheckFacts
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
            package=self.name,
            subject=subject,
            message=message,
            suggestion=suggestion,
        )

    @property
    def place(self) -> Place | None:
        """Where what is missing belongs: the list of inputs if there is one, else the override."""
        for override in self.overrides:
            for attribute in override.attributes:
                if attribute.name == "buildInputs":
                    return attribute.place
        return self.overrides[0].place if self.overrides else None

    @property
    def ignores_all(self) -> Place | None:
        """Where the file ignores every missing library, if it does."""
        return next((o.ignores_all for o in self.overrides if o.ignores_all), None)

    @property
    def unclear_lists(self) -> bool:
        """Whether something about this package was not understood, so that nothing is certainly missing."""
        return any(override.unclear for override in self.overrides)

    def is_ignored(self, soname: str) -> bool:
        """Tell whether an entry of the ignore list, or a pattern there, covers a soname."""
        return any(fnmatchcase(soname, entry.soname) for o in self.overrides for entry in o.ignored)

    def is_supplied(self, soname: str) -> bool:
        """Tell whether an input, or what is added anyway, has a library."""
        carriers = self.facts.carriers.get(soname, frozenset())
        return bool(carriers & self.supplied or carriers & self.baseline)


def make_case(
    path: str,
    name: str,
    overrides: Sequence[PackageOverride],
    scans: Sequence[WheelScan],
    facts: CheckFacts,
) -> Case:
    """Put together what is known of one package.

    Args:
        path: of the file.
        name: normalised name of the package.
        overrides: all that the file says about it.
        scans: of its wheels, at least one.
        facts: what the index knows.
    """
    replaced = any("buildInputs" in o.replaces for o in overrides)
    whole = replaced or any(o.how in _BUILDERS for o in overrides)
    baseline = frozenset[str]().union(*(facts.baselines.get(scan.target, frozenset()) for scan in scans))
    return Case(
        path=path,
        name=name,
        overrides=tuple(overrides),
        scans=tuple(scans),
        facts=facts,
        needs=_merge_needs(scans),
        opened=frozenset(name for scan in scans for name in scan.opened),
        baseline=frozenset() if whole else baseline,
        replaced=replaced,
        supplied=frozenset(
            choose_facts(facts, entry).attr for entry in list_inputs(overrides) if entry.list_name in _LINKED
        ),
    )


def list_inputs(overrides: Iterable[PackageOverride]) -> tuple[Input, ...]:
    """The inputs of some overrides that are, or may be, of nixpkgs; each once."""
    every = (entry for o in overrides for entry in o.inputs if entry.root is not InputRoot.PYTHON)
    return tuple(dict.fromkeys(every))


def choose_facts(facts: CheckFacts, entry: Input) -> InputFacts:
    """What the index knows of an input; among several readings the first that it knows."""
    readings = [facts.inputs[attr] for attr in (entry.attr, *entry.alternatives)]
    return next((reading for reading in readings if reading.known), readings[0])


def _merge_needs(scans: Iterable[WheelScan]) -> dict[str, Need]:
    """Needs of all wheels of a package; where they differ in class, the one that asks for most."""
    order = ("bundled", "libc", "python", "sibling", "driver", "unknown", "ambiguous", "provided")
    found: dict[str, Need] = {}
    for scan in scans:
        for need in scan.needs:
            known = found.get(need.soname)
            asks_more = known is None or order.index(need.need_class) > order.index(known.need_class)
            if need.machine == scan.machine and asks_more:
                found[need.soname] = need
    return dict(sorted(found.items()))
