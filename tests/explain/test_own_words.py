"""Sentences of packages in texts: whose they are, and what is not there."""

from __future__ import annotations

from functools import partial

import pytest

from tests.support.backtracking import is_linear
from tests.support.counting import count_calls
from tests.support.steps import count_steps
from wheelfix.explain.own_words import find_sayings
from wheelfix.explain.read import SHORT, read_messages
from wheelfix.index.own_words import list_own_words
from wheelfix.model.words import OwnWords, Saying, Sentence
from wheelfix.pysource.words import ABSENT

PAGES = "Unable to get page count. Is poppler installed and in PATH?"
GEOS = (
    'Could not find the GEOS library (tried "geos_c", "x"). Try setting GEOS_LIBRARY_PATH in your settings.'
)


def find(text: str, *packages: str, read: dict[str, OwnWords] | None = None) -> tuple[Saying, ...]:
    return find_sayings(text.splitlines(), packages, read)


@pytest.mark.parametrize(
    ("line", "distribution", "name"),
    [
        ("ImportError: Unable to find an OpenGL or GL library", "pyopengl", "libGL.so"),
        ("z3.z3types.Z3Exception: libz3.so not found.", "z3-solver", "libz3.so"),
        ("OSError: PortAudio library not found", "sounddevice", "libportaudio.so"),
        ("E   ImportError: Unable to find zbar shared library", "pyzbar", "libzbar.so"),
        ("  File is odd: ValueError: Unable to find libsodium", "pysodium", "libsodium.so"),
        ("[build] INFO RuntimeError: SoX could not be found!", "sox", "sox"),
        (f"worker-3  | PDFInfoNotInstalledError: {PAGES}", "pdf2image", "pdfinfo"),
        (f"E   ImproperlyConfigured: {GEOS}", "django", "libgeos_c.so"),
    ],
)
def test_a_sentence_is_enough(line: str, distribution: str, name: str) -> None:
    (saying,) = find(f"before\n{line}\nafter")
    assert (saying.distribution, saying.line) == (distribution, 1)
    assert name in (*saying.libraries, *saying.programs)
    assert saying.sure
    assert saying.text == " ".join(line.split())


def test_a_weak_sentence_counts_only_for_its_distribution() -> None:
    line = 'ImportError: Library "GL" not found.'
    assert find(line) == ()
    assert find(line, "requests") == ()
    (saying,) = find(line, "pyglet")
    assert saying.libraries == ("libGL.so",)


def test_what_stands_in_a_hole_is_a_name_and_no_placeholder() -> None:
    source = """    raise ImportError(f'Library "{names[0]}" not found.')"""
    message = 'ImportError: Library "wayland-cursor" not found.'
    assert [s.libraries for s in find(message, "pyglet")] == [("libwayland-cursor.so",)]
    assert [s.libraries for s in find(f"{source}\n{message}", "pyglet") if s.sure] == [
        ("libwayland-cursor.so",)
    ]


def test_wordings_of_other_releases_count_for_the_distribution() -> None:
    line = "RuntimeError: sorry, libsodium could not be loaded on this machine"
    assert find(line) == ()
    (saying,) = find(line, "pysodium")
    assert saying.libraries == ("libsodium.so",)


def test_what_was_read_here_counts_before_the_table() -> None:
    own = OwnWords(
        libraries=("libtheorbo.so.2",),
        sentences=(Sentence(text="the theorbo library {} is not installed", libraries=("libtheorbo.so.2",)),),
    )
    line = "OSError: the theorbo library (any) is not installed"
    assert find(line, "theorbo") == ()
    (saying,) = find(line, "theorbo", read={"theorbo": own})
    assert saying.libraries == ("libtheorbo.so.2",)


def test_the_distribution_of_a_frame_wins() -> None:
    line = "NVML Shared Library Not Found"
    assert [s.distribution for s in find(line)] == ["gpustat"]
    assert [s.distribution for s in find(line, "nvitop")] == ["nvitop"]


def test_repetitions_are_one_saying() -> None:
    assert len(find("PortAudio library not found\n" * 30)) == 1


