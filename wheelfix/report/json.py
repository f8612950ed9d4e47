"""Makes the documents that ``--json`` prints; :mod:`.documents` defines their form.

Lists are sorted, except where their order has a meaning: run paths (search order), providers (best first),
the names of an opening (in the order of attempts), answers (in the order of the questions).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wheelfix.errors import strip_login, strip_token
from wheelfix.model.base import decode_json
from wheelfix.model.conda import CondaBuild, CondaPackage
from wheelfix.model.names import NameKind
from wheelfix.report.documents import (
    AdapterDocument,
    AlternativeDocument,
    AnswerDocument,
    AskedIndexDocument,
    AttributeDocument,
    BreachDocument,
    BuildDocument,
    BuildSystemDocument,
    CargoDocument,
    CheckDocument,
    CheckFindingDocument,
    ChosenPackageDocument,
    CollisionDocument,
    CondaDocument,
    CondaPackageDocument,
    DependenciesDocument,
    DependencyDocument,
    EnvDocument,
    EvidenceDocument,
    ExplainDocument,
    FileDocument,
    FindingDocument,
    FlakeDocument,
    GitCratesDocument,
    IgnoredDocument,
    IndexDocument,
    InputDocument,
    KnownNixpkgsDocument,
    LinkedInputDocument,
    LoaderShimDocument,
    LocatedDocument,
    LocateDocument,
    LockAdapterDocument,
    LockDocument,
    LostOpeningDocument,
    MessagePackageDocument,
    MissingDocument,
    NativeBuildInputDocument,
    NeedDocument,
    NixpkgsDocument,
    NoteDocument,
    ObjectDocument,
    OpenedLibraryDocument,
    OpeningDocument,
    OverriddenPackageDocument,
    OverrideDocument,
    PasteDocument,
    PatchDocument,
    PatchedFileDocument,
    ProblemDocument,
    ProviderDocument,
    RankedProviderDocument,
    RefusedDocument,
    ReplacedPackageDocument,
    RequirementDocument,
    RunPathInputDocument,
    RustVersionDocument,
    ScanDocument,
    SdistDocument,
    SearchDocument,
    ShimDocument,
    ShimFileDocument,
    StepDocument,
    SubstitutionDocument,
    SuppliesDocument,
    SupplyDocument,
    TagDocument,
    TraceDocument,
    TriedDocument,
    TroubleDocument,
    TryDocument,
    UnusedDocument,
    VariableDocument,
    VerifyDocument,
    WrittenFileDocument,
)
from wheelfix.scan.sentences import say_cause, say_located, say_question, say_refused, say_step, say_unused

if TYPE_CHECKING:
    from wheelfix.explain.model import Explanation, Missing
    from wheelfix.lint.model import LintFinding
    from wheelfix.lock.model import LockPlan
    from wheelfix.model.backends import Alternative, Unused
    from wheelfix.model.elf import ElfObject
    from wheelfix.model.flake import FlakeConfig
    from wheelfix.model.hook import LostOpening
    from wheelfix.model.index import Attribute, IndexInfo, NixpkgsInfo, Provider, Refused
    from wheelfix.model.lock import Choice
    from wheelfix.model.override import (
        Adapter,
        AdapterPlan,
        DependencyDecision,
        Dialect,
        Input,
        OpenedLibrary,
        Override,
        Shim,
        StripPlan,
        Substitution,
    )
    from wheelfix.model.policies import TagCheck
    from wheelfix.model.scan import (
        FileHit,
        Finding,
        IndexSource,
        Located,
        Need,
        NeedTrace,
        Opening,
        WheelScan,
    )
    from wheelfix.model.variables import Variable
    from wheelfix.model.written import Written
    from wheelfix.override.plan import OverridePlan
    from wheelfix.patch.model import (
        Answer,
        FilePlan,
        FileResult,
        PatchReport,
        Problem,
        ShimPlan,
        Supplies,
        Supply,
    )
    from wheelfix.sdist.model import BuildRequirement, CargoPlan
    from wheelfix.trial.model import Trial, Tried

_NAMED = "the project names it in [build-system], or it is the default of PEP 517"


def load_schema(name: str) -> dict[str, Any]:
    """Load a JSON schema of the package.

    Args:
        name: value of ``schema`` in the documents (``wheelfix.scan/2``).
    """
    from importlib import resources

    kind, _, version = name.removeprefix("wheelfix.").partition("/")
    text = (resources.files("wheelfix.report") / "schema" / f"{kind}-{version}.json").read_bytes()
    schema: dict[str, Any] = decode_json(text, Any)
    return schema


def document_scans(scans: Sequence[WheelScan]) -> ScanDocument | list[ScanDocument]:
    """Build one document for one scan, a list of documents for several."""
    documents = [document_scan(scan) for scan in scans]
    return documents[0] if len(documents) == 1 else documents


def document_scan(scan: WheelScan) -> ScanDocument:
    """Build the ``wheelfix.scan/2`` document of a scan."""
    return ScanDocument(
        target=scan.target,
        name=scan.name,
        version=scan.version,
        tags=tuple(sorted(scan.tags)),
        requires_dist=tuple(sorted(scan.requires_dist)),
        index=_document_index(scan.index),
        machine=scan.machine,
        objects=tuple(_document_object(obj) for obj in sorted(scan.objects, key=lambda o: o.path)),
        needs=tuple(_document_need(need) for need in sorted(scan.needs, key=lambda n: (n.soname, n.machine))),
        openings=tuple(map(_document_opening, scan.openings)),
        build_inputs=tuple(sorted(scan.build_inputs)),
        baseline_inputs=tuple(sorted(scan.baseline_inputs)),
        ignore_missing=tuple(sorted(scan.ignore_missing)),
        findings=_document_findings(scan.findings),
        variant=scan.variant,
        alternatives=tuple(map(_document_alternative, scan.alternatives)),
        lost_openings=_document_lost(scan.lost_openings),
        attributes=_document_attributes(scan.attributes),
        nixpkgs=_document_nixpkgs(scan.nixpkgs) if scan.nixpkgs else None,
        policies=tuple(map(_document_tag, scan.tag_checks)),
        conda=_document_conda(scan.conda) if scan.conda else None,
    )


def document_trace(trace: NeedTrace) -> TraceDocument:
    """Build the ``wheelfix.trace/1`` document of the steps to a need's class."""
    return TraceDocument(
        target=trace.target,
        need=_document_need(trace.need),
        steps=tuple(
            StepDocument(
                question=say_question(step.question, trace.need.machine),
                answer=say_step(step),
                need_class=step.need_class,
                cause=step.cause,
                evidence=step.evidence,
            )
            for step in trace.steps
        ),
        openings=tuple(map(_document_opening, trace.openings)),
    )


