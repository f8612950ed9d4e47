"""A nixpkgs that shows what code for packages of conda asks of it."""

from __future__ import annotations

from tests.support.uv2nix import SOURCES

PKGS = """
  lib = import SOURCES/nixpkgs.lib/lib;
  drv = name: args: args // {
    inherit name;
    type = "derivation";
    outPath = "/nix/store/00000000000000000000000000000000-${name}";
    overrideAttrs = f: drv name (args // f args);
  };
  pkgs = rec {
    inherit lib;
    writeText = name: text: drv name { inherit text; };
    fetchurl = args: drv args.name args;
    runCommand = name: args: script: drv name (args // { inherit script; });
    mkShell = args: drv "shell" args;
    buildEnv = args: drv args.name args;
    dockerTools = {
      streamLayeredImage = args: drv args.name args;
      usrBinEnv = drv "usrBinEnv" { };
      fakeNss = drv "fakeNss" { };
    };
    buildPackages = {
      python3 = drv "python3" { };
      zstd = drv "zstd" { };
      patchelf = drv "patchelf" { };
    };
    stdenv = rec {
      mkDerivation = args: drv args.pname args;
      buildPlatform.canExecute = _: true;
      hostPlatform = { };
      cc.bintools.dynamicLinker = "/nix/store/glibc/lib/ld.so";
    };
    runtimeShell = "/nix/store/bash/bin/bash";
    bashInteractive = drv "bash" { };
    coreutils = drv "coreutils" { };
    libGL = drv "libGL" { };
    cacert = drv "cacert" { };
  };
""".replace("SOURCES", str(SOURCES))
"""Bindings of ``lib`` and ``pkgs``."""
