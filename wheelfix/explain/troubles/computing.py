"""Messages about computing on GPUs: compilers, builds for no GPU, cards for which nothing was compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.troubles.building import is_build
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.troubles.settings import find_inside, write_nixos, write_shell
from wheelfix.explain.wording import Around, word
from wheelfix.nix.parts import comment_all, take
from wheelfix.nix.printer import render
from wheelfix.nix.tree import TRUE, Attrs, Binding, Lambda, List, bind, call, text

_CARD = re.compile(r"(?<![a-z])gfx[0-9a-f]{3,4}(?![0-9a-z])")
_USUAL = ("gfx900", "gfx906", "gfx1030", "gfx1100")
"""Cards for which releases of ROCm have code."""


def _tell_card(match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Tell the card, and those for which there is code, as the next lines list them."""
    lines = (match.string, *around.after())
    cards = dict.fromkeys(one[0] for line in lines for one in _CARD.finditer(line))
    yield Symptom(kind=SymptomKind.NO_KERNELS, names=tuple(cards))


def _tell_toolkit(_match: re.Match[str], around: Around) -> Iterator[Symptom]:
    """Tell that the compiler is not found; in a build of a package it is an input of that."""
    if not is_build(around):
        yield Symptom(kind=SymptomKind.NO_TOOLKIT)


WORDINGS = (
    # torch: utils/cpp_extension.py; deepspeed, flash-attn and others that compile for CUDA.
    word(
        SymptomKind.NO_TOOLKIT,
        "CUDA_HOME",
        r"CUDA_HOME (?:environment variable )?(?:is not set|does not exist|is undefined)"
        r"|CUDA_HOME=?\W{0,3}(?:None|unset)\b[^\n]{0,60}(?:nvcc|compile)|[Pp]lease set CUDA_HOME",
        _tell_toolkit,
    ),
    word(
        SymptomKind.NO_TOOLKIT,
        "/bin/nvcc",
        r"(?:No such file or directory|not found)[^\n]{0,20}?/bin/nvcc\b"
        r"|/bin/nvcc['\"’]?: (?:No such file|not found)",
    ),
    word(
        SymptomKind.NO_TOOLKIT,
        "nvcc",
        r"(?:directory: '?nvcc'?\s*$|nvcc: (?:command )?not found|command not found: nvcc"
        r"|nvcc was not found|[Cc]ould not find nvcc|[Ff]ailed to find nvcc)",
    ),
    # torch: cuda/__init__.py; the same of other devices.
    word(
        SymptomKind.CPU_BUILD,
        "not compiled with CUDA",
        r"(?P<names>Torch|torch|PyTorch|PaddlePaddle|Paddle) (?:is |was )?not compiled with CUDA",
    ),
    # triton: runtime/build.py; torch: _inductor/cpp_builder.py.
    word(SymptomKind.NO_COMPILER, "Failed to find C compiler", r"Failed to find C compiler\. Please specify"),
    word(SymptomKind.NO_COMPILER, "No working C++ compiler", r"No working C\+\+ compiler found in torch"),
    # rocBLAS: library/src/tensile_host.cpp; hipErrorNoBinaryForGpu.
    word(
        SymptomKind.NO_KERNELS,
        "rocBLAS error: Cannot read",
        r"rocBLAS error: Cannot read [^\n]{0,300}? for GPU arch",
        _tell_card,
    ),
    word(SymptomKind.NO_KERNELS, "hipErrorNoBinaryForGpu", r"hipErrorNoBinaryForGpu", _tell_card),
    word(SymptomKind.NO_KERNELS, "HIP error", r"HIP error: invalid device function", _tell_card),
    # nvidia-container-toolkit: libnvidia-container's ldcache.c, nvidia-container-runtime-hook; dockerd.
    word(
        SymptomKind.NO_CONTAINER_DRIVER,
        "nvidia-container-cli",
        r"nvidia-container-cli: (?:ldcache|initialization|detection|mount) error",
    ),
    word(
        SymptomKind.NO_CONTAINER_DRIVER,
        "could not select device driver",
        r"could not select device driver [^\n]{0,40}with capabilities: \[\[gpu\]\]",
    ),
)


def _explain_toolkit(_symptom: Symptom, situation: Situation) -> Trouble:
    shell = write_shell(
        situation,
        "The compiler of CUDA, with headers and libraries; unfree: nixpkgs has to allow that. "
        "cudaPackages_12_8 and the like have other releases: it has to be the one of torch.version.cuda.",
        packages=("cudaPackages.cudatoolkit", "cudaPackages.cuda_nvcc"),
        variables={"CUDA_HOME": take("cudaPackages.cudatoolkit")},
    )
    build = "NIXPKGS_ALLOW_UNFREE=1 nix-build --no-out-link '<nixpkgs>' -A cudaPackages.cudatoolkit"
    return Trouble(
        kind=SymptomKind.NO_TOOLKIT,
        what="This compiles for CUDA, and does not find the compiler nvcc: it looks below CUDA_HOME, then in "
        "/usr/local/cuda. The wheels of CUDA that torch brings have libraries only.",
        paste=(shell,),
        now=(
            f'CUDA_HOME="$({build})" COMMAND',
            "See which CUDA torch was built for: python -c 'import torch; print(torch.version.cuda)'",
        ),
    )


