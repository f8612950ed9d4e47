"""Messages of programs that look for a part of theirs where a variable of the environment leads.

Nothing that a loader reads helps them: what is advised is the variable that the program itself names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles.common import FROM_NIX, Explain
from wheelfix.explain.troubles.settings import find_inside, write_shell
from wheelfix.explain.wording import Around, word
from wheelfix.model.hints import OpeningKind
from wheelfix.nix.parts import take
from wheelfix.nix.tree import Expr, Str, call


class _Place(NamedTuple):
    """What one variable leads to.

    Attributes:
        what: what happened, as sentences.
        title: what the shell is for.
        value: the variable's value, of nixpkgs.
        shell: the same for the line of a shell, or None.
        packages: attributes of nixpkgs that are wanted on PATH, too.
    """

    what: str
    title: str
    value: Callable[[], Expr]
    shell: str | None = None
    packages: tuple[str, ...] = ()


def _find_schemas() -> Expr:
    desktop, gtk = (
        call("pkgs.glib.getSchemaPath", take(attr)) for attr in ("gsettings-desktop-schemas", "gtk3")
    )
    return Str((desktop, ":", gtk))


_PLACES = {
    "JAVA_HOME": _Place(
        "Java is not found: libjvm.so is opened below JAVA_HOME, and the program java is run from there.",
        "A Java, for what looks for it by JAVA_HOME.",
        lambda: take("jdk.home"),
        FROM_NIX.format(attr="jdk") + "/lib/openjdk",
        ("jdk",),
    ),
    "MAGICK_HOME": _Place(
        "wand opens the libraries of ImageMagick by name, below MAGICK_HOME first.",
        "ImageMagick, where wand looks first.",
        lambda: take("imagemagick"),
        FROM_NIX.format(attr="imagemagick"),
    ),
    "XKB_CONFIG_ROOT": _Place(
        "libxkbcommon finds no keyboard layouts: it looks in /usr/share/X11/xkb, which NixOS does not have, "
        "or where XKB_CONFIG_ROOT leads. No library is missing.",
        "Keyboard layouts.",
        lambda: find_inside("xkeyboard-config", "/share/X11/xkb"),
        FROM_NIX.format(attr="xkeyboard-config") + "/share/X11/xkb",
    ),
    "GSETTINGS_SCHEMA_DIR": _Place(
        "GLib finds no schemas of GSettings: it looks in glib-2.0/schemas below the directories of "
        "XDG_DATA_DIRS, "
        "or where GSETTINGS_SCHEMA_DIR leads. A program that Nix builds gets them by wrapGAppsHook3 "
        "(wrapGAppsHook4 for GTK 4) in nativeBuildInputs. No library is missing.",
        "Schemas of the desktop and of GTK.",
        _find_schemas,
        f"$(echo {FROM_NIX.format(attr='gtk3')}/share/gsettings-schemas/*/glib-2.0/schemas)",
    ),
    "TESSDATA_PREFIX": _Place(
        "Tesseract finds no data of its languages: it looks where TESSDATA_PREFIX leads.",
        "Tesseract, with its languages.",
        lambda: find_inside("tesseract", "/share/tessdata"),
        FROM_NIX.format(attr="tesseract") + "/share/tessdata",
        ("tesseract",),
    ),
    "R_HOME": _Place(
        "R is not found: libR.so is opened below R_HOME, or below what `R RHOME` tells.",
        "R, for what looks for it by R_HOME.",
        lambda: find_inside("R", "/lib/R"),
        FROM_NIX.format(attr="R") + "/lib/R",
        ("R",),
    ),
}


def _tell(name: str, distribution: str | None = None) -> Callable[[re.Match[str], Around], Iterator[Symptom]]:
    def build(_match: re.Match[str], _around: Around) -> Iterator[Symptom]:
        yield Symptom(kind=SymptomKind.NO_PLACE, names=(name,), distribution=distribution)

    return build


def _tell_wand(_match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    yield Symptom(kind=SymptomKind.NO_PLACE, names=("MAGICK_HOME",), distribution="wand")
    yield Symptom(
        kind=SymptomKind.NAMED,
        soname="libMagickWand-7.Q16HDRI.so",
        distribution="wand",
        call=OpeningKind.FIND_LIBRARY,
    )


WORDINGS = (
    # jpype: _jvmfinder.py; pyjnius: env.py; pyspark: java_gateway.py, and bin/spark-class; konlpy, h2o …
    word(
        SymptomKind.NO_PLACE,
        "No JVM shared library file",
        r"No JVM shared library file \([^)\n]{0,200}\) found",
        _tell("JAVA_HOME", "jpype1"),
    ),
    word(
        SymptomKind.NO_PLACE,
        "JAVA_HOME",
        r"JAVA_HOME (?:is|was|environment variable is|env(?:ironment)? var(?:iable)?)? ?not (?:been )?"
        r"(?:set|found|defined)|(?:Unable to (?:find|determine)|[Cc]ould not find|[Cc]annot find) JAVA_HOME",
        _tell("JAVA_HOME"),
    ),
    word(SymptomKind.NO_PLACE, "JAVA_GATEWAY_EXITED", r"JAVA_GATEWAY_EXITED", _tell("JAVA_HOME", "pyspark")),
    word(
        SymptomKind.NO_PLACE,
        "Java gateway process exited",
        r"Java gateway process exited before sending",
        _tell("JAVA_HOME", "pyspark"),
    ),
    # wand: api.py.
    word(
        SymptomKind.NO_PLACE,
        "MagickWand shared library",
        r"MagickWand shared library not found",
        _tell_wand,
    ),
    # libxkbcommon: src/context.c; those that use it.
    word(
        SymptomKind.NO_PLACE,
        "default include path",
        r"failed to add default include path \S*X11/xkb",
        _tell("XKB_CONFIG_ROOT"),
    ),
    word(
        SymptomKind.NO_PLACE,
        "xkb context",
        r"[Ff]ailed to create (?:an? )?(?:xkb|XKB) context",
        _tell("XKB_CONFIG_ROOT"),
    ),
    # GLib: gio/gsettings.c, gio/gsettingsschema.c.
    word(
        SymptomKind.NO_PLACE,
        "No GSettings schemas",
        r"No GSettings schemas are installed on the system",
        _tell("GSETTINGS_SCHEMA_DIR"),
    ),
    word(
        SymptomKind.NO_PLACE,
        "Settings schema '",
        r"Settings schema '(?:org\.gtk|org\.gnome)\.[\w.-]+' is not installed",
        _tell("GSETTINGS_SCHEMA_DIR"),
    ),
    # tesseract: src/ccutil/ccutil.cpp.
    word(
        SymptomKind.NO_PLACE,
        "TESSDATA_PREFIX",
        r"make sure the TESSDATA_PREFIX environment variable is set",
        _tell("TESSDATA_PREFIX"),
    ),
    # rpy2: situation.py, rinterface_lib/openrlib.py.
    word(
        SymptomKind.NO_PLACE,
        "R_HOME",
        r"(?:R_HOME (?:is|must be) (?:not )?set|cannot (?:find|determine) R_HOME|[Uu]nable to determine R "
        r"home|The R home)",
        _tell("R_HOME", "rpy2"),
    ),
)


def _explain_place(symptom: Symptom, situation: Situation) -> Trouble:
    name = symptom.names[0]
    place = _PLACES[name]
    shell = write_shell(situation, place.title, packages=place.packages, variables={name: place.value()})
    return Trouble(
        kind=SymptomKind.NO_PLACE,
        what=place.what,
        paste=(shell,),
        now=(f'{name}="{place.shell}" COMMAND',) if place.shell else (),
    )


EXPLAIN: Mapping[SymptomKind, Explain] = {SymptomKind.NO_PLACE: _explain_place}
