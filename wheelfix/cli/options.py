"""Options that commands share, and how errors and findings are printed."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from wheelfix.cli.complete import complete_attrs
from wheelfix.errors import InputError, WheelfixError
from wheelfix.model.backends import Backend, Gpu

if TYPE_CHECKING:
    from wheelfix.model.base import Struct
    from wheelfix.model.scan import Finding
    from wheelfix.outside.configuration import PackageSources

F = TypeVar("F", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, readable=False)
"""A path that the flow itself checks, because its messages say more than click's."""


class _Target(click.types.StringParamType):
    """A target: a path, a requirement or an address, and not empty."""

    name = "target"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse an empty string, which comes from an unset shell variable and names no directory."""
        if not value:
            self.fail("it is empty: name a file, a directory or a requirement", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """Let the shell complete file names."""
        return complete_files(ctx, param, incomplete)


TARGET = _Target()

beside_option = click.option(
    "--with",
    "beside",
    type=TARGET,
    multiple=True,
    metavar="PATH",
    help="Wheel, directory of wheels, or environment that is at hand: what it carries is checked, "
    "not believed; repeatable.",
)


gpu_option = click.option(
    "--gpu",
    type=click.Choice([g.value for g in Gpu]),
    callback=lambda _context, _parameter, value: Gpu(value).backend if value else None,
    help="Backend that is used, of those that a wheel has files for. "
    "[default: the one that the wheel or its environment is made for, else nixpkgs' CUDA]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON with a versioned schema.")
code_json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON with a versioned schema, the code in it; with -o, write the code as well.",
)


nixpkgs_option = click.option(
    "--nixpkgs",
    metavar="REF",
    help="nixpkgs that the code is for: a path, <nixpkgs> or a flake reference, which Nix is asked about. "
    "[default: [tool.wheelfix] nixpkgs in pyproject.toml, else what wheelfix knows]",
)


def complete_files(_context: click.Context, _parameter: click.Parameter, typed: str) -> list[Any]:
    """Let the shell complete file names for arguments that may be a file or something else."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(typed, type="file")]


