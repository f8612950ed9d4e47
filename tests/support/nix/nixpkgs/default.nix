# A small nixpkgs that refuses what the real one refuses, for the query of attributes: packages that are unfree,
# insecure, broken, built with such, removed, renamed, or stop the evaluation. Written for the tests.
{
  system,
  config,
  overlays ? [ ],
}:
let
  lib = {
    inherit (builtins) filter mapAttrs concatStringsSep;
    foldl' = builtins.foldl';
    findFirst =
      test: default: values:
      let
        found = builtins.filter test values;
      in
      if found == [ ] then default else builtins.head found;
    splitString =
      separator: string: builtins.filter builtins.isString (builtins.split separator string);
    unique = builtins.foldl' (
      found: value: if builtins.elem value found then found else found ++ [ value ]
    ) [ ];
    warn = _: value: value;
    trivial = {
      release = "26.11";
      revisionWithDefault = default: default;
    };
  };

  refuse = what: throw "Refusing to evaluate a package that is ${what}";

  make =
    {
      pname,
      version ? "1.0",
      outputs ? [ "out" ],
      meta ? { },
      inputs ? [ ],
      ...
    }@given:
    let
      allowed =
        if meta.unfree or false && !(config.allowUnfree or false) then
          refuse "unfree"
        else if meta.insecure or false && !((config.allowInsecurePredicate or (_: false)) { }) then
          refuse "insecure"
        else if meta.broken or false && !(config.allowBroken or false) then
          refuse "broken"
        else
          true;
      path = output: "/nix/store/${pname}-${version}-${output}-${toString (map (input: input.outPath) inputs)}";
      package =
        given
        // {
          type = "derivation";
          inherit outputs pname version;
          meta = {
            unfree = false;
            insecure = false;
            broken = false;
          } // meta;
          outPath = assert allowed; path (builtins.head outputs);
        };
    in
    package
    // builtins.listToAttrs (
      map (name: {
        inherit name;
        value = package // {
          outPath = assert allowed; path name;
          outputSpecified = true;
          outputName = name;
        };
      }) outputs
    );

  packages = rec {
    inherit lib;
    zlib = make {
      pname = "zlib";
      version = "1.3.2";
      outputs = [
        "out"
        "dev"
        "static"
      ];
    };
    events = make {
      pname = "events";
      outputs = [
        "out"
        "dev"
        "openssl"
      ];
    };
    told = make {
      pname = "told";
      outputs = [
        "bin"
        "dev"
        "lib"
        "out"
      ];
      propagatedBuildOutputs = [
        "lib"
        "out"
      ];
    };
    closed = make {
      pname = "closed";
      meta.unfree = true;
    };
    leaky = make {
      pname = "leaky";
      meta.insecure = true;
    };
    halved = make {
      pname = "halved";
      meta.broken = true;
    };
    builtOnClosed = make {
      pname = "built-on-closed";
      inputs = [ closed ];
    };
    stops = make {
      pname = "stops";
      inputs = [ zlib.nothingOfThatName ];
    };
    sets = { inherit zlib; };
    python3 = make {
      pname = "python3";
      version = "3.13.1";
    } // {
      pythonVersion = "3.13";
      pythonModule = true;
    };
    python3Packages = pythonAliases // {
      numpy = module {
        pname = "numpy";
        version = "2.0";
      };
      Pillow_SIMD = module {
        pname = "Pillow.SIMD";
        meta.unfree = true;
      };
      scipy = module {
        pname = "scipy";
        propagatedBuildInputs = [
          python3
          python3Packages.numpy
          zlib
        ];
      };
      buildPythonPackage = module;
    };
  };

  module = given: make given // { pythonModule = true; };

  pythonAliases =
    import ./pkgs/top-level/python-aliases.nix lib packages.python3Packages packages.python3Packages;
  aliases = import ./pkgs/top-level/aliases.nix lib (packages // aliases) packages;
in
aliases // packages
