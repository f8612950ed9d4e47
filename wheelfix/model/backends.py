"""Models of alternatives: files of one wheel for different GPUs or library versions, of which one is used."""

from __future__ import annotations

from enum import StrEnum

from wheelfix.model.base import Struct


class Backend(Struct):
    """What a file computes with, or the library that it is for a version of.

    Attributes:
        name: as in ``scan/data/backends.toml``: ``cuda``, ``rocm``, ``xpu``, ``vulkan``, ``cpu`` …; or the
            stem of a soname: ``libavcodec``.
        version: as far as it is known: ``12.8``, ``13``, or empty.
    """

    name: str
    version: str = ""

    @property
    def major(self) -> str:
        """The major version, by which sonames differ; empty if unknown."""
        return self.version.partition(".")[0]

    @property
    def label(self) -> str:
        """Name and major version in one word: ``cuda12``, ``rocm7``, ``cpu``."""
        return f"{self.name}{self.major}"

    def fits(self, other: Backend) -> bool:
        """Tell whether two are the same, as far as their versions are known."""
        return self.name == other.name and (self.major == other.major or not (self.major and other.major))


class Gpu(StrEnum):
    """The backends that a user may choose from."""

    CUDA12 = "cuda12"
    CUDA13 = "cuda13"
    ROCM = "rocm"
    XPU = "xpu"
    CPU = "cpu"

    @property
    def backend(self) -> Backend:
        """The backend."""
        return Backend(name=self.rstrip("0123456789"), version=self.lstrip("abcdefghijklmnopqrstuvwxyz"))


class WishClue(StrEnum):
    """What says which backend is to be used, strongest first."""

    ASKED = "asked"
    """The user."""
    VARIANT = "variant"
    """The label of the wheel, or the properties behind it (PEP 825)."""
    OWN = "own"
    """The name, the version or the requirements of the wheel."""
    AT_HAND = "at-hand"
    """A distribution beside it, in the lock or in the environment."""
    NIXPKGS = "nixpkgs"
    """The CUDA of nixpkgs' ``cudaPackages``."""
    PROVIDED = "provided"
    """Nothing but that its libraries are there."""


class Wish(Struct):
    """A backend that is to be used, if a wheel has files for it.

    Attributes:
        backend: the backend.
        clue: the kind of the evidence.
        evidence: the evidence itself: ``nvidia-cublas-cu12``, ``torch 2.9.1+cu128``; empty for nixpkgs.
    """

    backend: Backend
    clue: WishClue
    evidence: str = ""


class Alternative(Struct):
    """Files of a wheel that are there for one backend, beside others for other backends.

    Attributes:
        family: their paths, with ``*`` in place of the backend, sorted.
        backend: the backend; of several minor versions the newest.
        files: paths, sorted.
        chosen: whether these are used.
        missing: sonames that they need and nobody provides who is known to be there, sorted.
    """

    family: tuple[str, ...]
    backend: Backend
    files: tuple[str, ...]
    chosen: bool
    missing: tuple[str, ...] = ()


class Unused(Struct):
    """Why a need is not used: only files for backends that are not chosen have it.

    Attributes:
        backends: labels of these backends, sorted.
        chosen: the backend that is used instead; None if none is, and the wheel computes without.
        wish: what decided.
    """

    backends: tuple[str, ...]
    chosen: Backend | None
    wish: Wish