def document_located(results: Iterable[Located], info: IndexInfo) -> LocateDocument:
    """Build the ``wheelfix.locate/1`` document: one result per name, in the order asked."""
    return LocateDocument(
        index=_document_index(info),
        results=tuple(
            LocatedDocument(
                name=located.name,
                kind=located.kind,
                soname=located.name if located.kind is NameKind.LIBRARY else None,
                need_class=located.need_class,
                note=say_located(located),
                providers=tuple(map(_document_ranked, located.providers)),
                nearest=located.nearest,
                holders=dict(sorted(located.holders.items())),
                attributes=_document_attributes(located.attributes),
            )
            for located in results
        ),
    )


def document_hit(hit: FileHit) -> FileDocument:
    """Build the ``wheelfix.file/1`` document of a file of a database."""
    return FileDocument(
        attr=hit.attr,
        output=hit.output,
        store_path=hit.store_path,
        kind=hit.kind,
        path=hit.path,
        size=hit.size,
        toplevel=hit.toplevel,
    )


def document_sources(
    sources: Iterable[IndexSource], nixpkgs: NixpkgsInfo, attrs: int, python: int
) -> tuple[IndexDocument, ...]:
    """Build the ``wheelfix.index/1`` documents of the places where an index may be.

    Args:
        sources: the places.
        nixpkgs: the nixpkgs that answers are held against.
        attrs: number of its attributes that are known.
        python: the same for Python packages.
    """
    known = KnownNixpkgsDocument(
        source=nixpkgs.source,
        release=nixpkgs.release,
        revision=nixpkgs.revision,
        date=nixpkgs.date,
        python=nixpkgs.python,
        attributes=attrs,
        python_packages=python,
    )
    return tuple(
        IndexDocument(name=one.name, path=one.path, state=one.state, used=one.used, nixpkgs=known)
        for one in sources
    )


