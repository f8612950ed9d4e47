"""Toolkits: what is no message of theirs."""

from __future__ import annotations

import pytest

from wheelfix.explain.model import Package, Situation, Symptom, SymptomKind
from wheelfix.explain.read import read_messages
from wheelfix.explain.troubles.toolkits import EXPLAIN


@pytest.mark.parametrize(
    "text",
    [
        "ValueError: Namespace parameter not available for User",
        "devices.errors.Lost: No such audio device id 3",
        "pygame.error: video system not initialized",
        '_tkinter.TclError: unknown option "-foo"',
        "KeyError: 'DISPLAY'",
        "Cannot find module 'vulkan-tools'",
        "sqlite3.OperationalError: unable to open database file",
        "ValueError: feature x11 is not available",
    ],
)
def test_other_texts(text: str) -> None:
    assert not read_messages([f"{text}\n".encode()]).symptoms


@pytest.mark.parametrize(("name", "qt"), [("pyqt5", "qt5"), ("pyqt6", "qt6")])
def test_plugins_of_the_qt_that_runs(name: str, qt: str) -> None:
    situation = Situation(package=Package(name=name))
    trouble = EXPLAIN[SymptomKind.NO_PLUGIN](Symptom(kind=SymptomKind.NO_PLUGIN, soname="xcb"), situation)
    assert trouble is not None
    assert f"pkgs.{qt}.qtbase" in trouble.paste[0][1]
