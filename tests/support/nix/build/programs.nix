# Programs of Debian in a store, as nixpkgs' packages have them in `bin`; and its certificates.
{
  tools,
  system,
  facts,
  libraries,
}:
let
  putFile = file: ''
    cp ${libraries.importFile file.path} $out/bin/${baseNameOf file.path}
    chmod u+w $out/bin/${baseNameOf file.path}
    $PATCHELF --set-rpath '${builtins.concatStringsSep ":" (map libraries.dirOf file.needs)}' $out/bin/${baseNameOf file.path}
  '';
  mkPrograms =
    name: program:
    derivation (
      tools
      // {
        inherit name system;
        builder = "/bin/bash";
        args = [
          "-euc"
          ''
            PATH=/usr/bin:/bin
            mkdir -p $out/bin
            ${builtins.concatStringsSep "" (map putFile program.files)}
            ${builtins.concatStringsSep "\n" (
              map (link: "ln -s ${program.links.${link}} $out/bin/${link}") (builtins.attrNames program.links)
            )}
            exit
          ''
        ];
      }
    );
in
builtins.mapAttrs mkPrograms facts.programs
// {
  cacert = derivation {
    name = "cacert";
    inherit system;
    builder = "/bin/bash";
    args = [
      "-euc"
      ''
        PATH=/usr/bin:/bin
        mkdir -p $out/etc/ssl/certs
        for file in ${libraries.importFile facts.certificates}/*.crt; do
          cat $file; echo
        done >$out/etc/ssl/certs/ca-bundle.crt
        exit
      ''
    ];
  };
}
