"""Several Qts in one environment."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.elf import build_elf
from tests.support.facts import open_table
from tests.support.wheel import build_wheel
from wheelfix.model.scan import Level
from wheelfix.model.wheel import Distribution
from wheelfix.scan.findings import tell_qts
from wheelfix.scan.scan import ScanOptions, scan_targets
from wheelfix.scan.target import find_targets

PLUGINS = {
    "opencv-python": "cv2/qt/plugins",
    "opencv-contrib-python": "cv2/qt/plugins",
    "pyqt5-qt5": "PyQt5/Qt5/plugins",
    "pyside6-essentials": "PySide6/Qt/plugins",
}


def make(name: str, *files: str) -> Distribution:
    return Distribution(
        target=f"{name}-1.0.whl", name=name, version="1.0", tags=(), requires=(), files=frozenset(files)
    )


def make_qt(name: str) -> Distribution:
    return make(name, f"{PLUGINS[name]}/platforms/libqxcb.so", f"{PLUGINS[name]}/platforms/libqoffscreen.so")


@pytest.mark.parametrize("opencv", ["opencv-python", "opencv-contrib-python"])
def test_opencv_beside_another_qt_names_the_wheel_without_one(opencv: str) -> None:
    (told,) = tell_qts([make_qt("pyqt5-qt5"), make_qt(opencv)])
    assert (told.level, told.subject) == (Level.WARNING, f"{opencv} and pyqt5-qt5")
    assert f"lock {opencv}-headless" in told.message
    assert "cv2/qt/plugins" in told.message
    assert "PyQt5/Qt5/plugins" in told.message


def test_two_bindings_of_qt_are_a_note() -> None:
    (told,) = tell_qts([make_qt("pyside6-essentials"), make_qt("pyqt5-qt5")])
    assert told.level is Level.NOTE
    assert "QT_QPA_PLATFORM_PLUGIN_PATH" in told.message


def test_one_qt_is_none_too_many() -> None:
    others = [
        make("pyside6-addons", "PySide6/Qt/plugins/designer/libx.so"),
        make("demo", "demo/plugins/a.so"),
    ]
    assert tell_qts([make_qt("pyside6-essentials"), *others]) == ()


def test_an_environment_says_so(tmp_path: Path) -> None:
    elf = build_elf(tmp_path, "libqxcb.so")
    wheels = [
        build_wheel(tmp_path, name=name, files={f"{PLUGINS[name]}/platforms/libqxcb.so": elf})
        for name in ("opencv-python", "pyqt5-qt5")
    ]
    site = tmp_path / ".venv/lib/python3.12/site-packages"
    site.mkdir(parents=True)
    (tmp_path / ".venv/pyvenv.cfg").write_text("version = 3.12.1\n")
    for wheel in wheels:
        with ZipFile(wheel) as archive:
            archive.extractall(site)
    environment = tmp_path / ".venv"
    options = ScanOptions(index=open_table(), cache=None)
    for text, count in ((environment, 1), (tmp_path, 0)):  # a directory of wheels is no environment
        told = scan_targets(find_targets([str(text)], "scan"), options).findings
        assert [f.subject for f in told if "Qt" in f.message] == ["opencv-python and pyqt5-qt5"] * count
