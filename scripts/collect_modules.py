"""Collect which distributions have which top-level modules, for ``wheelfix/index/data/modules.json``.

    python scripts/collect_modules.py NIXPKGS --names FILE   # rewrites the table

Only what the names do not tell is kept: ``yaml`` is in pyyaml, ``numpy`` needs no row. Sources, in this
order: :data:`USUAL`, written by people; the members of the wheels that ``scripts/collect_own_words.py``
fetched; and ``pythonImportsCheck`` of nixpkgs' own expressions, read as text. A module of more
than three distributions is taken for a namespace, which tells nothing, unless people say which is meant.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

from packaging.utils import canonicalize_name

from wheelfix.outside.places import find_cache

TABLE = Path(__file__).parent.parent / "wheelfix" / "index" / "data" / "modules.json"
MOST = 3
"""Distributions that one module may be in, without being a namespace."""

USUAL = {
    # module: its distributions, the usual one first
    "Crypto": ["pycryptodome", "pycrypto"],
    "Cryptodome": ["pycryptodomex"],
    "Levenshtein": ["levenshtein", "python-levenshtein"],
    "MeCab": ["mecab-python3"],
    "MySQLdb": ["mysqlclient"],
    "OpenGL": ["pyopengl"],
    "OpenGL_accelerate": ["pyopengl-accelerate"],
    "OpenSSL": ["pyopenssl"],
    "PIL": ["pillow", "pillow-simd"],
    "RPi": ["rpi-gpio"],
    "SoapySDR": ["soapysdr"],
    "Xlib": ["python-xlib"],
    "_cffi_backend": ["cffi"],
    "_mysql": ["mysqlclient"],
    "_portaudio": ["pyaudio"],
    "_rtmidi": ["python-rtmidi"],
    "_sounddevice_data": ["sounddevice"],
    "_soundfile_data": ["soundfile"],
    "alsaaudio": ["pyalsaaudio"],
    "attr": ["attrs"],
    "bluetooth": ["pybluez", "pybluez2"],
    "bs4": ["beautifulsoup4"],
    "cairo": ["pycairo"],
    "clang": ["libclang", "clang"],
    "cups": ["pycups"],
    "cupy": ["cupy-cuda12x", "cupy-cuda13x", "cupy-cuda11x", "cupy"],
    "cupy_backends": ["cupy-cuda12x", "cupy-cuda13x", "cupy-cuda11x", "cupy"],
    "cupyx": ["cupy-cuda12x", "cupy-cuda13x", "cupy-cuda11x", "cupy"],
    "cv2": [
        "opencv-python",
        "opencv-python-headless",
        "opencv-contrib-python",
        "opencv-contrib-python-headless",
    ],
    "dateutil": ["python-dateutil"],
    "dbus": ["dbus-python"],
    "discord": ["discord-py", "py-cord"],
    "dns": ["dnspython"],
    "docx": ["python-docx"],
    "enchant": ["pyenchant"],
    "espeakng": ["py-espeak-ng"],
    "faiss": ["faiss-cpu", "faiss-gpu"],
    "ffmpeg": ["ffmpeg-python", "python-ffmpeg"],
    "fitz": ["pymupdf"],
    "fluidsynth": ["pyfluidsynth"],
    "freetype": ["freetype-py"],
    "fuse": ["fusepy", "fuse-python"],
    "gi": ["pygobject"],
    "git": ["gitpython"],
    "gnupg": ["python-gnupg", "gnupg"],
    "google": ["protobuf"],
    "grpc": ["grpcio"],
    "grpc_tools": ["grpcio-tools"],
    "hid": ["hidapi", "hid"],
    "igraph": ["igraph", "python-igraph"],
    "jack": ["jack-client"],
    "jnius": ["pyjnius"],
    "ldap": ["python-ldap"],
    "libarchive": ["libarchive-c"],
    "libvirt": ["libvirt-python"],
    "libvirtmod": ["libvirt-python"],
    "llama_cpp": ["llama-cpp-python"],
    "magic": ["python-magic", "file-magic"],
    "mpl_toolkits": ["matplotlib"],
    "mpv": ["mpv", "python-mpv"],
    "nacl": ["pynacl"],
    "odf": ["odfpy"],
    "onnxruntime": ["onnxruntime", "onnxruntime-gpu"],
    "openslide": ["openslide-python"],
    "osgeo": ["gdal"],
    "pam": ["python-pam"],
    "parted": ["pyparted"],
    "pkcs11": ["python-pkcs11"],
    "pkg_resources": ["setuptools"],
    "pptx": ["python-pptx"],
    "psycopg2": ["psycopg2-binary", "psycopg2"],
    "pynvml": ["nvidia-ml-py", "pynvml"],
    "pyside": ["pyside2"],  # PySide 1 has no wheels for supported Pythons: PySide2 is meant
    "pythoncom": ["pywin32"],
    "pywintypes": ["pywin32"],
    "rtmidi": ["python-rtmidi"],
    "samplerate": ["samplerate", "scikits-samplerate"],
    "sdl2": ["pysdl2"],
    "sdl2dll": ["pysdl2-dll"],
    "serial": ["pyserial"],
    "skimage": ["scikit-image"],
    "sklearn": ["scikit-learn"],
    "skvideo": ["sk-video", "scikit-video"],
    "slugify": ["python-slugify"],
    "smartcard": ["pyscard"],
    "socks": ["pysocks"],
    "speech_recognition": ["speechrecognition"],
    "systemd": ["systemd-python"],
    "tensorflow": ["tensorflow", "tensorflow-cpu"],
    "tlz": ["cytoolz", "toolz"],
    "turbojpeg": ["pyturbojpeg"],
    "usb": ["pyusb"],
    "usb1": ["libusb1"],
    "vlc": ["python-vlc"],
    "win32api": ["pywin32"],
    "win32com": ["pywin32"],
    "wx": ["wxpython"],
    "xapian": ["xapian-bindings"],
    "yaml": ["pyyaml"],
    "z3": ["z3-solver"],
    "zmq": ["pyzmq"],
}
SPOKEN = """
attr bs4 cairo cv2 faiss fitz gi grpc llama_cpp magic mpl_toolkits mysqldb openssl osgeo pil psycopg2 pyside
serial skimage sklearn usb wx yaml zmq
"""
"""Modules that people call a package by, in texts without paths; lower case."""

_PNAME = re.compile(r'^\s*pname = "([^"$]+)";', re.MULTILINE)
_CHECK = re.compile(r"\bpythonImportsCheck = \[([^\]]*)\]", re.DOTALL)
_TEXT = re.compile(r'"([A-Za-z_][\w.]*)"')
_COMMENT = re.compile(r"#[^\n]*")
_NO_MODULE = re.compile(
    r"(?:\w*_)?tests?(?:_\w+)?$|.*\.(?:dist-info|data|libs|pth)$|tests?$|docs?$|examples?$|scripts?$|tools$|bin$|__\w+__$"
)


def read_nixpkgs(root: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, distribution) of the expressions of nixpkgs' Python modules.

    The last ``pname`` above the check counts: in most files that of fetchPypi, where it is another one.
    """
    for path in sorted((root / "pkgs" / "development" / "python-modules").rglob("*.nix")):
        text = _COMMENT.sub("", path.read_text("utf-8", "replace"))
        names, checks = _PNAME.findall(text), _CHECK.findall(text)
        if len(checks) != 1 or not names or len(names) > 2:
            continue
        name = canonicalize_name(names[-1])
        for module in {found.partition(".")[0] for found in _TEXT.findall(checks[0])}:
            yield module, name


