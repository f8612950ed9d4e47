from __future__ import annotations

import pytest

from wheelfix.index.modules import Modules, find_module_distributions, is_spoken
from wheelfix.model.tables import load_table


@pytest.mark.parametrize(
    ("module", "distribution"),
    [
        ("OpenGL", "pyopengl"),
        ("opengl", "pyopengl"),
        ("grpc_tools", "grpcio-tools"),
        ("smartcard", "pyscard"),
        ("nacl", "pynacl"),
        ("PIL", "pillow"),
        ("Crypto", "pycryptodome"),
        ("usb1", "libusb1"),
        ("xhtml2pdf", None),
        ("numpy", None),
        ("nobody_knows_it", None),
    ],
)
def test_the_usual_distribution_comes_first(module: str, distribution: str | None) -> None:
    assert next(iter(find_module_distributions(module)), None) == distribution


def test_a_module_can_be_in_several() -> None:
    assert find_module_distributions("cv2")[:2] == ("opencv-python", "opencv-python-headless")


def test_words_of_sentences_are_not_taken_for_modules() -> None:
    assert is_spoken("psycopg2")
    assert not any(map(is_spoken, ("image", "git", "websocket", "fuse", "not")))


def test_the_table_is_wide_and_has_no_namespace() -> None:
    modules = load_table(Modules).modules
    assert len(modules) > 1000
    assert max(map(len, modules.values())) < 6
    assert not modules.keys() & {"azure", "nvidia", "zope", "tests", "numpy", "cryptography"}
