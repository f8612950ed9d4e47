"""Writes the Nix code of packages that conda provides: one prefix, and a view of each of them."""

from __future__ import annotations

from wheelfix.lock.model import LockPlan
from wheelfix.lock.prefix import (
    bind_fetch,
    bind_link,
    find_python,
    plan_runpaths,
    write_packages,
    write_prefix,
    write_view,
)
from wheelfix.model.lock import Choice, ChoiceKind
from wheelfix.model.python import parse_python
from wheelfix.nix.parts import write_guarded
from wheelfix.nix.tree import (
    Attrs,
    Binary,
    Commented,
    Expr,
    Inherit,
    Lambda,
    Let,
    Select,
    bind,
    call,
    select,
    text,
)

PREFIX = "wheelfix-conda"
"""Attribute of the package set that has the prefix."""
_WHAT = "What packages from conda need beside them: a prefix of conda's packages, without those of the lock"


def write_provided(plan: LockPlan) -> list[Expr]:
    """Write the sets of an overlay that have the packages which conda provides."""
    chosen = [choice for choice in plan.choices if choice.kind is ChoiceKind.CONDA]
    if not chosen:
        return []
    runpaths = plan_runpaths(plan.conda_scans, find_python(plan.conda))
    prefix = write_prefix(write_packages(plan.conda), plan.system, runpaths)
    linked = Binary("//", prefix, Attrs((Inherit(("link",)),)))
    whole = Let((bind_link(), bind_fetch()), linked)
    sets: list[Expr] = [Commented(_WHAT, Attrs((bind(PREFIX, whole),)))]
    return [*sets, *(_write_package(choice, plan) for choice in chosen)]


def _write_package(choice: Choice, plan: LockPlan) -> Expr:
    """Write one package: its files are conda's, all else is as the lock has it."""
    package = choice.package
    python = parse_python(plan.python)
    site = f"lib/python3.{python.minor}/site-packages" if python else "lib/python3/site-packages"
    view = write_view(select("final", PREFIX), choice.conda, text(site), label=package.name)
    passed = bind("passthru", Select(select("prev", package.name), ("passthru",)))
    named = [bind("pname", text(package.name)), bind("version", text(package.version or "0"))]
    changed = call(Select(view, ("overrideAttrs",)), Lambda("old", Attrs((*named, passed))))
    body = Let((Inherit(("link",), select("final", PREFIX)),), changed)
    return write_guarded(package.name, Commented(f"{package.label}: conda's {choice.conda}", body))
