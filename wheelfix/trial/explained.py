"""Explains failed imports as ``wheelfix explain`` does, with the whole environment at hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from wheelfix.explain.installed import find_present
from wheelfix.explain.model import Account, Explanation, Installed, Package
from wheelfix.explain.plan import find_package, plan_explanation
from wheelfix.explain.said import add_sayings
from wheelfix.index.table import SonameTable
from wheelfix.scan.scan import ScanOptions, TargetScan, scan_targets
from wheelfix.scan.target import Target
from wheelfix.trial.judge import Explain
from wheelfix.trial.model import BasePython
from wheelfix.wheel.environment import Environment


def make_explain(
    target: Target,
    environment: Environment,
    base: BasePython,
    *,
    index: SonameTable,
    prefer: Sequence[str],
    host: bool,
) -> Explain:
    """Make the function that explains texts; the environment is scanned when it is called first.

    Args:
        target: the environment.
        environment: the same, read.
        base: its Python.
        index: the index for attributes.
        prefer: attributes that win if several provide a library, strongest first.
        host: whether the libraries of this system are found, as there is no namespace.
    """

    @cache
    def scan() -> dict[str, TargetScan]:
        scanned = scan_targets([target], ScanOptions(index=index, prefer=prefer))
        return {part.scan.name: part for part in scanned.parts}

    def explain(distribution: str, account: Account) -> Explanation:
        account = add_sayings(account, index, None)
        name = _find_owner(find_package(account), environment) or distribution
        part = scan().get(name)
        package = Package(
            name=name,
            version=part.scan.version if part else None,
            site=str(environment.site),
            environment=target.text,
        )
        installed = Installed(
            package=package,
            reading=part.reading if part else None,
            at_hand=part.at_hand if part else None,
            python=base.program,
        )
        found = part.scan if part else None
        present = find_present(installed, found, host=host)
        return plan_explanation(account, installed, index, prefer, scan=found, present=present)

    return explain


def _find_owner(package: Package | None, environment: Environment) -> str | None:
    """Find the distribution that a text is about, by its file or name, if it is installed here."""
    named = [one.distribution for one in environment.distributions if one.distribution and package]
    owners = [one.name for one in named if package and package.file in one.files]
    same = [one.name for one in named if package and package.name == one.name]
    return next(iter((*owners, *same)), None)
