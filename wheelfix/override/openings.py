"""Plans the code for what a wheel's files open by name: each opening in the form that is proved for it."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping, Sequence

from wheelfix.index.driver import RUN_PATH
from wheelfix.model.base import Struct, replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.hints import OpeningKind
from wheelfix.model.index import Attribute, Provider, find_permissions
from wheelfix.model.override import Ignored, Input, OpenedLibrary, Shim, Substitution
from wheelfix.model.scan import Need, Opening, OpeningForm
from wheelfix.model.variables import Variable
from wheelfix.scan.hook import spell_note
from wheelfix.scan.openings import choose_form
from wheelfix.scan.sentences import name_some, say_form, say_opening
from wheelfix.scan.shims import find_modules, find_source, has_module, list_preloaded

_NAMED = 2
_CUDA = "cudaPackages"
_NOTHING: Mapping[str, Attribute] = {}


class OpenedPlan(Struct):
    """Code for what a wheel opens by name.

    Attributes:
        inputs: what entries of ``.note.dlopen`` name, which auto-patchelf looks for among the inputs.
        ignored: such entries that no input answers, as auto-patchelf writes them.
        runpaths, substitutions, shim: as in :class:`~wheelfix.model.override.Override`.
        driver: libraries of the GPU driver that ELF files open, sorted.
        rest: openings that have no code.
    """

    inputs: tuple[Input, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    runpaths: tuple[Input, ...] = ()
    substitutions: tuple[Substitution, ...] = ()
    shim: Shim | None = None
    driver: tuple[str, ...] = ()
    rest: tuple[Opening, ...] = ()


def plan_openings(
    openings: Sequence[Opening],
    files: Collection[str],
    *,
    needs: Iterable[Need] = (),
    attributes: Mapping[str, Attribute] = _NOTHING,
    replaced: Collection[str] = (),
) -> OpenedPlan:
    """Plan the code for openings of a wheel.

    Args:
        openings: answered.
        files: paths of all its members; empty if they are not known.
        needs: what its files are linked against and code brings.
        attributes: what nixpkgs says of attributes.
        replaced: distributions whose libraries nixpkgs' CUDA replaces.
    """
    answered = [_replace_cuda(one, replaced) for one in openings]
    shown = [one for one in answered if one.form is not OpeningForm.NONE]
    python = [one for one in shown if one.call and find_source(one)]
    elf = [one for one in shown if not one.call]
    coded = {id(one) for one in (*python, *elf)}
    return OpenedPlan(
        inputs=tuple(_list_inputs([o for o in elf if o.kind is OpeningKind.NOTE], attributes)),
        ignored=tuple(_list_ignored(answered)),
        runpaths=tuple(_list_runpaths(elf, needs, attributes)),
        substitutions=tuple(_list_substitutions(python, attributes)),
        shim=_make_shim([o for o in python if o.form is OpeningForm.SHIM], frozenset(files), attributes),
        driver=tuple(sorted({o.answered or "" for o in elf if o.need_class is NeedClass.DRIVER})),
        rest=tuple(opening for opening, one in zip(openings, answered, strict=True) if id(one) not in coded),
    )


def _replace_cuda(opening: Opening, replaced: Collection[str]) -> Opening:
    """Answer by nixpkgs' CUDA what a distribution would bring that is removed."""
    provider = opening.providers[0] if opening.providers else None
    if opening.distribution not in replaced or not provider or not provider.attr.startswith(_CUDA):
        return opening
    form = choose_form(opening, opening.answered or "", NeedClass.PROVIDED)
    return replace(opening, need_class=NeedClass.PROVIDED, distribution=None, form=form)


def _list_inputs(openings: Iterable[Opening], attributes: Mapping[str, Attribute]) -> Iterable[Input]:
    for (attr, _), several in _group_by_directory(openings).items():
        yield _make_input(attr, several, attributes)


def _list_ignored(openings: Iterable[Opening]) -> Iterable[Ignored]:
    """List the entries of ``.note.dlopen`` that auto-patchelf would look for in vain."""
    for one in openings:
        if one.note is None or len(one.names) < len(set(one.note.sonames)):
            continue  # the wheel itself has one of its names, or the C library
        if one.need_class is NeedClass.PROVIDED and one.form is OpeningForm.RUN_PATH:
            continue
        why = f"comes with the GPU driver, in {RUN_PATH}" if one.need_class is NeedClass.DRIVER else ""
        reason = why or say_form(one) or "opened by name, if at all, and brought by nobody here"
        yield Ignored(soname=spell_note(one.note), reason=reason)


