"""Images that ``wheelfix env`` defines: really built, unpacked, and entered where nothing else is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.proof.test_packages import find_wheels
from tests.support.proof.images import Image, build_image, run_in_image, write_lab
from tests.support.proof.probes import read_probes
from tests.support.proof.proving import install_plainly, read_python
from tests.support.real import fetch_wheel, read_jupyter_pins, read_proof_pins
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.outside.namespace import Namespace
from wheelfix.trial.imports import import_modules
from wheelfix.trial.model import Ending, Stage
from wheelfix.trial.plan import plan_attempts
from wheelfix.wheel.environment import read_environment

pytestmark = pytest.mark.network

TOOLS = ("pyodbc", "python-magic", "pyzbar")
"""One is linked with a library of nixpkgs, two open theirs by name."""


def find_tools() -> list[Path]:
    return sorted({wheel for name in TOOLS for wheel in find_wheels(read_probes()[name])})


def find_jupyter() -> list[Path]:
    """Wheels of Jupyter for the interpreter of proofs, with those of other tables that they need."""
    digits = read_python().replace(".", "")
    pins = read_jupyter_pins()
    more = {"cffi", "pycparser", "soundfile"}
    pins |= {file: pin for file, pin in read_proof_pins().items() if pin["name"] in more}
    chosen = [file for file in pins if f"-cp{digits}-" in file or "-cp3" not in file or "-abi3-" in file]
    wheels = [file for file in chosen if "musllinux" not in file and "soundfile-0.14" not in file]
    return sorted(map(fetch_wheel, wheels))


def import_all(image: Image, wheels: Sequence[Path], work: Path) -> dict[str, str]:
    """Import every module that ``wheelfix try`` knows of, in an image: the modules, and what was said."""
    plain = install_plainly(work / "plain", wheels)
    environment = read_environment(plain.parents[1], ELF_MAGIC)
    attempts, left = plan_attempts(environment, read_python(), linked={})
    assert not left
    tops = [top for top in image.root.iterdir() if top.name != "tmp"]
    # A namespace has a /tmp of its own; a home in /tmp has the store of the proofs in it.
    shown = {f"/{top.relative_to(image.root)}": str(top) for top in (*tops, *(image.root / "tmp").iterdir())}
    python = image.variables["PATH"].partition(":")[0] + "/python"
    stage = Stage(python=python, namespace=Namespace(shown=shown, variables=image.variables))
    answers = [answer for one in import_modules(attempts, stage) for answer in one]
    return {
        one.module: "" if one.ending is Ending.IMPORTED else f"{one.ending} {one.line}" for one in answers
    }


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Image:
    directory = tmp_path_factory.mktemp("tools")
    return build_image(write_lab(directory, find_tools(), TOOLS), find_tools())


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Image:
    directory = tmp_path_factory.mktemp("jupyter")
    wheels = find_jupyter()
    lab = write_lab(directory, wheels, ["jupyterlab", "ipykernel", "numpy", "soundfile"])
    return build_image(lab, wheels)


def test_the_image_starts_the_interpreter_where_a_user_mounts_files(tools: Image) -> None:
    assert tools.tags == ["lab:latest"]
    (program,) = tools.config["Cmd"]
    assert program.endswith("-lab-env/bin/python")
    code = "import os, sys; print(os.getcwd(), sys.prefix == sys.argv[1])"
    result = run_in_image(tools, [program, "-c", code, program.removesuffix("/bin/python")])
    assert result.stdout == "/mnt True\n", result.stderr
    for name in ("tmp", "home", "mnt"):
        assert (tools.root / name).stat().st_mode & 0o7777 == 0o1777


def test_all_its_modules_are_imported_in_it(tools: Image, tmp_path: Path) -> None:
    said = import_all(tools, find_tools(), tmp_path)
    assert {"magic", "pyodbc", "pyzbar"} <= said.keys()
    assert not any(said.values()), said


def test_without_a_library_of_its_layers_an_import_fails(tools: Image, tmp_path: Path) -> None:
    (library,) = {path.resolve() for path in tools.root.rglob("libodbc.so.2*")}
    hidden = library.rename(library.with_name("hidden"))
    try:
        said = import_all(tools, find_tools(), tmp_path)
    finally:
        hidden.rename(library)
    assert "libodbc.so.2" in said["pyodbc"]
    assert not said["magic"]


SURROUNDINGS = """
import getpass, json, os, pwd, shutil, ssl, subprocess, tempfile
open(os.path.expanduser("~/written"), "w").close()
answer = {
    "certificates": ssl.create_default_context().cert_store_stats()["x509_ca"] > 100,
    "temporary": tempfile.gettempdir(),
    "shell": subprocess.run("command -v ls", shell=True, capture_output=True, text=True).stdout.strip(),
    "script": subprocess.run(["/mnt/script.py"], capture_output=True, text=True).stdout.strip(),
    "bash": shutil.which("bash"),
    "home": os.path.expanduser("~"),
    "name": pwd.getpwuid(0).pw_name,
    "host": os.path.exists("/usr/lib"),
}
print(json.dumps(answer))
"""


def test_programs_find_what_they_expect_of_a_system(tools: Image) -> None:
    script = tools.root / "mnt" / "script.py"
    script.write_text("#!/usr/bin/env python\nimport magic\nprint('ran')\n")
    script.chmod(0o755)
    for user in (0, 1000):
        result = run_in_image(tools, ["python", "-c", SURROUNDINGS], user=user)
        assert result.stdout, result.stderr
        assert json.loads(result.stdout) == {
            "certificates": True,
            "temporary": "/tmp",
            "shell": "/bin/ls",
            "script": "ran",
            "bash": "/bin/bash",
            "home": "/home",
            "name": "root",
            "host": False,
        }


def test_programs_are_in_bin_where_another_configuration_drops_the_path(tools: Image) -> None:
    assert {"python", "bash", "sh", "ls", "env"} <= {path.name for path in (tools.root / "bin").iterdir()}
    # Of several of a name, the environment's.
    assert "-lab-env/" in str((tools.root / "bin" / "python").readlink())


SERVED = """
import json, os, subprocess, sys, time, urllib.request
command = json.loads(sys.argv[1])
log = open("/tmp/log", "w")
# The kernel is no matter of PATH.
lost = {**os.environ, "PATH": "/nowhere"}
server = subprocess.Popen([*command, "--ServerApp.token=secret"], stdout=log, stderr=log, env=lost)