def document_explanation(
    explanation: Explanation,
    dialect: Dialect,
    paste: Iterable[tuple[str, str]],
    now: Sequence[str],
    command: str | None = None,
) -> ExplainDocument:
    """Build the ``wheelfix.explain/1`` document; arguments as for the text of an explanation."""
    package = explanation.package
    return ExplainDocument(
        concerned=explanation.concerned,
        package=MessagePackageDocument(
            name=package.name, version=package.version, site=package.site, environment=package.environment
        )
        if package
        else None,
        interpreter=explanation.interpreter,
        missing=tuple(map(_document_missing, explanation.missing)),
        troubles=_document_troubles(explanation),
        build_inputs=explanation.build_inputs,
        ignore_missing=explanation.ignore_missing,
        siblings=explanation.siblings,
        looked_into=explanation.looked_into,
        truncated=explanation.left_out,
        dialect=dialect,
        paste=tuple(PasteDocument(place=place, code=code) for place, code in paste),
        now=tuple(now),
        command=command,
        index=_document_index(explanation.index),
    )


def _document_troubles(explanation: Explanation) -> tuple[TroubleDocument, ...]:
    return tuple(TroubleDocument(kind=t.kind, what=t.what, answered=t.answered) for t in explanation.troubles)


def document_trial(trial: Trial) -> TryDocument:
    """Build the ``wheelfix.try/1`` document."""
    return TryDocument(
        environment=trial.environment,
        python=trial.python,
        namespace=trial.isolated,
        borrowed=trial.borrowed,
        tried=tuple(map(_document_tried, trial.tried)),
        below=trial.below,
        now=trial.now,
        findings=_document_findings(trial.findings),
        answered=trial.whole,
    )


def _document_tried(one: Tried) -> TriedDocument:
    explanation = one.explanation
    return TriedDocument(
        distribution=one.distribution,
        version=one.version,
        module=one.module,
        compiled=one.compiled,
        outcome=one.outcome,
        counts=one.counts,
        error=one.line or None,
        code=one.code if one.outcome in {"crash", "exit"} else None,
        absent=one.absent,
        missing=tuple(map(_document_missing, explanation.missing)) if explanation else (),
        troubles=_document_troubles(explanation) if explanation else (),
        output=one.text,
    )


def document_check(findings: Iterable[LintFinding], *, path: str) -> CheckDocument:
    """Build the ``wheelfix.check/1`` document, findings in the order given.

    Args:
        findings: of one file.
        path: the file, as the user named it.
    """
    return CheckDocument(
        file=path,
        findings=tuple(
            CheckFindingDocument(
                rule=f.rule,
                level=f.level,
                line=f.place.line if f.place else None,
                column=f.place.column if f.place else None,
                package=f.package,
                subject=f.subject,
                message=f.message,
                suggestion=f.suggestion,
            )
            for f in findings
        ),
    )


def document_override(written: Written[OverridePlan]) -> OverrideDocument:
    """Build the ``wheelfix.override/1`` document."""
    plan = written.plan
    scanned = {(scan.target, scan.name): scan for scan in plan.scans}
    return OverrideDocument(
        dialect=plan.dialect,
        cuda=plan.cuda,
        packages=tuple(_document_override(o, scanned[o.target, o.name]) for o in plan.overrides),
        adapters=tuple(_document_replaced(a) for a in plan.adapters),
        code=written.text,
        findings=_document_findings(written.findings),
        answered=written.answered,
    )


def document_adapter(written: Written[AdapterPlan]) -> AdapterDocument:
    """Build the ``wheelfix.adapter/1`` document."""
    first, *rest = map(_document_replaced, written.plan.adapters)
    return AdapterDocument(
        target=first.target,
        name=first.name,
        version=first.version,
        attr=first.attr,
        python=first.python,
        dependencies=first.dependencies,
        together=tuple(rest),
        code=written.text,
        findings=_document_findings(written.findings),
        answered=written.answered,
    )


def _document_replaced(adapter: Adapter) -> ReplacedPackageDocument:
    from wheelfix.override.prebuilt import find_python

    return ReplacedPackageDocument(
        name=adapter.name,
        version=adapter.version,
        target=adapter.target,
        attr=".".join(adapter.attr),
        python=find_python(adapter.attr),
        dependencies=_document_dependencies(adapter.strip),
        reason=adapter.reason,
    )


