"""What an overlay for a lock leaves to its user."""

from __future__ import annotations

import pytest

from wheelfix.lock.residue import tell_qts
from wheelfix.model.reading import Reading
from wheelfix.model.scan import Level
from wheelfix.model.wheel import Distribution

PLUGINS = {
    "opencv-python": "cv2/qt/plugins",
    "opencv-contrib-python": "cv2/qt/plugins",
    "pyqt5-qt5": "PyQt5/Qt5/plugins",
    "pyside6-essentials": "PySide6/Qt/plugins",
}


def make(name: str, *files: str) -> Reading:
    wheel = Distribution(
        target=f"{name}-1.0.whl", name=name, version="1.0", tags=(), requires=(), files=frozenset(files)
    )
    return Reading(distribution=wheel, objects=())


def make_qt(name: str) -> Reading:
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
