"""Generated code on stdout, or in a file that is replaced only by a whole one."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from wheelfix.cli.options import FILE, make_sources, source_options
from wheelfix.errors import ApplyError
from wheelfix.model.override import Dialect

if TYPE_CHECKING:
    from wheelfix.flows.cargo import Written as CargoWritten
    from wheelfix.flows.nix import Options, Written
    from wheelfix.model.scan import Finding

F = TypeVar("F", bound=Callable[..., Any])

output_option = click.option(
    "-o", "--output", type=FILE, metavar="FILE", help="Write to this file, at once or not at all."
)
dialect_option = click.option(
    "--dialect",
    type=click.Choice([d.value for d in Dialect]),
    default=Dialect.UV2NIX.value,
    show_default=True,
    help="The tool to write for.",
)
_SUPPLY = [
    click.option(
        "--provider",
        "providers",
        multiple=True,
        metavar="NAME=KINDS",
        help="Take packages (a glob, or default) from wheel, sdist or nixpkgs; repeatable.",
    ),
]
_OPTIONS = [
    click.option(
        "--with",
        "beside",
        type=FILE,
        metavar="DIR",
        help="Wheels, or an environment, with the dependencies' metadata.",
    ),
    click.option("--keep", multiple=True, metavar="NAME", help="Dependency never to strip; repeatable."),
    click.option("--strip", multiple=True, metavar="GLOB", help="Dependencies to strip as well; repeatable."),
    click.option("--python", metavar="VERSION", help="Python version of the package set. [default: 3.12]"),
    click.option(
        "--platform", default="x86_64-linux", show_default=True, help="Nix system a requirement is for."
    ),
    click.option("--index", type=FILE, metavar="FILE", help="nix-index database or soname table to ask."),
    click.option("--prefer", multiple=True, metavar="ATTR", help="Attribute that wins among several."),
    output_option,
]


def code_options(command: F) -> F:
    """Add what the commands that read wheels and write Nix code have in common."""
    command = source_options(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def supply_options(command: F) -> F:
    """Add what says where packages come from."""
    command = source_options(command)
    for option in reversed(_SUPPLY):
        command = option(command)
    return command


def make_options(
    *,
    beside: Path | None,
    keep: tuple[str, ...],
    strip: tuple[str, ...],
    python: str | None,
    platform: str,
    index: Path | None,
    prefer: tuple[str, ...],
    quiet: bool,
    index_url: str | None,
    find_links: tuple[str, ...],
) -> Options:
    """Open the index, and put together what the flows want."""
    from wheelfix.cli.progress import index_progress
    from wheelfix.flows import nix as flows
    from wheelfix.index.sources import open_index

    sources = make_sources(index_url, find_links)
    with index_progress(index, enabled=not quiet) as progress:
        table = open_index(index, progress=progress)
    return flows.Options(
        index=table,
        prefer=prefer,
        beside=beside,
        wishes=flows.make_wishes(keep, strip),
        python=python,
        system=platform,
        quiet=quiet,
        sources=sources,
    )


def write(written: Written | CargoWritten, output: Path | None) -> None:
    """Print code, or write it to a file; findings go to stderr.

    Raises:
        ApplyError: the file cannot be written; what was there stays.
    """
    tell_findings(written.findings)
    write_text(written.text, output)


def tell_findings(findings: Iterable[Finding]) -> None:
    """Print findings on stderr, one line each."""
    from wheelfix.report.escape import printable

    for finding in findings:
        click.echo(printable(f"wheelfix: {finding.level}: {finding.subject} {finding.message}"), err=True)


def write_text(text: str, output: Path | None) -> None:
    """Print text, or write it to a file; as :func:`write`."""
    if output is None:
        # A Nix string holds control characters as they are: right in a file, a door for them on a terminal.
        if sys.stdout.isatty():
            from wheelfix.report.escape import printable

            text = "".join(f"{printable(line)}\n" for line in text.removesuffix("\n").split("\n"))
        click.echo(text, nl=False)
        return
    write_bytes(text.encode(), output)


def write_bytes(data: bytes, output: Path) -> None:
    """Replace a file, at once or not at all.

    Raises:
        ApplyError: the file cannot be written; what was there stays.
    """
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
        partial = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            partial.chmod(output.stat().st_mode & 0o777 if output.exists() else 0o666 & ~_read_umask())
            partial.replace(output)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        problem = f"cannot be written ({(error.strerror or str(error)).lower()})"
        raise ApplyError(str(output), problem, "name another file with -o") from None


def _read_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
