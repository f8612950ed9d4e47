"""For all tests: the same surroundings on every machine, and large wheels for those alone that are marked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.packageindex import either_index, index
from tests.support.real import PERMISSION
from tests.support.surroundings import ROOT, link_rust, make_environment

__all__ = ["either_index", "index"]


@pytest.fixture(scope="session", autouse=True)
def _own_surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home that is empty, and no variable, umask or terminal of whoever runs the tests."""
    home = tmp_path_factory.mktemp("home")
    before, umask = dict(os.environ), os.umask(0o022)
    environment = make_environment(before, home)
    link_rust(environment, home / "bin")
    environment["PATH"] = f"{home}/bin:{environment['PATH']}"
    for name in before.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    os.chdir(ROOT)  # what lies in a working directory decides which Python an answer is for
    yield home
    os.environ.clear()
    os.environ.update(before)
    os.umask(umask)


@pytest.fixture(autouse=True)
def _large_wheels_for_marked_tests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PERMISSION, "large", request.node.get_closest_marker("large") is not None)