def document_sdist(written: Written[CargoPlan], *, dialect: Dialect) -> SdistDocument:
    """Build the ``wheelfix.sdist/1`` document.

    Args:
        written: the code and its plan.
        dialect: dialect of the code.
    """
    from wheelfix.sdist.render import find_settings

    plan = written.plan
    return SdistDocument(
        target=plan.target,
        name=plan.project.name,
        version=plan.project.version,
        build_systems=tuple(map(_document_build_system, plan.build_systems)),
        native_build_inputs=tuple(
            NativeBuildInputDocument(attr=tool.attr, evidence=_document_crates(tool)) for tool in plan.tools
        ),
        inputs=tuple(
            LinkedInputDocument(attr=one.attr, evidence=_document_crates(one), optional=False)
            for one in plan.libraries
        ),
        environment={name: value for name, value, _ in find_settings(plan)},
        cargo=_document_cargo(plan),
        findings=_document_findings(written.findings),
        dialect=dialect,
        code=written.text,
        answered=written.answered,
    )


def document_lock(plan: LockPlan) -> LockDocument:
    """Build the ``wheelfix.lock/1`` document."""
    from wheelfix.lock.collisions import spell_pattern

    scans = {scan.name: scan for scan in plan.scans}
    # A list of libraries has overrides of packages of conda, too, which may be called like wheels.
    overrides = {one.name: one for one in plan.overrides if one.target.endswith(".whl")}
    prefix = {scan.name: scan for scan in plan.conda_scans}
    return LockDocument(
        lock=plan.lock,
        python=plan.python,
        system=plan.system,
        dialect=plan.dialect,
        packages=tuple(
            _document_choice(c, scans.get(c.package.name), overrides.get(c.package.name))
            for c in plan.choices
        ),
        builds=tuple(
            BuildDocument(name=b.name, version=b.version, requires=b.requires, cargo=b.cargo)
            for b in plan.builds
        ),
        adapters=tuple(
            LockAdapterDocument(
                name=a.name,
                attr=".".join(a.attr),
                stripped=tuple(judged.name for judged in a.strip.stripped),
                reason=a.reason,
            )
            for a in plan.adapters
        ),
        collisions=tuple(
            CollisionDocument(
                kind=c.clash,
                distributions=c.distributions,
                paths=c.paths,
                fix=spell_pattern(c, plan.python) or None,
            )
            for c in plan.collisions
        ),
        findings=_document_findings(plan.told),
        read=plan.read,
        conda=tuple(_document_package(one, prefix.get(one.name)) for one in plan.conda),
    )


def _document_package(package: CondaPackage, scan: WheelScan | None) -> CondaPackageDocument:
    return CondaPackageDocument(
        name=package.name,
        version=package.version,
        build=package.build,
        subdir=package.subdir,
        file=package.filename or None,
        source=strip_login(package.source) or None,
        url=strip_token(package.url) or None,
        path=package.path,
        sha256=package.sha256,
        md5=package.md5,
        build_inputs=scan.build_inputs if scan else (),
        needs=tuple(map(_document_need, scan.needs)) if scan else (),
    )


def document_env(
    plan: LockPlan,
    files: Mapping[str, str],
    changed: Iterable[str],
    *,
    directory: str,
    nixpkgs: str,
) -> EnvDocument:
    """Build the ``wheelfix.env/1`` document.

    Args:
        plan: plan for the environment's lock.
        files: contents of the files, by name.
        changed: names of the files that were written.
        directory: their directory, as the user named it.
        nixpkgs: flake reference.
    """
    locked, written = document_lock(plan), frozenset(changed)
    return EnvDocument(
        directory=directory,
        python=locked.python,
        system=locked.system,
        nixpkgs=nixpkgs,
        packages=locked.packages,
        builds=locked.builds,
        adapters=locked.adapters,
        collisions=locked.collisions,
        read=locked.read,
        files=tuple(
            WrittenFileDocument(name=name, code=code, changed=name in written)
            for name, code in sorted(files.items())
        ),
        findings=locked.findings,
        answered=plan.answered,
    )


def document_flake(written: Written[FlakeConfig]) -> FlakeDocument:
    """Build the ``wheelfix.flake/1`` document."""
    config = written.plan
    return FlakeDocument(
        nixpkgs=config.nixpkgs,
        systems=config.systems,
        cuda=config.cuda,
        capabilities=config.capabilities,
        unfree=config.unfree,
        code=written.text,
        findings=_document_findings(written.findings),
        answered=written.answered,
    )