def ask(path, data=None):
    request = urllib.request.Request(f"http://127.0.0.1:8888{path}", data=data)
    request.add_header("Authorization", "token secret")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer) if "json" in answer.headers["Content-Type"] else answer.read().decode()

for _ in range(600):
    try:
        version = ask("/api")["version"]
        break
    except OSError:
        assert server.poll() is None, open("/tmp/log").read()
        time.sleep(0.1)
page = ask("/lab")
specs = ask("/api/kernelspecs")
kernel = ask("/api/kernels", b'{"name": "python3"}')
import websocket
socket = websocket.create_connection(
    f"ws://127.0.0.1:8888/api/kernels/{kernel['id']}/channels",
    header=["Authorization: token secret"],
    timeout=60,
)
code = "import sys, numpy, soundfile; print(int(numpy.ones(2).sum()) + 40, sys.executable)"
header = {"msg_id": "one", "msg_type": "execute_request", "username": "", "session": "x", "version": "5.3"}
message = {"header": header, "parent_header": {}, "metadata": {}, "content": {"code": code}, "buffers": []}
socket.send(json.dumps(message | {"channel": "shell"}))
while True:
    message = json.loads(socket.recv())
    if message["msg_type"] in ("stream", "error"):
        break
print(json.dumps({
    "version": version,
    "title": "<title>JupyterLab</title>" in page,
    "default": specs["default"],
    "argv": specs["kernelspecs"]["python3"]["spec"]["argv"],
    "said": message["content"],
}))
server.terminate()
"""


@pytest.mark.large
def test_jupyter_lab_is_served_by_what_the_image_starts_and_its_kernel_computes(jupyter: Image) -> None:
    command = jupyter.config["Cmd"]
    assert command[0].endswith("-lab-env/bin/jupyter-lab")
    assert jupyter.config["ExposedPorts"] == {"8888/tcp": {}}
    environment = command[0].removesuffix("/bin/jupyter-lab")
    result = run_in_image(jupyter, ["python", "-c", SERVED, json.dumps(command)])
    assert result.stdout, result.stderr
    answer = json.loads(result.stdout)
    assert answer["title"]
    assert answer["version"] == "2.21.1"
    assert answer["default"] == "python3"
    assert answer["argv"][0] == "python"
    assert answer["said"]["text"] == f"42 {environment}/bin/python\n"


@pytest.mark.large
def test_the_interpreter_becomes_a_kernel_for_another_jupyter(jupyter: Image) -> None:
    version = run_in_image(jupyter, ["jupyter", "lab", "--version"])
    assert version.stdout == "4.6.6\n", version.stderr
    installed = run_in_image(jupyter, ["python", "-m", "ipykernel", "install", "--user", "--name", "lab"])
    assert installed.returncode == 0, installed.stderr
    listed = run_in_image(jupyter, ["jupyter", "kernelspec", "list", "--json"])
    argv = json.loads(listed.stdout)["kernelspecs"]["lab"]["spec"]["argv"]
    assert argv[0] == jupyter.config["Cmd"][0].replace("jupyter-lab", "python")


@pytest.mark.large
def test_all_modules_of_jupyter_are_imported_in_it(jupyter: Image, tmp_path: Path) -> None:
    said = import_all(jupyter, find_jupyter(), tmp_path)
    failed = {module: line for module, line in said.items() if line}
    assert {"jupyterlab", "ipykernel", "numpy", "soundfile", "zmq.backend.cython._zmq"} <= said.keys()
    # What draws in notebooks for matplotlib does not require it.
    assert failed.keys() == {"matplotlib_inline"}, failed
    assert failed["matplotlib_inline"].endswith("No module named 'matplotlib'")
