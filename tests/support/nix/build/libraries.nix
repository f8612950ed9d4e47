# Libraries of Debian in a store: one store path for each attribute of nixpkgs that has a stand-in, and one for each
# library that they need. Files have run paths to exactly what they need, so that each can be opened on its own.
{
  lib,
  tools,
  system,
  facts, # as tests/support/proof/debian.py writes them
}:
let
  importFile =
    path:
    builtins.path {
      inherit path;
      name = lib.last (lib.splitString "/" path);
    };

  dirOf = name: "${lib.getOutput groups.${name}.output groups.${name}.drv}/lib";

  putFile =
    file:
    let
      # One that only others of its group need is out of sight of who looks at the names in lib.
      directory = if file.hidden then "deps" else "lib";
      runPath = [ "$ORIGIN" "$ORIGIN/../lib" "$ORIGIN/../deps" ] ++ map dirOf file.needs;
    in
    ''
      put ${importFile file.path} ${directory} ${file.name} '${builtins.concatStringsSep ":" runPath}' ${builtins.concatStringsSep " " file.links}
    '';

  mkGroup =
    name: group:
    {
      inherit (group) output;
      drv = derivation (
        tools
        // {
          inherit system;
          # The mark ends the attribute: what follows is an output.
          name = "${name}+";
          inherit (group) outputs;
          builder = "/bin/bash";
          args = [
            "-euc"
            ''
              PATH=/usr/bin:/bin
              put() {
                mkdir -p "$to/$2"
                cp "$1" "$to/$2/$3"
                chmod u+w "$to/$2/$3"
                $PATCHELF --set-rpath "$4" "$to/$2/$3"
                for link in "''${@:5}"; do ln -s "$3" "$to/$2/$link"; done
              }
              for output in $outputs; do mkdir -p "''${!output}"; done
              to=''${!libOutput}
              ${builtins.concatStringsSep "" (map putFile group.files)}
              # As stdenv does for several outputs: the one for development propagates the others.
              if [ -n "''${dev:-}" ]; then
                mkdir -p "$dev/nix-support"
                for output in $outputs; do [ "$output" = dev ] || echo "''${!output}"; done \
                  >"$dev/nix-support/propagated-build-inputs"
              fi
            ''
          ];
          libOutput = group.output;
        }
      );
    };
  groups = builtins.mapAttrs mkGroup facts.groups;
in
{
  inherit dirOf importFile;
  attrs = map (attr: {
    inherit (attr) path;
    value = if attr.group == null then throw "nothing stands in for pkgs.${builtins.concatStringsSep "." attr.path} here" else groups.${attr.group}.drv;
  }) facts.attrs;
}
