# What stands in for nixpkgs' buildEnv and dockerTools: images of the same layers, files and configuration.
{
  tools, # environment of every builder, with the scripts
  system,
  pkgs,
  libc, # of Debian: where its programs look for it, there it has to be in an image
}:
let
  build =
    name: given: script:
    derivation (
      tools
      // {
        inherit name system;
        builder = "/bin/bash";
        args = [
          "-euc"
          ''
            export PATH=/usr/bin:/bin PYTHONPATH=$builderCode PYTHONDONTWRITEBYTECODE=1
            image() { "$builderPython" -m tests.support.proof.builder.image "$@"; }
            ${script}
            exit
          ''
        ];
      }
      // given
    );

  # nixpkgs' programs have libc in their run paths. Those of Debian have not.
  libcLinks = build "libc-links" { inherit libc; } ''
    mkdir -p $out/lib64 $out/lib/x86_64-linux-gnu
    for file in $libc/lib/*; do
      case $file in
        */ld-*) ln -s $file $out/lib64/ ;;
        *) ln -s $file $out/lib/x86_64-linux-gnu/ ;;
      esac
    done
  '';

  streamLayeredImage =
    args@{
      name,
      tag,
      contents ? [ ],
      config ? { },
      extraCommands ? "",
      maxLayers ? 100,
    }:
    let
      base = pkgs.writeText "${name}-base.json" (
        builtins.toJSON {
          inherit config;
          architecture = "amd64";
          os = "linux";
        }
      );
      customisation = build "${name}-customisation-layer" {
        inherit extraCommands;
        paths = contents ++ [ libcLinks ];
      } ''image customise $out "$extraCommands" $paths'';
      conf = build "${name}-conf.json" {
        exportReferencesGraph = [
          "base"
          base
          "customisation"
          customisation
        ];
        inherit base customisation maxLayers;
        repoTag = "${name}:${tag}";
        storeDir = builtins.storeDir;
      } "image configure $out";
    in
    build "stream-${name}" { inherit conf; } ''
      {
        echo '#!/bin/sh'
        echo "PYTHONPATH=$builderCode exec $builderPython -m tests.support.proof.builder.image stream $conf"
      } >$out
      chmod +x $out
    ''
    // {
      inherit args conf;
      override = change: streamLayeredImage (args // change args);
    };
in
{
  buildEnv =
    {
      name,
      paths,
      pathsToLink,
      ignoreCollisions ? false,
    }:
    build name { inherit paths pathsToLink ignoreCollisions; } ''
      image link $out "$ignoreCollisions" "$pathsToLink" $paths
    '';
  dockerTools = {
    inherit streamLayeredImage;
    usrBinEnv = build "usr-bin-env" { } ''
      mkdir -p $out/usr/bin
      ln -s ${pkgs.coreutils}/bin/env $out/usr/bin
    '';
    fakeNss = build "fake-nss" { } ''
      mkdir -p $out/etc $out/var/empty
      for user in 'root:x:0:0:root user' 'nobody:x:65534:65534:nobody'; do
        echo "$user:/var/empty:/bin/sh" >>$out/etc/passwd
        echo "''${user%:*}:" >>$out/etc/group
      done
      echo 'hosts: files dns' >$out/etc/nsswitch.conf
    '';
  };
}
