from __future__ import annotations

import re

import pytest

from wheelfix.index.choice import open_index
from wheelfix.model.tables import load_table
from wheelfix.nix.quote import is_identifier
from wheelfix.sdist.crates import Crates, NativeRule

RULES = load_table(Crates).rules
# Names that nixpkgs gives to other packages: no database has them.
ALIASES = {"libmysqlclient", "udev"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.crate}-{rule.why[:20]}")
def test_rule_is_well_formed(rule: NativeRule) -> None:
    assert re.fullmatch(r"[a-z0-9_-]+", rule.crate)
    assert rule.libraries or rule.tools or rule.problem
    for condition in (*rule.when, *rule.unless):
        assert re.fullmatch(r"(dep|crate):[a-z0-9_-]+|[a-z0-9_-]+/[\w-]+", condition)
    for name, value in rule.settings.items():
        assert is_identifier(name)
        assert value
    assert not rule.why.endswith(".")


def test_libraries_are_attributes_of_nixpkgs() -> None:
    table = open_index()
    unknown = {attr for rule in RULES for attr in rule.libraries if not table.has_attr(attr)}
    assert unknown == ALIASES


def test_two_rules_of_a_crate_exclude_each_other() -> None:
    by_crate: dict[str, list[NativeRule]] = {}
    for rule in RULES:
        by_crate.setdefault(rule.crate, []).append(rule)
    for rules in by_crate.values():
        if len(rules) > 1:
            one, other = rules
            assert set(one.when) & set(other.unless) or set(other.when) & set(one.unless)