def document_patch(report: PatchReport) -> PatchDocument:
    """Build the ``wheelfix.patch/1`` document of a report."""
    results = {r.path: r for r in report.results}
    return PatchDocument(
        target=report.target,
        output=report.output,
        applied=report.applied,
        settled=report.settled,
        supplies=_document_supplies(report.supplies) if report.supplies else None,
        files=tuple(_document_patched(plan, results.get(plan.path)) for plan in report.plans),
        shims=tuple(_document_shim(shim, results) for shim in report.shims),
        findings=_document_findings(report.findings),
    )


def _document_supplies(supplies: Supplies) -> SuppliesDocument:
    return SuppliesDocument(
        nixpkgs=supplies.nixpkgs,
        origin=supplies.origin,
        outputs=tuple(map(_document_supply, supplies.outputs)),
        command=supplies.command,
        problem=supplies.problem,
    )


def _document_supply(supply: Supply) -> SupplyDocument:
    from wheelfix.report.patching import say_obstacle

    return SupplyDocument(
        attr=supply.name,
        sonames=supply.sonames,
        files=tuple(sorted({one.path for one in supply.seekers if one.path})),
        distributions=tuple(sorted({one.distribution for one in supply.seekers if not one.path})),
        permissions=supply.permissions,
        problem=say_obstacle(supply),
    )


def document_verify(problems: Iterable[Problem], *, old: str, new: str) -> VerifyDocument:
    """Build the ``wheelfix.verify/1`` document.

    Args:
        problems: in the order in which they were found.
        old: the file before, as the user named it.
        new: the file after.
    """
    found = tuple(ProblemDocument(check=p.check, message=p.message) for p in problems)
    return VerifyDocument(old=old, new=new, problems=found)


def _document_index(info: IndexInfo) -> AskedIndexDocument:
    return AskedIndexDocument(source=info.source, system=info.system, date=info.date)


def _document_attributes(attributes: Mapping[str, Attribute]) -> dict[str, AttributeDocument]:
    return {
        attr: AttributeDocument(version=one.version, unfree=one.unfree, insecure=one.insecure, size=one.size)
        for attr, one in sorted(attributes.items())
    }


def _document_nixpkgs(info: NixpkgsInfo) -> NixpkgsDocument:
    return NixpkgsDocument(source=info.source, release=info.release, revision=info.revision, date=info.date)


def _document_findings(findings: Iterable[Finding]) -> tuple[FindingDocument, ...]:
    return tuple(FindingDocument(level=f.level, subject=f.subject, message=f.message) for f in findings)


def _document_conda(build: CondaBuild) -> CondaDocument:
    return CondaDocument(
        build=build.build, subdir=build.subdir, noarch=build.noarch, scripts=build.links_scripts
    )


def _document_tag(check: TagCheck) -> TagDocument:
    breaches = tuple(
        BreachDocument(kind=b.kind, name=b.name, soname=b.soname, files=b.files) for b in check.breaches
    )
    return TagDocument(
        tag=check.tag, state=check.state, policy=check.policy, breaches=breaches, fitting=check.fitting
    )


def _document_object(obj: ElfObject) -> ObjectDocument:
    return ObjectDocument(
        path=obj.path,
        machine=obj.machine,
        soname=obj.soname,
        needed=tuple(sorted(obj.needed)),
        rpath=obj.rpath,
        runpath=obj.runpath,
        interpreter=obj.interpreter,
        versions={v.soname: tuple(sorted(v.versions)) for v in obj.versions},
    )


def _document_need(need: Need) -> NeedDocument:
    return NeedDocument(
        soname=need.soname,
        machine=need.machine,
        need_class=need.need_class,
        wanted_by=tuple(sorted(need.wanted_by)),
        distribution=need.distribution,
        reason=say_cause(need.cause),
        cause=need.cause,
        providers=tuple(map(_document_provider, need.providers)),
        versions=tuple(sorted(need.versions)),
        optional=need.optional,
        unused=_document_unused(need.unused) if need.unused else None,
        refused=_document_refused(need.refused) if need.refused else None,
    )


def _document_unused(unused: Unused) -> UnusedDocument:
    return UnusedDocument(
        backends=unused.backends,
        chosen=unused.chosen.label if unused.chosen else "",
        clue=unused.wish.clue,
        evidence=unused.wish.evidence,
        reason=say_unused(unused),
    )


def _document_refused(refused: Refused) -> RefusedDocument:
    return RefusedDocument(attr=refused.attr, permissions=refused.permissions, reason=say_refused(refused))