def _check_python(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse an invalid --python, even if the command does not use it."""
    if value not in {None, "3.12"}:
        from wheelfix.lockfile.python import check_python

        return check_python(value or "", f"--python {value}")
    return value


def python_option(purpose: str, *, first: str = "") -> Callable[[F], F]:
    """Make --python.

    Args:
        purpose: what the version is for, as a sentence.
        first: whose version counts first where the user names none, if not the project's.
    """
    places = [*([first] if first else []), ".python-version", "the lock", "pyproject.toml"]
    return click.option(
        "--python",
        callback=_check_python,
        metavar="VERSION",
        help=f"{purpose} 3.13, 3.14t or pypy3.11. [default: that of {', '.join(places)}; else 3.12]",
    )


def check_platform(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """Refuse an invalid --platform, even if the command does not use it."""
    if value != "x86_64-linux":
        from wheelfix.outside import requirements

        requirements.check_system(value)
    return value


def common_options(command: F) -> F:
    """Add --nixpkgs, and what :func:`answer_options` adds, in this order in the help."""
    return add_options(command, nixpkgs_option, answer_options)


def answer_options(command: F) -> F:
    """Add --json, --index, --prefer, --quiet and --debug, in this order in the help."""
    return add_options(
        command,
        json_option,
        click.option(
            "--index",
            type=FILE,
            metavar="FILE",
            help="nix-index database or soname table to ask. "
            "[default: yours, else a fetched one, else the one inside wheelfix]",
        ),
        click.option(
            "--prefer",
            multiple=True,
            metavar="ATTR",
            shell_complete=complete_attrs,
            help="Attribute that wins among several; repeatable.",
        ),
        *_COMMON,
    )


_COMMON = [
    click.option(
        "--quiet", is_flag=True, help="No progress, no notes, no details: the answer, and warnings."
    ),
    click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=lambda ctx, _param, value: _set_debug(ctx, value),
        help="Show the traceback of an error.",
    ),
]


_SOURCES = [
    click.option(
        "--index-url",
        metavar="URL",
        help="Package index to fetch from. [default: what pip or uv is configured for]",
    ),
    click.option(
        "--find-links",
        multiple=True,
        metavar="DIR",
        help="Directory, or page of links, that has distributions; repeatable.",
    ),
]


def source_options(command: F) -> F:
    """Add --index-url and --find-links: where distributions are fetched from."""
    return add_options(command, *_SOURCES)


def make_sources(index_url: str | None, find_links: Sequence[str]) -> PackageSources:
    """Combine the sources of distributions that the user names with the configuration of pip and uv.

    Raises:
        InputError: a configuration cannot be read, or a named directory does not exist.
    """
    from wheelfix.outside.configuration import find_package_sources

    for link in find_links:
        if "://" not in link and not Path(link).is_dir():
            raise InputError(f"--find-links {link}", "is no directory", "give a directory of distributions")
    return find_package_sources(index_url, find_links)


def group_option(command: F) -> F:
    """Add --group: which part of a lock counts."""
    return add_options(
        command,
        click.option(
            "--group",
            "groups",
            multiple=True,
            metavar="GLOB",
            help="Dependency group of a lock, instead of the default ones; repeatable. Of pixi: environment.",
        ),
    )


def check_groups(groups: tuple[str, ...], targets: Sequence[str]) -> tuple[str, ...] | None:
    """Return the groups that the user names, or None.

    Raises:
        InputError: no target is a lock.
    """
    if groups:
        from wheelfix.scan.target import TargetKind, find_target

        if not any(find_target(target, "scan").kind is TargetKind.LOCK for target in targets):
            raise InputError(f"--group {groups[0]}", "is for locks, which have groups", "leave it out")
    return groups or None


def index_options(command: F) -> F:
    """Add --index and --prefer, of commands that print no answers of an index but use them."""
    return add_options(
        command,
        click.option("--index", type=FILE, metavar="FILE", help="nix-index database or soname table to ask."),
        click.option(
            "--prefer",
            multiple=True,
            metavar="ATTR",
            shell_complete=complete_attrs,
            help="Attribute that wins among several.",
        ),
    )


def wish_options(command: F) -> F:
    """Add --keep and --strip: which dependencies stay, and which go."""
    return add_options(
        command,
        click.option("--keep", multiple=True, metavar="NAME", help="Dependency never to strip; repeatable."),
        click.option(
            "--strip", multiple=True, metavar="GLOB", help="Dependencies to strip as well; repeatable."
        ),
    )


def runtime_options(command: F) -> F:
    """Add --python and --platform, of commands that read any target."""
    return add_options(
        command,
        python_option("Python version that is fetched, or a lock is read, for."),
        click.option(
            "--platform",
            callback=check_platform,
            default="x86_64-linux",
            show_default=True,
            help="Nix system to fetch, or to read a lock, for.",
        ),
    )


def add_options(command: F, *options: Callable[[F], F]) -> F:
    """Add options, which are in the help in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def list_given(context: click.Context, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """List options that the user gave on the command line, with their values, in the order of the names.

    Args:
        context: of the command.
        names: of the options' parameters.
    """
    found = []
    for name in names:
        if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        option = next(o.opts[-1] for o in context.command.params if o.name == name)
        value = context.params[name]
        found += [(option, _write_option(one)) for one in (value if isinstance(value, tuple) else (value,))]
    return tuple(found)


def _write_option(value: object) -> str:
    """Write a value as it is given on the command line."""
    return f"{value.name}{value.version}" if isinstance(value, Backend) else str(value)


def basic_options(command: F) -> F:
    """Add --quiet and --debug."""
    return add_options(command, *_COMMON)


def _set_debug(context: click.Context, value: bool) -> None:
    context.find_root().meta["wheelfix.debug"] = value


def print_json(document: Struct | Sequence[Struct], *, err: bool = False) -> None:
    """Print a document, or a list of documents, on stdout.

    Args:
        document: the document.
        err: print it on stderr, if stdout belongs to another program.
    """
    from wheelfix.model.base import encode_indented

    click.echo(encode_indented(document), nl=False, err=err)


def tell_findings(findings: Iterable[Finding], *, quiet: bool = False) -> None:
    """Print findings on stderr, one line each.

    Args:
        findings: in any order, which is kept.
        quiet: leave out notes. Warnings are printed anyway, as they are part of the answer.
    """
    from wheelfix.model.scan import Level
    from wheelfix.report.escape import hide_passwords, printable

    for one in findings:
        if not quiet or one.level is not Level.NOTE:
            line = f"wheelfix: {one.level}: {one.subject} {one.message}"
            click.echo(printable(hide_passwords(line)), err=True)


def tell_error(error: WheelfixError) -> int:
    """Print an error on stderr, with its traceback under --debug.

    Returns:
        The exit code of the error.
    """
    from wheelfix.report.escape import hide_passwords, print_error, printable

    context = click.get_current_context(silent=True)
    if context and context.find_root().meta.get("wheelfix.debug"):
        for line in "".join(traceback.format_exception(error)).splitlines():
            print(printable(hide_passwords(line)), file=sys.stderr)
    print_error(error.subject, error.problem, error.hint)
    return error.exit_code
