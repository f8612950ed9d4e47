"""Writes commands that run a program in a namespace: it has what is shown to it, and nothing else.

The namespaces are made by bubblewrap (``bwrap``), which needs no rights of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from wheelfix.model.base import Struct, field

PROGRAM = "bwrap"
HOME = "/tmp/home"  # noqa: S108 - inside the namespace, where nobody else is
"""An empty directory in every namespace, where programs start."""


class Namespace(Struct):
    """What a program in a namespace has.

    Besides, there are ``/proc``, a ``/dev`` without devices of this machine, and empty, writable directories
    for temporary files and the home.

    Attributes:
        shown: files and directories, by their path in the namespace, and where they are here; read-only.
        links: symbolic links, by their path in the namespace, and where they lead to.
        variables: environment variables.
    """

    shown: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)


def enter_namespace(namespace: Namespace, command: Sequence[str]) -> list[str]:
    """Write the command that runs another one in a namespace, without a network.

    What it starts ends with it, and it ends with the process that starts it. It has no rights that a user has
    not, and no terminal.

    Args:
        namespace: what is there.
        command: program and arguments, by their paths in the namespace.
    """
    words = [PROGRAM, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    words += ["--clearenv", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--dir", HOME]  # noqa: S108
    # Outer directories first: a later mount would hide what is inside.
    for place, source in sorted(namespace.shown.items()):
        words += ["--ro-bind", source, place]
    for place, target in sorted(namespace.links.items()):
        words += ["--symlink", target, place]
    for name, value in sorted(namespace.variables.items()):
        words += ["--setenv", name, value]
    return [*words, "--chdir", HOME, "--", *command]
