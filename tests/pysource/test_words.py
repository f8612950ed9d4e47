"""What packages say when they do not find a library or a program, read in sources made for it."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.support.counting import count_calls
from wheelfix.model.words import OwnWords, Sentence
from wheelfix.pysource.sources import find_in_sources
from wheelfix.pysource.words import find_own_words, is_absent


def read(**sources: str) -> OwnWords:
    """What a distribution with some modules says."""
    files = {f"{name}.py": dedent(source).encode() for name, source in sources.items()}
    return find_own_words(tuple(files), files.get, find_in_sources(tuple(files), files.get))


def say(own: OwnWords) -> dict[str, tuple[str, ...]]:
    return {one.text: (*one.libraries, *one.programs) for one in own.sentences}


def test_a_sentence_beside_the_opening() -> None:
    own = read(
        lute="""
        from ctypes import CDLL
        from ctypes.util import find_library

        def load():
            name = find_library("lutestring")
            if name is None:
                raise OSError("The lute has no strings: library not found")
            return CDLL(name)
        """
    )
    assert own.libraries == ("liblutestring.so",)
    assert say(own) == {"The lute has no strings: library not found": ("liblutestring.so",)}


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        ('"cannot find libviol on %s" % machine', "cannot find libviol on"),
        ('"cannot find libviol on {} today".format(machine)', "cannot find libviol on {} today"),
        ('f"cannot find libviol on {machine!r} today"', "cannot find libviol on {} today"),
        ('"cannot find " + "libviol on " + machine + " today"', "cannot find libviol on {} today"),
        ('"cannot find libviol " "on %d%% of machines" % share', "cannot find libviol on {}% of machines"),
        ("MESSAGE % machine", "cannot find libviol, not even on"),
        ('"\\n".join(["Sorry.", "cannot find libviol: " + machine])', "cannot find libviol:"),
        ('dedent("""\n    We are sorry.\n    cannot find   libviol.\n""")', "cannot find libviol."),
    ],
)
def test_templates(raised: str, text: str) -> None:
    own = read(
        viol=f"""
from ctypes import CDLL
from textwrap import dedent

MESSAGE = "cannot find libviol, not even on %s"

def load(machine, share):
    try:
        return CDLL("libviol.so.3")
    except OSError:
        raise RuntimeError({raised})
"""
    )
    assert {**say(own), "cannot find libviol, not even on": ("libviol.so.3",)} == {
        "cannot find libviol, not even on": ("libviol.so.3",),
        text: ("libviol.so.3",),
    }


def test_a_message_that_is_fixed_in_the_class() -> None:
    own = read(
        errors="""
        class NoHarp(Exception):
            def __init__(self):
                super().__init__(f"{harp} is not installed, or not in your PATH")

        harp = "harpplayer"
        """,
        player="""
        import subprocess
        from errors import NoHarp
        command = "harpplayer"

        def play(file):
            try:
                subprocess.run([command, file])
            except FileNotFoundError:
                raise NoHarp()
        """,
    )
    assert own.programs == ("harpplayer",)
    assert say(own) == {"is not installed, or not in your PATH": ("harpplayer",)}


def test_the_caller_speaks() -> None:
    own = read(
        horn="""
        import shutil, subprocess

        def _find():
            return shutil.which("hornblower")

        def blow(tune):
            path = _find()
            if not path:
                raise RuntimeError("the program to blow with is not installed")
            subprocess.check_call([path, tune])
        """
    )
    assert say(own) == {"the program to blow with is not installed": ("hornblower",)}


def test_far_from_the_opening_only_what_names_it() -> None:
    own = read(
        drum="""
        import ctypes
        lib = ctypes.CDLL("libdrumkit.so.2")
        """,
        other="""
        import subprocess
        import logging

        def check(size):
            if size < 0:
                raise ValueError("size not found")
            logging.warning("drumkit is not available: install it with your package manager")
            raise LookupError("no such sheet of music was found in this library")
        """,
    )
    assert say(own) == {
        "drumkit is not available: install it with your package manager": ("libdrumkit.so.2",)
    }


def test_a_helper_for_any_library_has_a_hole_for_the_name() -> None:
    own = read(
        loader="""
        import ctypes

        def load(name):
            try:
                return ctypes.CDLL(name)
            except OSError:
                raise ImportError(f'Library "{name}" not found.')
        """,
        one="""
        from loader import load
        a = load("libpiccolo.so")
        b = load("libbassoon.so")
        """,
    )
    assert own.libraries == ("libbassoon.so", "libpiccolo.so")
    assert own.sentences == (Sentence(text='Library "{}" not found.', filled=True, weak=True),)


def test_what_is_about_other_things_is_left_out() -> None:
    own = read(
        organ="""
        import ctypes

        def load():
            lib = ctypes.CDLL("liborgan.so.1")
            if lib is None:
                raise OSError("organ.dll could not be found on Windows")
            if lib.version() < 3:
                raise OSError("needs liborgan 3 or later")
            raise KeyError("stop not found")
        """
    )
    assert own.sentences == ()


@pytest.mark.parametrize(
    ("text", "weak"),
    [
        ("libcello shared library not found", False),
        ("The %s library could not be found", True),
        ("Unable to load any of the libraries that play a low string", False),
        ("Failed to load: %s", True),
    ],
)
def test_what_others_may_say_as_well_is_weak(text: str, weak: bool) -> None:
    own = read(
        cello=f"""
        import ctypes

        def load(name):
            try:
                return ctypes.CDLL("libcello.so.1")
            except OSError:
                raise ImportError("{text}" % name)
        """
    )
    assert [one.weak for one in own.sentences] == [weak]


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("zither is not installed", True),
        ("could not find the zither library", True),
        ("Is zither installed?", True),
        ("the column was not found", False),
        ("zither.dll not found", False),
        ("zither was tuned", False),
    ],
)
def test_what_says_that_something_is_absent(text: str, absent: bool) -> None:
    assert is_absent(text) is absent


def test_broken_and_hostile_sources_give_nothing_and_cost_little() -> None:
    head = "import ctypes\nlib = ctypes.CDLL('libx1.so.1')\n"
    for body in (
        "def f(:\n",
        "x = " + "(" * 500 + ")" * 500,
        "raise E('a' " + "+ 'b'" * 5000 + ")",
        "\0",
    ):
        assert read(bad=head + body).sentences == ()


@pytest.mark.parametrize(
    "piece",
    [
        "def f{0}():\n    raise E{1}('libx1 not found ' + a{0})\n",
        "a{0} = a{1} or 'libx1'\nraise E(f'{{a{0}}} not found')\n",
        "class E{0}(E{1}Error):\n    message = 'libx1 was not found'\n",
        "def g():\n    g()\n    ctypes.CDLL(a)\n    raise E('no library found: %s' % a)\n",
    ],
)
def test_the_work_grows_with_the_source(piece: str) -> None:
    def count(times: int) -> int:
        body = "".join(piece.format(number, number - 1) for number in range(times))
        source = f"import ctypes\nctypes.CDLL('libx1.so.1')\n{body}".encode()
        uses = find_in_sources(("m.py",), lambda _: source)
        return count_calls(lambda: find_own_words(("m.py",), lambda _: source, uses))[1]

    assert count(800) < 5 * count(200)