def _explain_cpu(symptom: Symptom, situation: Situation) -> Trouble:
    paddle = bool(symptom.names) and "paddle" in symptom.names[0].lower()
    package = situation.package
    sites = [*situation.account.frames, *situation.account.paths, (package.site if package else None) or ""]
    stored = any(path.startswith("/nix/store/") for path in sites)
    name = "paddle" if paddle else "torch"
    other = "paddlepaddle" if paddle else "torch-bin"
    python = call("pkgs.python3.withPackages", Lambda("ps", List((take(other, "ps"),))))
    shell = write_shell(
        situation,
        "torch as PyTorch builds it, with CUDA, unfree. Where it asks for a newer CUDA than nixpkgs' own, an "
        "overlay sets cudaPackages = final.cudaPackages_13, and torch = final.torch-bin for what needs it.",
        packages=(python,),
    )
    settings = Attrs((bind("allowUnfree", TRUE), bind("cudaSupport", TRUE)))
    head = [
        f"Builds {name}, and all that needs it, with CUDA: for hours, if no cache has it.",
        "Written by wheelfix.",
    ]
    config = ("config of nixpkgs: import nixpkgs { config = …; }", render(comment_all(head, settings)))
    wheel = (
        "python -m pip install paddlepaddle-gpu"
        if paddle
        else "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu126"
    )
    in_wheels = not stored and any(sites)
    code = (config,) if paddle else (shell, config)
    note = "" if in_wheels else "  # in a virtual environment"
    return Trouble(
        kind=SymptomKind.CPU_BUILD,
        what=f"This {name} was built without CUDA: no library is missing. nixpkgs builds it so unless "
        "`cudaSupport` is set; of the wheels, those with +cpu in their version are so.",
        paste=() if in_wheels else code,
        now=() if stored else (f"{wheel}{note}",),
    )


def _explain_compiler(_symptom: Symptom, situation: Situation) -> Trouble:
    shell = write_shell(
        situation,
        "A C compiler, which triton and torch.compile run while the program runs.",
        packages=("gcc",),
        variables={"CC": find_inside("gcc", "/bin/cc"), "CXX": find_inside("gcc", "/bin/c++")},
    )
    return Trouble(
        kind=SymptomKind.NO_COMPILER,
        what="triton and torch.compile make code while the program runs, by a C compiler: there is none on "
        "PATH, and CC names none. No library is missing.",
        paste=(shell,),
        now=("nix-shell -p gcc --run COMMAND",),
    )


def _explain_kernels(symptom: Symptom, situation: Situation) -> Trouble:
    card, others = (symptom.names[0], symptom.names[1:]) if symptom.names else ("", ())
    what = (
        f"ROCm has no compiled code for this card{f' ({card})' if card else ''}: no library is missing. "
        "Code for "
        "another card of the same generation runs on most."
    )
    version = _choose_version(card, others)
    if version is None:
        return Trouble(
            kind=SymptomKind.NO_KERNELS,
            what=what,
            now=(
                "See which card it is: nix-shell -p rocmPackages.rocminfo --run rocminfo",
                "Then, for RDNA 2 (gfx103x): HSA_OVERRIDE_GFX_VERSION=10.3.0 COMMAND",
                "for RDNA 3 (gfx110x): HSA_OVERRIDE_GFX_VERSION=11.0.0 COMMAND",
            ),
        )
    shell = write_shell(
        situation,
        "ROCm takes the card for another one of its generation.",
        variables={"HSA_OVERRIDE_GFX_VERSION": text(version)},
    )
    return Trouble(
        kind=SymptomKind.NO_KERNELS,
        what=what,
        paste=(shell,),
        now=(f"HSA_OVERRIDE_GFX_VERSION={version} COMMAND",),
    )


def _choose_version(card: str, others: Sequence[str]) -> str | None:
    """Choose the card that another one is taken for, of those that are named or usual, as its version."""
    generation = card[:-2]
    alike = [one for one in (*others, *_USUAL) if one[:-2] == generation and one != card]
    if not card or not alike:
        return None
    # The nearest in number: gfx1031 as gfx1030. The version is major, minor and stepping, of one digit each.
    digits = min(alike, key=lambda one: abs(int(one[3:], 16) - int(card[3:], 16))).removeprefix("gfx")
    return f"{digits[:-2]}.{digits[-2]}.{int(digits[-1], 16)}"


def _explain_container(_symptom: Symptom, _situation: Situation) -> Trouble:
    module = write_nixos(
        "Containers get the driver of NVIDIA by a description of the devices (CDI).",
        Binding(("hardware", "nvidia-container-toolkit", "enable"), TRUE),
        Binding(("hardware", "graphics", "enable"), TRUE),
        Binding(("services", "xserver", "videoDrivers"), List((text("nvidia"),))),
    )
    return Trouble(
        kind=SymptomKind.NO_CONTAINER_DRIVER,
        what="The runtime of containers looks for the driver of NVIDIA by ldconfig, which NixOS does not "
        "have.",
        paste=(module,),
        now=("docker run --device nvidia.com/gpu=all IMAGE COMMAND  # instead of --gpus all",),
    )


EXPLAIN: Mapping[SymptomKind, Explain] = {
    SymptomKind.NO_TOOLKIT: _explain_toolkit,
    SymptomKind.CPU_BUILD: _explain_cpu,
    SymptomKind.NO_COMPILER: _explain_compiler,
    SymptomKind.NO_KERNELS: _explain_kernels,
    SymptomKind.NO_CONTAINER_DRIVER: _explain_container,
}
