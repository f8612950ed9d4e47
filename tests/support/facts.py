"""Facts of real wheels that ``scripts/collect_wheel_facts.py`` wrote, as if they had just been read."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from tests.support.real import FIXTURES
from wheelfix.index.choice import open_bundled
from wheelfix.index.table import SonameTable
from wheelfix.model.base import convert, replace
from wheelfix.model.elf import ElfObject, ElfTraits, VersionNeed
from wheelfix.model.hints import ElfHints, SourceUse
from wheelfix.model.override import Adapter, Cuda, Dialect, Override
from wheelfix.model.reading import About, Reading
from wheelfix.model.scan import WheelScan
from wheelfix.model.wheel import Distribution, Requirement
from wheelfix.override.dialects import render_overrides
from wheelfix.override.plan import describe_package, plan_override
from wheelfix.override.python_set import PythonSet
from wheelfix.override.strip import add_imports
from wheelfix.scan.conclude import conclude
from wheelfix.wheel.metadata import find_environment, parse_requirement


@cache
def open_table() -> SonameTable:
    return open_bundled()


@cache
def read_facts(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FIXTURES / "wheel-facts" / f"{name}.json").read_text())
    return document


def parse_requires(lines: list[str], tags: list[str]) -> tuple[Requirement, ...]:
    environment = find_environment(tags)
    return tuple(r for line in lines if (r := parse_requirement(line, environment)))


@cache
def make_reading(name: str) -> Reading:
    """What reading the wheel gives, without the strings that are no openings."""
    facts = read_facts(name)
    wheel = Distribution(
        target=facts["target"],
        name=facts["name"],
        version=facts["version"],
        tags=tuple(facts["tags"]),
        requires=parse_requires(facts["requires"], facts["tags"]),
        files=frozenset(facts["files"]),
    )
    objects = []
    for found in facts["objects"]:
        lists = {key: tuple(value) for key, value in found.items() if isinstance(value, list)}
        versions = tuple(
            VersionNeed(soname=v["soname"], versions=tuple(v["versions"])) for v in found["versions"]
        )
        objects.append(ElfObject(**(found | lists | {"versions": versions})))
    hints = tuple(
        ElfHints(path=path, traits=ElfTraits(path=path, machine="x86_64"), strings=tuple(names))
        for path, names in facts["strings"].items()
    )
    uses = tuple(convert(use, SourceUse) for use in facts["uses"])
    return Reading(distribution=wheel, objects=tuple(objects), hints=hints, uses=uses)


@cache
def make_scan(name: str) -> WheelScan:
    return conclude(make_reading(name), open_table())


def add_details(name: str, override: Override, packages: PythonSet | None = None) -> Override:
    """Make a complete package of an override for a wheel of these facts."""
    reading = replace(make_reading(name), about=About(**read_facts(name)["source"]))
    return replace(override, details=describe_package(reading, override, packages))


def plan(name: str, cuda: Cuda) -> Override:
    """The plan for a wheel, with the imports that were found in it."""
    override = add_details(name, plan_override(make_reading(name), make_scan(name), cuda))
    if override.strip is None:
        return override
    return replace(override, strip=add_imports(override.strip, read_facts(name)["imports"]))


def render(name: str, dialect: Dialect, cuda: Cuda) -> str:
    """The file that ``wheelfix override`` writes for the wheel."""
    override = plan(name, cuda)
    if override.cuda is Cuda.PREBUILT:
        assert override.strip
        adapter = Adapter(
            name=override.name,
            version=override.version,
            target=override.target,
            attr=("python3Packages", override.name),
            strip=override.strip,
        )
        return render_overrides([], [adapter], dialect)
    return render_overrides([override], [], dialect)


@cache
def read_closure(name: str) -> dict[str, Distribution]:
    """Metadata of a requirement and of all it requires, the requirement itself first."""
    found = json.loads((FIXTURES / "closures" / f"{name}.json").read_text())
    tags = re.findall(r"-(cp\d+-cp\d+-\w+)\.whl", found[0]["target"])
    return {
        one["name"]: Distribution(
            target=one["target"],
            name=one["name"],
            version=one["version"],
            tags=tuple(tags) if one is found[0] else (),
            requires=parse_requires(one["requires"], tags),
            files=frozenset(),
        )
        for one in found
    }