def _document_alternative(alternative: Alternative) -> AlternativeDocument:
    return AlternativeDocument(
        backend=alternative.backend.label,
        family=alternative.family,
        files=alternative.files,
        chosen=alternative.chosen,
        missing=alternative.missing,
    )


def _document_opening(opening: Opening) -> OpeningDocument:
    note = opening.note
    return OpeningDocument(
        file=opening.file,
        line=opening.line,
        kind=opening.kind,
        names=opening.names,
        optional=opening.optional,
        answered=opening.answered,
        need_class=opening.need_class,
        distribution=opening.distribution,
        providers=tuple(map(_document_provider, opening.providers)),
        form=opening.form,
        held=opening.held,
        permissions=opening.permissions,
        note=NoteDocument(feature=note.feature, description=note.description, priority=note.priority)
        if note
        else None,
    )


def _document_provider(provider: Provider) -> ProviderDocument:
    return ProviderDocument(
        attr=provider.attr,
        output=provider.output,
        path=provider.path,
        store_path=provider.store_path,
    )


def _document_ranked(provider: Provider) -> RankedProviderDocument:
    return RankedProviderDocument(
        attr=provider.attr,
        output=provider.output,
        path=provider.path,
        store_path=provider.store_path,
        version=provider.version,
        score=provider.score,
        why=provider.why,
    )


def _document_missing(missing: Missing) -> MissingDocument:
    from wheelfix.report.explain import say_missing

    return MissingDocument(
        soname=missing.soname,
        need_class=missing.need_class,
        reason=say_missing(missing),
        cause=missing.cause,
        wanted_by=missing.wanted_by,
        named=missing.named,
        distribution=missing.distribution,
        providers=tuple(map(_document_provider, missing.providers)),
        linked=missing.linked,
        openings=tuple(map(_document_opening, missing.openings)),
    )


def _document_choice(
    choice: Choice, scan: WheelScan | None, override: Override | None
) -> ChosenPackageDocument:
    package = choice.package
    return ChosenPackageDocument(
        name=package.name,
        version=package.version,
        provider=choice.kind,
        file=scan.target if scan else choice.file.filename if choice.file else None,
        attr=".".join(choice.attr) or None,
        build_inputs=tuple(sorted(scan.build_inputs)) if scan else (),
        ignore_missing=tuple(sorted(i.soname for i in override.ignored)) if override else (),
        searches=tuple(sorted({s.distribution for s in override.searches if s.distribution}))
        if override
        else (),
        needs=tuple(map(_document_need, scan.needs)) if scan else (),
        openings=tuple(map(_document_opening, scan.openings)) if scan else (),
        passed_over=choice.passed_over,
    )


def _document_override(override: Override, scan: WheelScan) -> OverriddenPackageDocument:
    return OverriddenPackageDocument(
        name=override.name,
        version=override.version,
        target=override.target,
        inputs=tuple(
            InputDocument(attr=i.attr, reason=i.reason, baseline=i.baseline, permissions=i.permissions)
            for i in override.inputs
        ),
        ignored=tuple(IgnoredDocument(soname=i.soname, reason=i.reason) for i in override.ignored),
        searches=tuple(
            SearchDocument(
                directory=s.directory,
                distribution=s.distribution,
                attr=s.attr,
                certain=s.certain,
                reason=s.reason,
            )
            for s in override.searches
        ),
        driver=override.driver,
        run_path_inputs=tuple(RunPathInputDocument(attr=i.attr, reason=i.reason) for i in override.runpaths),
        substitutions=tuple(map(_document_substitution, override.substitutions)),
        shim=_document_loader_shim(override.shim) if override.shim else None,
        variables=tuple(map(_document_variable, override.variables)),
        dependencies=_document_dependencies(override.strip) if override.strip else None,
        requirements=_document_requirements(override) if override.details else None,
        hints=override.hints,
        needs=tuple(map(_document_need, scan.needs)),
        openings=tuple(map(_document_opening, scan.openings)),
        interpreter=override.interpreter or None,
        lost_openings=_document_lost(override.lost_openings),
    )


def _document_substitution(one: Substitution) -> SubstitutionDocument:
    return SubstitutionDocument(
        file=one.file,
        old=one.edit.old,
        before=one.edit.before,
        after=one.edit.after,
        library=_document_library(one.name, one.library),
    )


