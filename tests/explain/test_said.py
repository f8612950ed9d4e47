"""Words of packages, and libraries that a text only mentions."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from wheelfix.explain.model import Account, Symptom, SymptomKind
from wheelfix.explain.plan import find_package
from wheelfix.explain.read import read_messages
from wheelfix.explain.said import add_sayings, list_concerned
from wheelfix.index.choice import open_index, open_names
from wheelfix.index.named_table import NamedIndex
from wheelfix.index.table import SonameTable

SITE = "/home/ada/maps/.venv/lib/python3.12/site-packages"
FRAME = f'  File "{SITE}/{{file}}", line 3, in <module>\n    run()\n'
HEAD = "Traceback (most recent call last):\n"


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterable[tuple[SonameTable, NamedIndex]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        table = open_index()
        yield table, open_names(table)


def tell(text: str, index: tuple[SonameTable, NamedIndex]) -> Account:
    return add_sayings(read_messages([text.encode()]), *index)


def test_a_sentence_of_a_package_is_a_library(index: tuple[SonameTable, NamedIndex]) -> None:
    text = HEAD + FRAME.format(file="zarr_reader/x.py") + "ImportError: Unable to find zbar shared library\n"
    text = text.replace("Unable to find zbar shared library", "libusb library could not be loaded")
    text = HEAD + FRAME.format(file="OpenGL/platform/egl.py")
    text += "ImportError: Unable to load OpenGL library\n"
    account = tell(text, index)
    (symptom,) = account.symptoms
    assert (symptom.kind, symptom.distribution) == (SymptomKind.NAMED, "pyopengl")
    assert (symptom.soname or "").startswith(("libGL.", "libOpenGL."))
    package = find_package(account)
    assert package
    assert (package.name, package.environment) == ("pyopengl", "/home/ada/maps/.venv")


def test_a_loaders_message_counts_before_words(index: tuple[SonameTable, NamedIndex]) -> None:
    text = "ImportError: libtbb.so.12: cannot open shared object file: No such file or directory\n"
    text += HEAD + FRAME.format(file="OpenGL/x.py") + "ImportError: Unable to load OpenGL library\n"
    assert [symptom.soname for symptom in tell(text, index).symptoms] == ["libtbb.so.12"]


@pytest.mark.parametrize(
    ("text", "sonames"),
    [
        ("gauge: no usable libmodbus.so.5 on this machine\n", ["libmodbus.so.5"]),
        ("could not open any of: libzbar.so.0\n", ["libzbar.so.0"]),
        ("wrote libzbar.so.0 and libmodbus.so.5\n", []),  # nothing is absent
        ("not an error: libc.so.6(abort+0x12)\n", []),  # every program has it
        ("failed in /opt/x/libzbar.so.0\n", []),  # a path that is there
        ("no libnobody-has.so.9 here\n", []),
    ],
)
def test_libraries_that_a_text_mentions(
    text: str, sonames: list[str], index: tuple[SonameTable, NamedIndex]
) -> None:
    assert [symptom.soname for symptom in tell(text, index).symptoms] == sonames


def test_a_word_that_is_no_program_of_nixpkgs_is_none(index: tuple[SonameTable, NamedIndex]) -> None:
    account = read_messages([b"bash: my-own-script: command not found\n"])
    assert account.symptoms == (Symptom(kind=SymptomKind.NO_PROGRAM, names=("my-own-script",)),)
    assert add_sayings(account, *index).symptoms == ()


def test_compiled_code_is_not_blamed_on_its_caller(index: tuple[SonameTable, NamedIndex]) -> None:
    frame = FRAME.format(file="marrow/beds.py").replace("run()", "rows = torch.linalg.inv(beds)")
    end = "libnvrtc.so.12: cannot open shared object file: No such file or directory\n"

    def blame(text: str) -> str | None:
        package = find_package(tell(HEAD + text + end, index))
        return package.name if package else None

    assert blame(frame + "RuntimeError: Error in dlopen: ") == "torch"
    assert blame(frame + "ImportError: ") == "marrow"  # an import's frames are those of who imports
    assert blame(frame.replace("torch", "beds") + "RuntimeError: Error in dlopen: ") == "marrow"
    assert blame(FRAME.format(file="torch/x.py") + "RuntimeError: Error in dlopen: ") == "torch"


def test_packages_of_frames_are_listed_from_the_inside() -> None:
    text = HEAD + "".join(FRAME.format(file=f"{name}/x.py") for name in ("outer", "cv2", "outer", "yaml"))
    account = read_messages([text.encode() + b"ValueError: x\n"])
    assert list_concerned(account) == ("pyyaml", "outer", "opencv-python")


def test_words_in_a_large_log_are_found_as_in_a_short_text(index: tuple[SonameTable, NamedIndex]) -> None:
    text = HEAD + FRAME.format(file="fluidsynth.py") + "ImportError: Couldn't find the FluidSynth library.\n"
    line = "compiling src/a.c to build/a.o with 17 warnings\n"
    buried = line * 20_000 + text + line * 20_000
    assert tell(buried, index).symptoms == tell(text, index).symptoms != ()
