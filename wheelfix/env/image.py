"""Renders the container image of an environment, and tells which program an environment is there for.

The image is nixpkgs' ``dockerTools.streamLayeredImage``: its arguments are written here, and pass through
``image-local.nix``, which is the user's.
"""

from __future__ import annotations

from collections.abc import Container

from wheelfix.env.model import Environment, Program
from wheelfix.nix.parts import comment_all, formals
from wheelfix.nix.printer import render
from wheelfix.nix.tree import (
    TRUE,
    Attrs,
    Binary,
    Binding,
    Expr,
    Inherit,
    Lambda,
    List,
    Path,
    Str,
    Var,
    bind,
    call,
    select,
    strings,
    text,
)

IMAGE_LOCAL = "image-local.nix"
"""The file in which the user changes the image."""
HOME = "/home"
"""Home in an image, whoever the user is there."""
MOUNTED = "/mnt"
"""Where programs start in an image: a directory of the host is mounted there."""
_PYTHON = Program(name="python")
_SERVED = ("--ip=0.0.0.0", "--no-browser", "--allow-root")
_PROGRAMS = {
    "jupyterlab": Program(name="jupyter-lab", arguments=_SERVED, port=8888),
    "jupyter": Program(name="jupyter-lab", arguments=_SERVED, port=8888),
    "notebook": Program(name="jupyter-notebook", arguments=_SERVED, port=8888),
}
"""Distributions that one requires to start their program; the first one required counts."""
_LOCAL = (
    "Yours: `wheelfix env` made this file once and does not touch it again. `image` is what default.nix "
    "hands to dockerTools.streamLayeredImage: name, tag, contents, extraCommands, config."
)
_EXAMPLE = 'config = image.config // { Cmd = [ "python" "/mnt/main.py" ]; };'


def find_program(required: Container[str]) -> Program:
    """Find the program that an environment is there for.

    Args:
        required: normalised names of the distributions that the project itself requires, and gets.

    Returns:
        Jupyter's, if Jupyter is required by name; else the interpreter.
    """
    return next((program for name, program in _PROGRAMS.items() if name in required), _PYTHON)


def write_image(environment: Environment) -> Expr:
    """Write the image: an expression with ``pkgs``, ``lib`` and ``environment`` in scope."""
    handed = Attrs((Inherit(("pkgs", "lib", "environment")),))
    local = call("import", Path(f"./{IMAGE_LOCAL}"), handed, _write_arguments(environment))
    return call("pkgs.dockerTools.streamLayeredImage", local)


def render_image_local() -> str:
    """Write the initial ``image-local.nix``, which changes nothing."""
    changed = Binary("//", Var("image"), Attrs(trailer=_EXAMPLE))
    function = Lambda(formals("pkgs", "lib", "environment", ellipsis=True), Lambda("image", changed))
    return render(comment_all([_LOCAL], function))


def _write_arguments(environment: Environment) -> Attrs:
    programs = Attrs(
        (
            bind("name", text(f"{environment.name}-programs")),
            bind(
                "paths",
                List((Var("environment"), select("pkgs", "bashInteractive"), select("pkgs", "coreutils"))),
            ),
            bind("pathsToLink", strings(("/bin",))),
            bind("ignoreCollisions", TRUE, "the environment's own come first"),
        )
    )
    contents = List(
        (
            call("pkgs.buildEnv", programs),
            select("pkgs", "dockerTools", "usrBinEnv"),
            select("pkgs", "dockerTools", "fakeNss"),
        )
    )
    return Attrs(
        (
            bind("name", text(environment.name)),
            bind("tag", text("latest")),
            bind("contents", contents),
            bind("extraCommands", text(f"mkdir -m 1777 tmp {HOME[1:]} {MOUNTED[1:]}"), "for any user"),
            bind("config", _write_config(environment.program)),
        )
    )


def _write_config(program: Program) -> Attrs:
    started = Str((Var("environment"), f"/bin/{program.name}"))
    variables = List(
        (
            Str(("PATH=", Var("environment"), "/bin:/bin:/usr/bin")),
            text(f"HOME={HOME}"),
            Str(("SSL_CERT_FILE=", select("pkgs", "cacert"), "/etc/ssl/certs/ca-bundle.crt")),
        )
    )
    bindings = [
        bind("Cmd", List((started, *map(text, program.arguments)))),
        bind("Env", variables),
        bind("WorkingDir", text(MOUNTED)),
    ]
    if program.port:
        bindings.append(Binding(("ExposedPorts", f"{program.port}/tcp"), Attrs()))
    return Attrs(tuple(bindings))