def test_a_large_log_keeps_every_sentence_that_needs_no_frame() -> None:
    sentences = {
        "something".join(one.parts)
        for own in list_own_words().values()
        for one in own.sentences
        if not one.weak
    }
    filler = "compiled a part of it\n" * (SHORT // 10)
    log = filler + "".join(f"said: {one}\n" for one in sentences) + filler
    kept = read_messages([log.encode()]).lines
    assert [one for one in sentences if f"said: {one}" not in kept] == []


UNRELATED = """
KeyError: 'name'
AttributeError: 'NoneType' object has no attribute 'group'
TypeError: unsupported operand type(s) for +: 'int' and 'str'
ModuleNotFoundError: No module named 'lutes'
ImportError: cannot import name 'Strings' from 'lutes' (/home/u/lutes/__init__.py)
FileNotFoundError: [Errno 2] No such file or directory: '/home/u/tunes.txt'
PermissionError: [Errno 13] Permission denied: '/var/lib/tunes'
ValueError: could not convert string to float: 'loud'
ValueError: Could not find a format to read the specified file in single-image mode
OSError: [Errno 98] Address already in use
ConnectionRefusedError: [Errno 111] Connection refused
requests.exceptions.ConnectionError: HTTPSConnectionPool(host='tunes.test', port=443): Max retries exceeded
urllib.error.HTTPError: HTTP Error 404: Not Found
django.core.exceptions.ImproperlyConfigured: The SECRET_KEY setting must not be empty.
django.db.utils.OperationalError: no such table: tunes_tune
django.urls.exceptions.NoReverseMatch: Reverse for 'tune' not found. 'tune' is not a valid view function.
django.template.exceptions.TemplateDoesNotExist: tunes/index.html
sqlalchemy.exc.NoSuchModuleError: Can't load plugin: sqlalchemy.dialects:tunes
sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) connection to server failed: Connection refused
jinja2.exceptions.TemplateNotFound: page.html
selenium.common.exceptions.NoSuchElementException: Message: no such element: Unable to locate element: #tune
selenium.common.exceptions.TimeoutException: Message:
torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB
RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!
RuntimeError: The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1
numpy.linalg.LinAlgError: Singular matrix
pandas.errors.ParserError: Error tokenizing data. C error: Expected 3 fields in line 5, saw 4
json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)
yaml.scanner.ScannerError: mapping values are not allowed here
UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte
LookupError: unknown encoding: lute-8
zipfile.BadZipFile: File is not a zip file
git.exc.InvalidGitRepositoryError: /home/u/tunes
PIL.UnidentifiedImageError: cannot identify image file 'lute.png'
OSError: cannot open resource
cv2.error: OpenCV(4.9.0) error: (-215:Assertion failed) !_src.empty() in function 'cvtColor'
pygame.error: File is not a Windows BMP file
FileNotFoundError: No file 'lute.wav' found in working directory '/home/u'.
botocore.exceptions.NoCredentialsError: Unable to locate credentials
docker.errors.ImageNotFound: 404 Client Error: pull access denied, repository does not exist
kubernetes.config.config_exception.ConfigException: Invalid kube-config file. No configuration found.
celery.exceptions.NotRegistered: 'tunes.play'
redis.exceptions.ConnectionError: Error 111 connecting to localhost:6379. Connection refused.
pip._internal.exceptions.DistributionNotFound: No matching distribution found for lutes
pkg_resources.DistributionNotFound: The 'lutes>=2' distribution was not found and is required by the app
AssertionError: assert 'lute' == 'harp'
StopIteration
RecursionError: maximum recursion depth exceeded
MemoryError: Unable to allocate 7.45 GiB for an array with shape (100000, 10000) and data type float64
npm error could not determine executable to run
error: could not find `Cargo.toml` in `/home/u` or any parent directory
make: *** No rule to make target 'lute'. Stop.
bash: lute: command not found
warning: The package is not installed in editable mode; please install it first
ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device
WARNING: Retrying after connection broken by NewConnectionError: Failed to establish a new connection
Library version is required to be at least 3, please install a newer one
The requested file could not be found in your PATH or library
""".strip().splitlines()


@pytest.mark.parametrize("message", UNRELATED)
def test_an_ordinary_failure_is_no_saying(message: str) -> None:
    frames = 'Traceback (most recent call last):\n  File "/home/u/main.py", line 3, in <module>\n    play()\n'
    assert find(frames + message) == ()
    concerned = ("django", "selenium", "pyopengl", "pillow", "matplotlib", "pygame", "numba", "soundfile")
    assert find(frames + message, *concerned) == ()


def test_the_work_grows_with_the_text() -> None:
    words = " ".join(one.text for own in list_own_words().values() for one in own.sentences)[: 8 << 10]
    find("PortAudio library not found")  # makes the searcher

    def count(times: int) -> int:
        lines = [f"{words} {number}" for number in range(times)]
        return count_calls(lambda: find_sayings(lines, ("pyglet",)))[1]

    assert count(40) < 5 * count(10)


@pytest.mark.parametrize(
    "piece",
    [
        "not ",
        "to ",
        "to be ",
        "1",
        "a ",
        "fail  ",
        " ",
        "Could not find ",
        "missing -",
        "<",
        "no a",
    ],
)
def test_adversarial_lines_cost_what_their_length_tells(piece: str) -> None:
    def search(size: int) -> object:
        return find_sayings([f"no libx {piece * (size // len(piece))} b"], ("pyglet", "wand"))

    search(1)
    short, long = (count_steps(partial(search, size)) for size in (1000, 4000))
    # Four times the length: squared, it takes sixteen times as many steps.
    assert long < 8 * short
    assert is_linear(ABSENT, "no libx ", piece, " b")
