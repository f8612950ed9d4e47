"""Models of what somebody asks of conda: an environment that is not solved yet."""

from __future__ import annotations

from wheelfix.model.base import Struct
from wheelfix.model.scan import Finding


class VirtualPackage(Struct):
    """A property of the machine that packages may depend on, which conda treats as a package.

    Attributes:
        name: begins with two underscores.
        version: of the property: of glibc, for example.
        build: a word besides it; ``__archspec`` has the machine there.
    """

    name: str
    version: str
    build: str = "0"


class PipSources(Struct):
    """Where a file says that its PyPI part is from.

    Attributes:
        index: address of the package index; empty for the configured one.
        extra: further indexes.
        find_links: pages and directories that list files.
    """

    index: str = ""
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()


class CondaProject(Struct):
    """One environment that a file asks for, for one platform.

    Attributes:
        file: its name, for messages and for the lock.
        name: of the environment, as written; empty if the file gives none.
        channels: names and addresses, strongest first.
        strict: whether a channel hides the packages of the same name in weaker ones.
        specs: match specifications of what it is to have, in order.
        constraints: match specifications that hold for what comes in by itself.
        beside: match specifications of environments that are solved together with this one.
        requirements: of its PyPI part, in the syntax of PEP 508, in order.
        requirements_beside: those of environments that are solved together with this one.
        declared: virtual packages that the file says its machines have.
        variables: environment variables that it sets, sorted.
        pip: where the PyPI part is from.
        category: conda-lock's word for what the packages are for.
        findings: what in the file has no effect here.
    """

    file: str
    name: str = ""
    channels: tuple[str, ...]
    strict: bool = True
    specs: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    requirements_beside: tuple[str, ...] = ()
    declared: tuple[VirtualPackage, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    pip: PipSources = PipSources()
    category: str = "main"
    findings: tuple[Finding, ...] = ()