def read_wheels(directory: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, distribution) of the wheels below a directory."""
    for path in sorted(directory.rglob("*.whl")):
        name = canonicalize_name(path.name.partition("-")[0])
        with ZipFile(path) as archive:
            members = archive.namelist()
        tops = {m.partition("/")[0] for m in members if m.endswith((".py", ".so"))}
        for top in tops:
            module = top.partition(".")[0] if top.endswith((".py", ".so")) else top
            if module.isidentifier() and not _NO_MODULE.match(top) and not _NO_MODULE.match(module):
                yield module, name


def list_pnames(root: Path) -> frozenset[str]:
    """List the names of nixpkgs' Python modules."""
    files = (root / "pkgs" / "development" / "python-modules").rglob("*.nix")
    return frozenset(
        canonicalize_name(n) for p in files for n in _PNAME.findall(p.read_text("utf-8", "replace"))
    )


def choose(
    pairs: Iterable[tuple[str, str]], known: frozenset[str], pnames: frozenset[str]
) -> dict[str, list[str]]:
    """Choose the rows: modules that are not called as their distribution is, and are in few.

    A module that is called as a distribution of nixpkgs is taken for that one's, whoever else carries it.
    """
    found: dict[str, dict[str, None]] = {}
    for module, name in pairs:
        if name in known:
            found.setdefault(module, {})[name] = None
    rows = {module: list(names) for module, names in USUAL.items()}
    for module, names in found.items():
        plain = canonicalize_name(module.strip("_")) if module.strip("_") else ""
        if module in rows or len(names) > MOST or plain in {*names, *pnames} or _NO_MODULE.match(module):
            continue  # find_distribution takes the module's own name where nothing else is known
        rows[module] = sorted(names)
    return dict(sorted(rows.items()))


def write(rows: Mapping[str, list[str]]) -> str:
    """Write the table."""
    document = {
        "sources": [
            "PyPI: members of wheels, read by scripts/collect_modules.py",
            "nixpkgs 26.11, pkgs/development/python-modules: pname and pythonImportsCheck, read by the same",
            "PyPI's pages of the distributions, read by people: USUAL in that script",
        ],
        "date": datetime.now(UTC).date().isoformat(),
        "modules": rows,
        "spoken": sorted(SPOKEN.split()),
    }
    return json.dumps(document, indent=1) + "\n"


def main() -> int:
    """Write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("nixpkgs", type=Path, help="a checkout of nixpkgs")
    parser.add_argument("--names", type=Path, required=True, help="names of PyPI's distributions, one a line")
    parser.add_argument("--wheels", type=Path, help="wheels to read, instead of those in wheelfix's cache")
    options = parser.parse_args()
    lines = options.names.read_text("utf-8").splitlines()
    known = frozenset(canonicalize_name(line.partition("\t")[0]) for line in lines)
    wheels = options.wheels or find_cache().wheels
    rows = choose([*read_wheels(wheels), *read_nixpkgs(options.nixpkgs)], known, list_pnames(options.nixpkgs))
    TABLE.write_text(write(rows), "utf-8")
    print(f"{len(rows)} modules")
    return 0


if __name__ == "__main__":
    sys.exit(main())