def _document_loader_shim(shim: Shim) -> LoaderShimDocument:
    return LoaderShimDocument(
        modules=shim.modules,
        libraries=tuple(_document_library(name, library) for name, library in shim.libraries),
        preload=shim.preload,
        variables=tuple(_document_library(name, library) for name, library in shim.variables),
        r_packages=shim.r_packages,
    )


def _document_library(name: str, library: OpenedLibrary) -> OpenedLibraryDocument:
    return OpenedLibraryDocument(
        name=name,
        attr=library.attr or None,
        path=library.path,
        reason=f"{library.reason}: {library.why}",
        permissions=library.permissions,
    )


def _document_variable(variable: Variable) -> VariableDocument:
    value = variable.path if variable.attr else variable.value or None
    return VariableDocument(
        name=variable.name,
        attr=variable.attr or None,
        value=value,
        setting=variable.is_setting,
        reason=variable.reason,
    )


def _document_lost(lost: Iterable[LostOpening]) -> tuple[LostOpeningDocument, ...]:
    return tuple(
        LostOpeningDocument(file=one.file, name=one.name, entry=one.entry, path=one.path) for one in lost
    )


def _document_requirements(override: Override) -> tuple[RequirementDocument, ...]:
    from wheelfix.override.python_set import list_left

    return tuple(
        RequirementDocument(
            name=one.name,
            attr=one.attr,
            extras=one.extras,
            refused=one.refused or None,
            unfree=one.unfree,
            insecure=one.insecure,
            broken=one.broken,
        )
        for one in list_left(override)
    )


def _document_dependencies(plan: StripPlan) -> DependenciesDocument:
    def tell(several: Iterable[DependencyDecision]) -> tuple[DependencyDocument, ...]:
        return tuple(DependencyDocument(name=judged.name, reason=judged.reason) for judged in several)

    return DependenciesDocument(
        stripped=tell(plan.stripped),
        added=plan.added,
        leaving=tell(plan.leaving),
        kept=tell(plan.kept),
        staying=tell(plan.staying),
        evidence=plan.evidence,
    )


def _document_build_system(system: BuildRequirement) -> BuildSystemDocument:
    shown = EvidenceDocument(kind="build-system", file=None, line=None, text=system.reason or _NAMED)
    return BuildSystemDocument(name=system.name, extras=system.extras, evidence=(shown,))


def _document_crates(wanted: Input) -> tuple[EvidenceDocument, ...]:
    return (EvidenceDocument(kind="crate", file=None, line=None, text=wanted.reason),)


def _document_cargo(plan: CargoPlan) -> CargoDocument:
    rust = plan.rust_version
    return CargoDocument(
        root=plan.root,
        root_reason=plan.root_reason,
        locked=plan.lock,
        lock_file=plan.lock_file,
        channel=plan.channel,
        rust_version=RustVersionDocument(version=rust[0], evidence=rust[1]) if rust else None,
        vendored=plan.vendored,
        git=tuple(
            GitCratesDocument(
                url=git.url,
                commit=git.commit,
                crates=git.crates,
                sha256=git.sha256.hex() if git.sha256 else None,
            )
            for git in plan.git
        ),
    )


def _document_patched(plan: FilePlan, result: FileResult | None) -> PatchedFileDocument:
    return PatchedFileDocument(
        path=plan.path,
        distribution=plan.distribution,
        changes=plan.edit is not None,
        run_path=plan.run_path,
        interpreter=plan.edit.interpreter if plan.edit else None,
        method=result.method if result else None,
        problem=plan.conflict or (result.problem if result else None),
        needs=tuple(map(_document_answer, plan.answers)),
    )


def _document_shim(shim: ShimPlan, results: Mapping[str, FileResult]) -> ShimDocument:
    from wheelfix.pysource.shim import render_files

    found = (results.get(name) for name in render_files(shim.distribution, shim.table)) if shim.table else ()
    return ShimDocument(
        distribution=shim.distribution,
        answers=tuple(map(_document_answer, shim.answers)),
        modules=shim.table.modules if shim.table else (),
        files=tuple(
            ShimFileDocument(path=one.path, method=one.method, problem=one.problem) for one in found if one
        ),
    )


def _document_answer(answer: Answer) -> AnswerDocument:
    return AnswerDocument(
        soname=answer.soname,
        answer=answer.kind,
        directory=answer.directory,
        attr=answer.attr,
        reason=answer.reason,
        opened=answer.opened,
        optional=answer.optional,
    )