def _list_runpaths(
    openings: Sequence[Opening], needs: Iterable[Need], attributes: Mapping[str, Attribute]
) -> Iterable[Input]:
    """One per attribute whose libraries an ELF file opens and does not reach by linking something beside."""
    strings = [one for one in openings if one.kind is not OpeningKind.NOTE]
    linked = _find_linked(needs)
    for (attr, directory), several in _group_by_directory(strings).items():
        left = [o for o in several if (o.file, attr, directory) not in linked]
        if left:
            yield _make_input(attr, left, attributes)


def _find_linked(needs: Iterable[Need]) -> set[tuple[str, str, str]]:
    """Find what auto-patchelf puts into run paths anyway: by file, the attribute and its directory."""
    return {
        (path, need.providers[0].attr, _find_directory(need.providers[0]))
        for need in needs
        if need.need_class is NeedClass.PROVIDED
        for path in need.wanted_by
    }


def _find_directory(provider: Provider) -> str:
    return posixpath.dirname(provider.path).strip("/")


def _group_by_directory(openings: Iterable[Opening]) -> dict[tuple[str, str], list[Opening]]:
    found: dict[tuple[str, str], list[Opening]] = {}
    for opening in openings:
        if opening.need_class is NeedClass.PROVIDED:
            provider = opening.providers[0]
            found.setdefault((provider.attr, _find_directory(provider)), []).append(opening)
    return dict(sorted(found.items()))


def _make_input(attr: str, openings: Sequence[Opening], attributes: Mapping[str, Attribute]) -> Input:
    names = sorted({one.answered or "" for one in openings})
    files = name_some(sorted({one.file for one in openings}), _NAMED)
    return Input(
        attr=attr,
        reason=f"{', '.join(names)}, opened by {files}",
        directory=_find_directory(openings[0].providers[0]),
        permissions=find_permissions(attr, attributes),
    )


def _list_substitutions(
    openings: Iterable[Opening], attributes: Mapping[str, Attribute]
) -> Iterable[Substitution]:
    found: dict[tuple[str, str], Substitution] = {}
    for opening in openings:
        name = opening.answered or ""
        called = next((c for c in opening.call.names if c.name == name), None) if opening.call else None
        if opening.form is not OpeningForm.SUBSTITUTE or not called or not called.edit:
            continue
        file = find_source(opening) or ""
        library = _find_library(opening, "the source gets its path", attributes)
        one = Substitution(file=file, name=name, edit=called.edit, library=library)
        found.setdefault((file, called.edit.old), one)
    return (found[key] for key in sorted(found))


def _find_library(opening: Opening, why: str, attributes: Mapping[str, Attribute]) -> OpenedLibrary:
    name = opening.answered or ""
    reason = f"{opening.file}: {say_opening(opening, name)}"
    if opening.need_class is NeedClass.DRIVER:
        return OpenedLibrary(attr="", path=f"{RUN_PATH}/{posixpath.basename(name)}", reason=reason, why=why)
    provider = opening.providers[0]
    permissions = find_permissions(provider.attr, attributes)
    return OpenedLibrary(
        attr=provider.attr, path=provider.path, reason=reason, why=why, permissions=permissions
    )


def add_variables(shim: Shim | None, variables: Iterable[Variable], files: Collection[str]) -> Shim | None:
    """Let a shim set the variables by which the modules of a package find what they open.

    Args:
        shim: what answers the sources of the package, or None.
        variables: that it honours.
        files: paths of all its members; empty if they are not known.
    """
    found = [one for one in variables if any(has_module(name, files) for name in one.modules)]
    if not found:
        return shim
    base = shim or Shim(modules=(), sources=1)
    why = "a shim sets it when the package is imported"
    return replace(
        base,
        modules=tuple(sorted({*base.modules, *(name for one in found for name in one.modules)})),
        variables=tuple(
            (one.name, OpenedLibrary(attr=one.attr, path=one.path, reason=one.reason, why=why))
            for one in found
        ),
    )


def _make_shim(
    openings: Sequence[Opening], files: Collection[str], attributes: Mapping[str, Attribute]
) -> Shim | None:
    if not openings:
        return None
    libraries: dict[str, OpenedLibrary] = {}
    for opening in openings:
        driver = opening.need_class is NeedClass.DRIVER
        why = "where the GPU driver is differs" if driver else "no text in it can be replaced for sure"
        libraries.setdefault(
            opening.answered or "", _find_library(opening, f"{why}, so a shim answers", attributes)
        )
    paths = {find_source(opening) or "": opening.anchor for opening in openings}
    return Shim(
        modules=find_modules(openings, files),
        libraries=tuple((name, libraries[name]) for name in sorted(libraries)),
        preload=list_preloaded(openings, files),
        sources=len(paths),
        anchors=tuple((path, anchor) for path, anchor in sorted(paths.items()) if anchor),
    )
