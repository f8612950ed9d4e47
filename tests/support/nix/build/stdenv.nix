# mkDerivation that really builds: the phases are in tests/support/proof/builder/setup.sh.
{
  lib,
  tools, # environment of every builder: patchelf, the scripts, an interpreter, libc
  system,
}:
let
  # What an input is to a build: its development output, which propagates the others.
  asInput = input: if builtins.isAttrs input then input.dev or input else input;

  mkDerivation =
    given:
    let
      args = if builtins.isFunction given then given final else given;
      plain = removeAttrs args [
        "passthru"
        "meta"
      ];
      inputs = lib.genAttrs [ "nativeBuildInputs" "buildInputs" "propagatedBuildInputs" ] (
        kind: map asInput (args.${kind} or [ ])
      );
      built = derivation (
        tools
        // {
          builder = "/bin/bash";
          args = [ "${tools.builderCode}/tests/support/proof/builder/setup.sh" ];
          outputs = [ "out" ];
        }
        // plain
        // inputs
        // {
          inherit system;
          name = args.name or "${args.pname}-${args.version}";
        }
      );
      final =
        built
        // args
        // (args.passthru or { })
        // {
          overrideAttrs =
            change:
            mkDerivation (
              let
                once = if builtins.isFunction change then change args else change;
              in
              args // (if builtins.isFunction once then change final args else once)
            );
        };
    in
    final;
in
{
  inherit mkDerivation;
  runCommand =
    name: args: command:
    mkDerivation (args // { inherit name; buildCommand = command; });
}
