"""Messages of toolkits: Qt, GTK, Tk and SDL, their displays, and other programs that miss data or plugins."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from wheelfix.explain.model import Interpreter, Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.paths import parse_path
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.troubles.settings import find_inside, write_browsers, write_shell
from wheelfix.explain.wording import Around, word
from wheelfix.nix.parts import take
from wheelfix.nix.tree import Attrs, Expr, Lambda, List, Str, bind, call, text

_X11 = ("libX11.so.6", "libXext.so.6", "libXcursor.so.1", "libXi.so.6", "libXrandr.so.2")
_WAYLAND = (
    "libwayland-client.so.0",
    "libwayland-cursor.so.0",
    "libwayland-egl.so.1",
    "libxkbcommon.so.0",
)
_AUDIO = ("libasound.so.2", "libpulse.so.0")
_OPENED = {"x11": _X11, "wayland": _WAYLAND, "": (*_X11, *_WAYLAND)}
"""What SDL opens by name for a system of windows."""
_OF_NIX = re.compile(r"/nix/store/[0-9a-z]{32}-python3")


def _tell_plugin(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    """Tell of a platform plugin that is not there, or that is and could not be loaded."""
    absent = match["verb"] == "find"
    yield Symptom(
        kind=SymptomKind.NO_PLUGIN if absent else SymptomKind.PLUGIN,
        soname=match["soname"],
        wanted_by=match["place"] or None,
    )


def _tell_video(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Tell what SDL opens for windows: a wheel's own SDL finds none of it; that of nixpkgs finds all."""
    name = (match.groupdict().get("name") or "").lower()
    yield Symptom(kind=SymptomKind.NO_VIDEO, names=(name,) if name else ())
    if not any(_OF_NIX.search(line) for line in around.before() if "/site-packages/" in line):
        for soname in _OPENED.get(name, ()):
            yield Symptom(kind=SymptomKind.MISSING, soname=soname, unsure=True)


def _tell_audio(_match: re.Match[str], around: Around) -> Iterator[Symptom]:
    yield Symptom(kind=SymptomKind.NO_AUDIO)
    if not any(_OF_NIX.search(line) for line in around.before() if "/site-packages/" in line):
        for soname in _AUDIO:
            yield Symptom(kind=SymptomKind.MISSING, soname=soname, unsure=True)


