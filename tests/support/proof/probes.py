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
DISPLAY = """
import os, socket
os.environ["DISPLAY"] = ":0"
os.mkdir("/tmp/.X11-unix")
server = socket.socket(socket.AF_UNIX)
server.bind("/tmp/.X11-unix/X0")
server.listen()
# A process of its own: who waits for an answer may hold the interpreter's lock.
if os.fork() == 0:
    while True:
        connection = server.accept()[0]
        os.makedirs("/tmp/asked", exist_ok=True)
        connection.close()
server.close()

def asked():
    return os.path.exists("/tmp/asked")
"""
"""An X server that answers nobody, but knows whether it was asked: whoever asks has its libraries."""


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
        build: whether the wheel is to be built of the source distribution.
        changed: whether nixpkgs changes the sources by hand, so that they find their libraries.
        driver: whether a GPU driver has to be there.
    """

    name: str
    code: str
    opens: tuple[str, ...]
    version: str = ""
    platform: str = ""
    companions: tuple[str, ...] = ()
    build: bool = False
    changed: bool = False
    driver: bool = False

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
            code=PRETENCE.format(names=row.get("pretend", []))
            + (DISPLAY if row.get("display") else "")
            + row["probe"],
            opens=tuple(row["opens"]),
            version=row.get("version", ""),
            platform=row.get("platform", ""),
            companions=tuple(row.get("with", [])),
            build=row.get("build", False),
            changed=row.get("changed", False),
            driver=row.get("driver", False),
        )
        for name, row in tomllib.loads(TABLE.read_text()).items()
    }
