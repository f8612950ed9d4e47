"""Which names of libraries are said to be put together at run time."""

from __future__ import annotations

import pytest

from wheelfix.pysource.sources import find_in_sources


def find_computed(source: str) -> tuple[int, ...]:
    files = {"pkg/__init__.py": source.encode()}
    return tuple(line for use in find_in_sources(tuple(files), files.get) for line in use.computed)


@pytest.mark.parametrize(
    "source",
    [
        "import ctypes, os\nctypes.CDLL('lib' + os.environ['PARROT'] + '.so')",
        "import ctypes, os\nctypes.CDLL(os.environ['PARROT_LIBRARY'])",
        "import ctypes, json\nctypes.CDLL(f\"lib{json.load(open('c.json'))['name']}.so\")",
        "import ctypes, platform\nctypes.CDLL('libparrot-%s.so' % platform.release())",
        "from ctypes.util import find_library\nfind_library('-'.join(['parrot', input()]))",
        "import cffi\ncffi.FFI().dlopen('libparrot{}.so'.format(open('v').read()))",
    ],
)
def test_a_name_with_a_part_that_nobody_spells_out_is_told(source: str) -> None:
    assert find_computed(source) == (2,)


@pytest.mark.parametrize(
    "source",
    [
        "import ctypes\nctypes.CDLL(None)",
        # files of the wheel, of a directory that is not known, of another system
        "import ctypes, os\nctypes.CDLL(os.path.join(os.path.dirname(__file__), 'libown.so'))",
        "import ctypes, pathlib\nctypes.CDLL(str(pathlib.Path(__file__).parent / f'libown{1 / 2}.so'))",
        "import ctypes, os\nHERE = os.path.dirname(__file__)\nctypes.CDLL(HERE + '/' + input() + '.so')",
        "import ctypes, glob\nctypes.CDLL(glob.glob('x' + '*.so')[0])",
        "import ctypes\nctypes.CDLL('parrot' + input() + '.dll')",
        "import ctypes\nctypes.CDLL('/opt/%s/libparrot.so' % input())",
        # what a user or find_library chose
        "import ctypes\ndef load_library(path):\n    return ctypes.CDLL(path)",
        "import ctypes, ctypes.util\nctypes.CDLL(ctypes.util.find_library('parrot'))",
        # a variable that may be given in place of a known name
        "import ctypes, os\nctypes.CDLL('libparrot.so')\nctypes.CDLL(os.environ['PARROT_LIBRARY'])",
    ],
)
def test_paths_and_names_from_elsewhere_are_not_told(source: str) -> None:
    assert find_computed(source) == ()