def _tell_oracle(_match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    yield Symptom(kind=SymptomKind.MISSING, soname="libclntsh.so", unsure=True)


def _tell_odbc(match: re.Match[str], _around: Around) -> Iterator[Symptom]:
    yield Symptom(kind=SymptomKind.NO_ODBC, names=(match["name"],))


def _tell_typelib(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Tell a namespace, and its version: that of the message, else of the call that the lines before show."""
    name, number = match["name"], match.groupdict().get("number")
    if not number:
        calls = (m for line in around.before() for m in _REQUIRE.finditer(line) if m["name"] == name)
        number = next((m["number"] for m in calls), None)
    yield Symptom(kind=SymptomKind.NO_TYPELIB, names=(name, *((number,) if number else ())))


_REQUIRE = re.compile(r"require_version\(\s?['\"](?P<name>\w+)['\"],\s?['\"](?P<number>[\d.]+)['\"]")


def _tell_tcl(_match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Tell the version of Tcl whose scripts are searched for, as the directories in the next lines show."""
    lines = around.after()[:_TCL_LINES]
    number = next((m["number"] for line in lines for m in _TCL.finditer(line)), None)
    yield Symptom(kind=SymptomKind.NO_TCL, names=(number,) if number else ())


_TCL = re.compile(r"/(?:tcl|tk)(?P<number>\d\.\d)(?![\d.])")
_TCL_LINES = 4


WORDINGS = (
    # Qt: src/gui/kernel/qguiapplication.cpp, src/plugins/platforms/xcb.
    word(
        SymptomKind.PLUGIN,
        "Qt platform plugin",
        r"[Cc]ould not (?P<verb>load|find or load|find) the Qt platform plugin \"(?P<soname>[\w-]+)\""
        r"(?: in \"(?P<place>[^\"\n]*)\")?",
        _tell_plugin,
    ),
    # Qt: src/corelib/global/qlibraryinfo.cpp, kernel/qobject.cpp.
    word(SymptomKind.TWO_QTS, "annot mix incompatible Qt", r"Cannot mix incompatible Qt library"),
    word(SymptomKind.TWO_QTS, "annot move to target thread", r"Cannot move to target thread \(0x"),
    # SDL: src/video/SDL_video.c, as pygame, kivy and others repeat it.
    word(
        SymptomKind.NO_VIDEO,
        "not available",
        r"(?:^|[:\]] )(?P<name>x11|X11|wayland|Wayland|kmsdrm) not available",
        _tell_video,
    ),
    word(SymptomKind.NO_VIDEO, "available video device", r"No available video device", _tell_video),
    word(
        SymptomKind.NO_VIDEO,
        "any valuable Window provider",
        r"Unable to find any valuable Window provider",
        _tell_video,
    ),
    word(
        SymptomKind.NO_AUDIO,
        "o such audio device",
        r"(?:dsp|alsa|pygame\.error|SDLError|ALSA): No such audio device",
        _tell_audio,
    ),
    word(
        SymptomKind.NO_AUDIO,
        "ALSA lib",
        r"ALSA lib [^\n]{0,200}?Cannot (?:access file /usr/share/alsa|open shared library libasound_module)",
    ),
    # X11 and who connects to it: Tk, Xlib, GTK, GLFW, wx, pyglet, matplotlib.
    word(SymptomKind.NO_DISPLAY, "Bad display name", r"Bad display name"),
    word(SymptomKind.NO_DISPLAY, "no display name", r"no display name and no \$DISPLAY"),
    word(
        SymptomKind.NO_DISPLAY,
        "connect to display",
        r"(?:couldn't|[Cc]ould not|[Cc]an't|cannot) connect to display",
    ),
    word(
        SymptomKind.NO_DISPLAY,
        "open display",
        r"(?:[Cc]annot|[Cc]an't|[Cc]ould not|[Ff]ailed to|[Uu]nable to) open display",
    ),
    word(SymptomKind.NO_DISPLAY, "DISPLAY environment", r"X11: The DISPLAY environment variable is missing"),
    word(SymptomKind.NO_DISPLAY, "access the X Display", r"Unable to access the X Display"),
    word(SymptomKind.NO_DISPLAY, "NoSuchDisplay", r"NoSuchDisplayException: Cannot connect to"),
    word(
        SymptomKind.NO_DISPLAY,
        "annot load backend",
        r"Cannot load backend '\w+' which requires the '\w+' interactive framework, as 'headless' is "
        r"currently",
    ),
    # GObject Introspection: girepository.c, pygobject's gi/__init__.py.
    word(
        SymptomKind.NO_TYPELIB,
        "not available",
        r"Namespace (?P<name>[A-Z]\w*) not available(?: for version (?P<number>[\d.]+\d))?\s*$",
        _tell_typelib,
    ),
    word(
        SymptomKind.NO_TYPELIB,
        "Typelib file for namespace",
        r"Typelib file for namespace '(?P<name>\w+)'(?:, version '(?P<number>[\d.]+)')?(?: \(any "
        r"version\))? not found",
        _tell_typelib,
    ),
    word(
        SymptomKind.NO_TYPELIB,
        "introspection typelib",
        r"cannot import name '?(?P<name>\w+)'?, introspection typelib not found",
        _tell_typelib,
    ),
    # GStreamer: gst/gstparse.c, gstelementfactory.c; those that use it.
    word(
        SymptomKind.NO_ELEMENT,
        "no element ",
        r"(?:gst\w*|pipeline|GStreamer)[^\n]{0,40}?: no element [\"'“](?P<names>[a-z]\w*)[\"'”]",
    ),
    # Python: what an interpreter without Tk says; matplotlib and others import it.
    word(SymptomKind.NO_TKINTER, "_tkinter", r"(?:No module named|cannot import name) '?_tkinter'?"),
    # Tcl: generic/tclInterp.c, tkWindow.c.
    word(SymptomKind.NO_TCL, "an't find a usable", r"Can't find a usable (?:init|tk)\.tcl", _tell_tcl),
    # fontconfig: src/fcinit.c.
    word(SymptomKind.NO_FONTS, "default config file", r"Fontconfig error: Cannot load default config file"),
    # unixODBC: DriverManager/SQLConnect.c. Oracle: odpi/src/dpiOci.c.
    word(
        SymptomKind.NO_ODBC,
        "an't open lib",
        r"Can't open lib '(?P<name>[^'\n]+)' : file not found",
        _tell_odbc,
    ),
    word(SymptomKind.MISSING, "DPI-1047", r"DPI-1047: Cannot locate", _tell_oracle),
    # PROJ: src/iso19111/factory.cpp; GDAL: gcore, ogr.
    word(
        SymptomKind.NO_GEODATA,
        "annot find proj.db",
        r"(?P<names>PROJ|proj)[^\n]{0,80}?Cannot find proj\.db",
    ),
    word(
        SymptomKind.NO_GEODATA,
        "GDAL_DATA",
        r"(?:Unable to open|Cannot find|not found)[^\n]{0,160}?(?P<names>GDAL)_DATA",
    ),
    # playwright: what its launcher says before the box of libraries; selenium, pyppeteer.
    word(
        SymptomKind.NO_BROWSER,
        "Host system is missing",
        r"Host system is missing dependencies to run browsers",
    ),
    word(
        SymptomKind.NO_BROWSER,
        "Executable doesn't exist at",
        r"Executable doesn't exist at (?P<by>\S+/(?:ms-playwright|[\w.-]*playwright-browsers)\S*)",
    ),
)


def _explain_plugin(symptom: Symptom, situation: Situation) -> Trouble:
    place = symptom.wanted_by or ""
    if (other := _find_other(place)) is not None:
        return other
    package = parse_path(f"{place}/plugin") if place else None
    environment = package.environment if package else None
    name = package.name if package else None
    now = (
        *((f"wheelfix patch {shlex.quote(environment)}",) if environment else ()),
        *((f"wheelfix override {shlex.quote(name)}",) if name and not environment else ()),
        "See which library it misses: QT_DEBUG_PLUGINS=1 wheelfix explain -- COMMAND",
    )
    whose = f", that of {name}," if name else ""
    return Trouble(
        kind=SymptomKind.PLUGIN,
        what=f"Qt found its platform plugin {symptom.soname}{whose} and could not load it; it does not "
        "say why. "
        "A library that the plugin is linked against is missing, or the display.",
        now=now,
        answered=environment is not None,
    )


def _find_other(place: str) -> Trouble | None:
    """Explain that the plugins are another package's than the Qt that runs; None if they may be its own."""
    if "/cv2/" in f"{place}/":
        package = parse_path(f"{place}/plugin")
        return Trouble(
            kind=SymptomKind.PLUGIN,
            what=f"Qt was sent to the plugins of opencv-python ({place}), which are for the Qt inside of "
            "cv2: "
            "`import cv2` sets QT_QPA_PLATFORM_PLUGIN_PATH, for every Qt in the process. Two Qts do not mix.",
            now=(
                "pip install opencv-python-headless  # instead of opencv-python: it has no Qt",
                "Or, in the program, right behind `import cv2`:",
                'os.environ.pop("QT_QPA_PLATFORM_PLUGIN_PATH", None)',
            )
            if package is None or not (package.site or "").startswith("/nix/store/")
            else ("Take opencv-python-headless instead of opencv-python: it has no Qt.",),
        )
    if re.search(r"/(?:mini|ana|mamba|micromamba|miniforge)[^/]*/|/conda/", place):
        whose = "conda"
    elif re.match(r"/(?:usr|run|etc|opt)/", place) or "/.nix-profile/" in place:
        whose = "the system"
    elif place.startswith("/nix/store/") and "/site-packages/" not in place:
        whose = "a Qt of nixpkgs"
    else:
        return None
    return Trouble(
        kind=SymptomKind.PLUGIN,
        what=f"Qt was sent to the plugins of {whose} ({place}), by QT_PLUGIN_PATH or "
        "QT_QPA_PLATFORM_PLUGIN_PATH. They fit no other Qt than the one they were built with.",
        now=(
            "env -u QT_PLUGIN_PATH -u QT_QPA_PLATFORM_PLUGIN_PATH COMMAND",
            "A program that Nix builds finds its own by a wrapper: wrapQtAppsHook among its native inputs.",
        ),
    )


def _explain_absent(symptom: Symptom, situation: Situation) -> Trouble:
    name = symptom.soname or "xcb"
    place = symptom.wanted_by
    where = f" in {place}" if place else ", in none of the directories where Qt looks"
    now: list[str] = []
    qt = "qt5" if _is_qt5(situation) else "qt6"
    plugins = f"{qt}.qtwayland" if name.startswith("wayland") else f"{qt}.qtbase"
    # Qt 5 has its plugins in an output of their own.
    output = f"{plugins}.bin" if qt != "qt6" else plugins
    prefix = take(f"{qt}.qtbase.qtPluginPrefix")
    if name.startswith("wayland"):
        now.append("QT_QPA_PLATFORM=xcb COMMAND  # X11, also under Wayland")
    else:
        now.append("QT_QPA_PLATFORM=offscreen COMMAND  # without windows")
    paste = write_shell(
        situation,
        f"Plugins of {'Qt 6' if qt == 'qt6' else 'Qt 5'}.",
        variables={"QT_PLUGIN_PATH": Str((take(output), "/", prefix))},
    )
    if set_here := situation.seen.variables.get("QT_QPA_PLATFORM"):
        now.append(f"QT_QPA_PLATFORM is {set_here} here: env -u QT_QPA_PLATFORM COMMAND")
    now.append(
        "A PyQt or PySide of PyPI brings its plugins along; if QT_PLUGIN_PATH hides them: "
        "env -u QT_PLUGIN_PATH COMMAND"
    )
    return Trouble(
        kind=SymptomKind.NO_PLUGIN,
        what=f"There is no Qt platform plugin {name}{where}. It was asked for by QT_QPA_PLATFORM, by the "
        "session, "
        "or by the program. What is pasted has to be of the Qt that runs; a program that Nix builds gets "
        "it by "
        "wrapQtAppsHook.",
        paste=(paste,),
        now=tuple(now),
    )


def _is_qt5(situation: Situation) -> bool:
    """Whether the text is about a Qt 5, as far as it tells."""
    name = situation.package.name if situation.package else ""
    words = " ".join((name, *situation.account.words, *situation.account.paths)).lower()
    return any(sign in words for sign in ("pyqt5", "pyside2", "qt-5", "qt5"))


def _explain_qts(_symptom: Symptom, _situation: Situation) -> Trouble:
    return Trouble(
        kind=SymptomKind.TWO_QTS,
        what="Libraries of two Qts are in one process: of two wheels (opencv-python has a Qt of its own, "
        "beside "
        "PyQt or PySide), or of a wheel and of the system, to which QT_PLUGIN_PATH leads.",
        now=(
            "pip install opencv-python-headless  # instead of opencv-python, if that is installed",
            (
                "env -u QT_PLUGIN_PATH -u QML2_IMPORT_PATH -u QT_QPA_PLATFORM_PLUGIN_PATH -u LD_LIBRARY_PATH "
                "COMMAND"
            ),
            "Keep one of PyQt5, PyQt6, PySide2, PySide6 in the environment.",
        ),
    )


def _explain_video(symptom: Symptom, situation: Situation) -> Trouble:
    name = symptom.names[0] if symptom.names else ""
    system = {"x11": "X11", "wayland": "Wayland"}.get(name, "X11 or Wayland")
    seen = situation.seen
    dark = seen.ran and not ({"DISPLAY", "WAYLAND_DISPLAY"} & seen.variables.keys())
    state = "Neither DISPLAY nor WAYLAND_DISPLAY is set here. " if dark else ""
    return Trouble(
        kind=SymptomKind.NO_VIDEO,
        what=f"SDL cannot use {system}. {state}The SDL that a wheel brings opens the libraries of "
        f"{system} by "
        "name; either they are not found, or there is no display.",
        now=("SDL_VIDEODRIVER=dummy COMMAND  # without a display",),
    )


def _explain_audio(_symptom: Symptom, situation: Situation) -> Trouble:
    shell = write_shell(
        situation,
        "Plugins of ALSA, which reach PipeWire and PulseAudio.",
        variables={"ALSA_PLUGIN_DIR": find_inside("alsa-plugins", "/lib/alsa-lib")},
    )
    return Trouble(
        kind=SymptomKind.NO_AUDIO,
        what="No sound device could be opened: the libraries of the sound system were not found, or ALSA's "
        "plugins, or nothing plays sound here.",
        paste=(shell,),
        now=("SDL_AUDIODRIVER=dummy COMMAND  # without sound, for programs of SDL",),
    )


def _explain_display(_symptom: Symptom, situation: Situation) -> Trouble:
    seen = situation.seen
    if seen.ran and (display := seen.variables.get("DISPLAY")):
        state = f"DISPLAY is {display} here, and nothing answers there. "
    elif seen.ran:
        state = "DISPLAY is not set here. "
    else:
        state = ""
    return Trouble(
        kind=SymptomKind.NO_DISPLAY,
        what=f"There is no display to draw on. {state}No library is missing: the program runs outside of a "
        "session with windows (a container, ssh, a service, a build), or may not connect to one.",
        now=(
            "nix-shell -p xvfb-run --run 'xvfb-run -a COMMAND'",
            "Or without windows: MPLBACKEND=Agg, QT_QPA_PLATFORM=offscreen, SDL_VIDEODRIVER=dummy",
        ),
    )


_TYPELIBS = {
    # namespace, and its version where that matters: the attribute of nixpkgs
    "Adw": "libadwaita",
    "Atspi": "at-spi2-core",
    "AppIndicator3": "libappindicator-gtk3",
    "AyatanaAppIndicator3": "libayatana-appindicator",
    "Gdk": "gtk3",
    "Gdk 4.0": "gtk4",
    "GdkPixbuf": "gdk-pixbuf",
    "Gio": "glib",
    "Gst": "gst_all_1.gstreamer",
    "GstPbutils": "gst_all_1.gst-plugins-base",
    "Gtk": "gtk3",
    "Gtk 4.0": "gtk4",
    "GtkLayerShell": "gtk-layer-shell",
    "GtkSource": "gtksourceview4",
    "GtkSource 5": "gtksourceview5",
    "Handy": "libhandy",
    "Keybinder": "keybinder3",
    "NM": "networkmanager",
    "Notify": "libnotify",
    "Pango": "pango",
    "PangoCairo": "pango",
    "Playerctl": "playerctl",
    "Poppler": "poppler_gi",
    "Rsvg": "librsvg",
    "Secret": "libsecret",
    "Soup": "libsoup_3",
    "UPowerGlib": "upower",
    "Vte": "vte",
    "WebKit": "webkitgtk_6_0",
    "WebKit2": "webkitgtk_4_1",
    "Wnck": "libwnck",
}


def _explain_typelib(symptom: Symptom, situation: Situation) -> Trouble:
    name, *version = symptom.names or ("?",)
    attr = _TYPELIBS.get(f"{name} {version[0]}" if version else name) or _TYPELIBS.get(name)
    what = (
        f"GObject Introspection does not find {name}-{version[0] if version else '*'}.typelib: it looks "
        "where "
        "GI_TYPELIB_PATH leads."
    )
    if attr is None:
        return Trouble(
            kind=SymptomKind.NO_TYPELIB,
            what=what,
            now=(f"See who has it: nix-locate --top-level {name}-{version[0] if version else ''}",),
            answered=False,
        )
    shell = write_shell(
        situation,
        "The hook of gobject-introspection sets GI_TYPELIB_PATH for all packages beside it.",
        packages=("gobject-introspection", attr),
    )
    wrap = "wrapGAppsHook4" if attr in {"gtk4", "libadwaita"} else "wrapGAppsHook3"
    return Trouble(
        kind=SymptomKind.NO_TYPELIB,
        what=what,
        paste=(shell,),
        now=(
            f"In a package: nativeBuildInputs = [ gobject-introspection {wrap} ]; buildInputs = [ {attr} ];",
        ),
    )


def _explain_tkinter(_symptom: Symptom, situation: Situation) -> Trouble:
    python = call("pkgs.python3.withPackages", Lambda("ps", List((take("tkinter", "ps"),))))
    shell = write_shell(
        situation,
        "A Python with Tk; make the virtual environment with this one, and with --system-site-packages.",
        packages=(python,),
    )
    return Trouble(
        kind=SymptomKind.NO_TKINTER,
        what="This Python of nixpkgs was built without Tk: tkinter is a package of its own there, and no "
        "library "
        "is missing. An interpreter that uv fetches has it.",
        paste=(shell,),
        now=("Or, without windows, if matplotlib asks for it: MPLBACKEND=Agg COMMAND",),
    )


def _explain_tcl(symptom: Symptom, situation: Situation) -> Trouble:
    number = symptom.names[0] if symptom.names else "8.6"
    what = (
        f"Tcl does not find its own scripts, tcl{number}: it looks beside the interpreter it was built "
        "for, or where "
        "TCL_LIBRARY leads."
    )
    if situation.interpreter in {Interpreter.UV, Interpreter.PYENV, Interpreter.CONDA}:
        # Tcl takes the scripts of its very release only: those of nixpkgs are of another.
        find = "$(.venv/bin/python -c 'import sys; print(sys.base_prefix)')"
        return Trouble(
            kind=SymptomKind.NO_TCL,
            what=f"{what} This interpreter brings them along, and looks at the wrong place; those of "
            "nixpkgs are of "
            "another release.",
            now=(
                f'TCL_LIBRARY="{find}/lib/tcl{number}" TK_LIBRARY="{find}/lib/tk{number}" COMMAND',
                "Newer interpreters of uv find them: uv python upgrade, then make the environment anew.",
            ),
        )
    suffix = "" if number == "8.6" else f"-{number.replace('.', '_')}"
    tcl, tk = f"tcl{suffix}", f"tk{suffix}"
    shell = write_shell(
        situation,
        f"Scripts of Tcl and Tk {number}: they have to be of the release that Python was built with.",
        variables={
            "TCL_LIBRARY": find_inside(tcl, f"/lib/tcl{number}"),
            "TK_LIBRARY": find_inside(tk, f"/lib/tk{number}"),
        },
    )
    return Trouble(
        kind=SymptomKind.NO_TCL,
        what=what,
        paste=(shell,),
        now=(
            "With an interpreter of uv, which brings them along:",
            f"TCL_LIBRARY=\"$(python3 -c 'import sys; print(sys.base_prefix)')/lib/tcl{number}\" COMMAND",
        ),
    )


def _explain_fonts(_symptom: Symptom, situation: Situation) -> Trouble:
    fonts = Attrs((bind("fontDirectories", List((take("dejavu_fonts"),))),))
    shell = write_shell(
        situation,
        "A configuration of fontconfig, with fonts.",
        variables={"FONTCONFIG_FILE": call("pkgs.makeFontsConf", fonts)},
    )
    return Trouble(
        kind=SymptomKind.NO_FONTS,
        what="fontconfig finds no configuration: it looks for /etc/fonts/fonts.conf, or where "
        "FONTCONFIG_FILE "
        "leads.",
        paste=(shell,),
        now=("FONTCONFIG_FILE=/etc/fonts/fonts.conf COMMAND  # where the system has it",),
    )


_ELEMENTS = {
    # packages of plugins, by how the names of their elements begin
    "pipewire": ("pipewire",),
    "gst_all_1.gst-libav": ("avdec_", "avenc_", "avmux_", "avdemux_"),
    "gst_all_1.gst-vaapi": ("vaapi",),
    "gst_all_1.gst-plugins-bad": (
        "vah26",
        "vajpeg",
        "vapostproc",
        "vavp",
        "vaav1",
        "nvh26",
        "nvjpeg",
        "nvcuda",
        "nvvp",
        "nvav1",
        "cuda",
        "webrtc",
        "hls",
        "dash",
        "rtmp",
        "srt",
        "opencv",
        "kms",
        "wayland",
        "fdkaac",
        "faac",
        "faad",
        "zbar",
        "h264parse",
        "h265parse",
        "mpegts",
        "openh264",
        "qsv",
        "v4l2codecs",
        "sctp",
    ),
    "gst_all_1.gst-plugins-ugly": ("x264enc", "mpeg2dec", "asf", "a52dec", "amr", "dvdread"),
    "gst_all_1.gst-plugins-good": (
        "rtsp",
        "v4l2",
        "jpeg",
        "png",
        "vp8",
        "vp9",
        "vpx",
        "pulse",
        "flac",
        "wav",
        "matroska",
        "qtmux",
        "qtdemux",
        "mp4mux",
        "udp",
        "rtp",
        "gtk",
        "ximagesrc",
        "auto",
        "soup",
        "speex",
        "lame",
        "multifile",
        "deinterlace",
        "level",
        "cairo",
        "gdkpixbuf",
        "videocrop",
        "videobox",
        "videoflip",
    ),
}
_BASE = "gst_all_1.gst-plugins-base"
_CORE = "gst_all_1.gstreamer"


def _find_element(name: str) -> str | None:
    """Find the plugins that have an element; None for those of the base, and for unknown ones."""
    return next((attr for attr, heads in _ELEMENTS.items() if name.startswith(heads)), None)


def _explain_element(symptom: Symptom, situation: Situation) -> Trouble | None:
    """Explain all elements of a text at the first of them, as one path leads to all plugins."""
    several = [one.names[0] for one in situation.account.symptoms if one.kind is SymptomKind.NO_ELEMENT]
    names = list(dict.fromkeys(several)) or [symptom.names[0]]
    if symptom.names[0] != names[0]:
        return None
    owners = {name: _find_element(name) for name in names}
    found = list(dict.fromkeys(attr for attr in owners.values() if attr))
    attrs = dict.fromkeys((_CORE, _BASE, *found))
    place = call(
        "pkgs.lib.makeSearchPathOutput", text("out"), text("lib/gstreamer-1.0"), List(tuple(map(take, attrs)))
    )
    shell = write_shell(
        situation,
        f"Plugins of GStreamer{f', with {told}' if (told := ', '.join(filter(owners.get, names))) else ''}.",
        packages=(_CORE,),
        variables={"GST_PLUGIN_SYSTEM_PATH_1_0": place},
    )
    return Trouble(
        kind=SymptomKind.NO_ELEMENT,
        what=f"GStreamer has no plugin with the element{'s' * (len(names) > 1)} {', '.join(names)}: it looks "
        "where GST_PLUGIN_SYSTEM_PATH_1_0 leads. "
        + " ".join(f"{attr} has {name}." for name, attr in owners.items() if attr)
        + " If it is none of the base plugins, add the package that has it." * (None in owners.values()),
        paste=(shell,),
        now=tuple(f"Then see whether it is there: gst-inspect-1.0 {name}" for name in names),
        answered=all(attr or name.startswith(_OF_BASE) for name, attr in owners.items()),
    )


_OF_BASE = (
    "audio",
    "videoconvert",
    "videoscale",
    "videorate",
    "videotestsrc",
    "playbin",
    "decodebin",
    "uridecode",
    "appsrc",
    "appsink",
    "alsa",
    "ogg",
    "opus",
    "theora",
    "vorbis",
    "gl",
    "pango",
    "text",
    "xvimage",
    "ximagesink",
    "volume",
    "encodebin",
    "tcp",
    "typefind",
    "file",
    "fake",
    "queue",
    "tee",
)
"""Elements of the base plugins and of the core."""


_ODBC = (
    # words of a driver's name: its package, and its file
    (r"ODBC Driver 18", "msodbcsql18", "/lib/libmsodbcsql-18.1.so.1.1"),
    (r"ODBC Driver 17", "msodbcsql17", "/lib/libmsodbcsql-17.7.so.1.1"),
    (r"(?i)postgres|psql", "psql", "/lib/psqlodbcw.so"),
    (r"(?i)maria|mysql", "mariadb", "/lib/mariadb/libmaodbc.so"),
    (r"(?i)sqlite", "sqlite", "/lib/libsqlite3odbc.so"),
    (r"(?i)redshift", "redshift", "/lib/libamazonredshiftodbc64.so"),
)


_UNFREE = frozenset({"msodbcsql17", "msodbcsql18", "redshift"})


def _explain_odbc(symptom: Symptom, situation: Situation) -> Trouble:
    driver = symptom.names[0] if symptom.names else "?"
    row = next((row for row in _ODBC if re.search(row[0], driver)), None)
    what = (
        f"unixODBC knows no driver {driver}: it looks it up in odbcinst.ini, of /etc or of the directory "
        "ODBCSYSINI."
    )
    if "freetds" in driver.lower() or "tds" in driver.lower():
        library: tuple[str | Expr, ...] = (take("freetds"), "/lib/libtdsodbc.so")
    elif row is not None:
        package = f"unixodbcDrivers.{row[1]}"
        library = (take(package), "/", take(f"{package}.driver"))
    else:
        return Trouble(
            kind=SymptomKind.NO_ODBC,
            what=what,
            now=("See which drivers there are: nix-env -qaP -A nixpkgs.unixodbcDrivers",),
            answered=False,
        )
    ini = Str((f"[{driver}]\nDriver = ", *library, "\n"))
    unfree = row is not None and row[1] in _UNFREE
    shell = write_shell(
        situation,
        "The driver manager's list of drivers. Before nixpkgs of 2026: unixODBCDrivers."
        + (" The driver is unfree: nixpkgs has to allow that (config.allowUnfree = true)." if unfree else ""),
        variables={"ODBCSYSINI": call("pkgs.writeTextDir", text("odbcinst.ini"), ini)},
    )
    return Trouble(kind=SymptomKind.NO_ODBC, what=what, paste=(shell,))


def _explain_geodata(symptom: Symptom, situation: Situation) -> Trouble:
    name = (symptom.names[0] if symptom.names else "PROJ").upper()
    if name == "GDAL":
        variable, value, unset = "GDAL_DATA", find_inside("gdal", "/share/gdal"), "env -u GDAL_DATA COMMAND"
    else:
        variable, value = "PROJ_DATA", find_inside("proj", "/share/proj")
        unset = "env -u PROJ_DATA -u PROJ_LIB COMMAND"
    shell = write_shell(situation, f"Data of {name}.", variables={variable: value})
    return Trouble(
        kind=SymptomKind.NO_GEODATA,
        what=f"{name} does not find its data. Wheels (pyproj, rasterio, fiona, pyogrio) bring it along, and "
        f"{variable} of a shell hides that; a {name} of nixpkgs needs it from nixpkgs.",
        paste=(shell,),
        now=(f"With wheels alone: {unset}",),
    )


def _explain_browser(symptom: Symptom, situation: Situation) -> Trouble:
    if symptom.wanted_by:
        return Trouble(
            kind=SymptomKind.NO_BROWSER,
            what=f"There is no {symptom.wanted_by}: playwright wants a browser of the version that it was "
            "made "
            "for, and the directory of browsers has none, or those of another version.",
            paste=(write_browsers(situation),),
            now=(
                "Take the playwright whose version is that of playwright-driver:",
                "nix-instantiate --eval -E '(import <nixpkgs> { }).playwright-driver.version'",
                (
                    "Or fetch the browsers, and patch them: playwright install; wheelfix patch "
                    "~/.cache/ms-playwright"
                ),
            ),
        )
    return Trouble(
        kind=SymptomKind.NO_BROWSER,
        what="playwright's browsers were built for other distributions, and find none of their libraries "
        "here.",
        paste=(write_browsers(situation),),
        now=("wheelfix patch ~/.cache/ms-playwright",),
    )


EXPLAIN: Mapping[SymptomKind, Explain] = {
    SymptomKind.PLUGIN: _explain_plugin,
    SymptomKind.NO_PLUGIN: _explain_absent,
    SymptomKind.TWO_QTS: _explain_qts,
    SymptomKind.NO_VIDEO: _explain_video,
    SymptomKind.NO_AUDIO: _explain_audio,
    SymptomKind.NO_DISPLAY: _explain_display,
    SymptomKind.NO_TYPELIB: _explain_typelib,
    SymptomKind.NO_TKINTER: _explain_tkinter,
    SymptomKind.NO_TCL: _explain_tcl,
    SymptomKind.NO_FONTS: _explain_fonts,
    SymptomKind.NO_ODBC: _explain_odbc,
    SymptomKind.NO_GEODATA: _explain_geodata,
    SymptomKind.NO_BROWSER: _explain_browser,
    SymptomKind.NO_ELEMENT: _explain_element,
}
