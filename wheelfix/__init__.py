"""Make binary Python wheels work under Nix.

>>> import wheelfix
>>> scan = wheelfix.scan_wheel("pyodbc-5.5.0-cp312-cp312-manylinux_2_28_x86_64.whl")
>>> [(need.soname, need.need_class, need.reason) for need in scan.needs]

Names are imported on first use, so that a caller loads only the modules that it uses.
"""

# No import here, not even of typing: until the command is loaded, Ctrl-C would print a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from wheelfix.errors import ApplyError, ElfError, IndexProblem, InputError, WheelError, WheelfixError
    from wheelfix.flows.scan import scan_wheel
    from wheelfix.index.choice import open_index
    from wheelfix.model.classes import NeedClass
    from wheelfix.model.elf import ElfObject, VersionNeed
    from wheelfix.model.hints import CalledName, DlopenNote, OpeningKind, SourceCall
    from wheelfix.model.index import IndexInfo, Lookup, Provider
    from wheelfix.model.scan import Finding, Level, Need, Opening, OpeningForm, WheelScan

__version__ = "0.1.0"

__all__ = [
    "ApplyError",
    "CalledName",
    "DlopenNote",
    "ElfError",
    "ElfObject",
    "Finding",
    "IndexInfo",
    "IndexProblem",
    "InputError",
    "Level",
    "Lookup",
    "Need",
    "NeedClass",
    "Opening",
    "OpeningForm",
    "OpeningKind",
    "Provider",
    "SourceCall",
    "VersionNeed",
    "WheelError",
    "WheelScan",
    "WheelfixError",
    "open_index",
    "scan_wheel",
]

_HOMES = {
    "wheelfix.errors": (
        "ApplyError",
        "ElfError",
        "IndexProblem",
        "InputError",
        "WheelError",
        "WheelfixError",
    ),
    "wheelfix.flows.scan": ("scan_wheel",),
    "wheelfix.index.choice": ("open_index",),
    "wheelfix.model.classes": ("NeedClass",),
    "wheelfix.model.elf": ("ElfObject", "VersionNeed"),
    "wheelfix.model.hints": ("CalledName", "DlopenNote", "OpeningKind", "SourceCall"),
    "wheelfix.model.index": ("IndexInfo", "Lookup", "Provider"),
    "wheelfix.model.scan": (
        "Finding",
        "Level",
        "Need",
        "Opening",
        "OpeningForm",
        "WheelScan",
    ),
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'wheelfix' has no attribute {name!r}")
