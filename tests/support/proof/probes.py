"""Probes of ``benchmarks/imports.toml``: how to see that a package has opened what it opens by name."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.proof.proving import Result, find_attr

TABLE = Path(__file__).parents[3] / "benchmarks" / "imports.toml"
PRETENCE = """
import sys
from importlib.machinery import ModuleSpec
from unittest.mock import MagicMock

class Pretence:
    names = {names!r}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        return MagicMock(__name__=spec.name, __path__=[], __version__="9.9")

    def exec_module(self, module):
        pass

# Last: what is really there is preferred.
sys.meta_path.append(Pretence())
"""


@dataclass(frozen=True)
class Probe:
    """How to see that a distribution works.

    Attributes:
        name: the distribution.
        code: Python code.
        opens: stems of libraries that have to be mapped at its end; of several with ``|`` between them, any.
        version: that it was written for; empty for any.
        platform: tag of the wheel that is meant; empty for the best one.
        companions: distributions that have to be there, too.
    """

    name: str
    code: str
    opens: tuple[str, ...]
    version: str = ""
    platform: str = ""
    companions: tuple[str, ...] = ()

    def holds(self, result: Result) -> bool:
        """Whether it worked with the libraries that were meant."""
        found = {path.name.partition(".so")[0] for path in result.mapped if find_attr(path)}
        return result.worked and all(found & set(stems.split("|")) for stems in self.opens)


@cache
def read_probes() -> dict[str, Probe]:
    """Probes by the distribution's normalised name."""
    return {
        name: Probe(
            name=name,
            code=PRETENCE.format(names=row.get("pretend", [])) + row["probe"],
            opens=tuple(row["opens"]),
            version=row.get("version", ""),
            platform=row.get("platform", ""),
            companions=tuple(row.get("with", [])),
        )
        for name, row in tomllib.loads(TABLE.read_text()).items()
    }
