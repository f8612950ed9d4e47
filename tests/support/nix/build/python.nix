# Debian's interpreter with its standard library, which finds itself wherever it is.
{
  lib,
  tools,
  system,
  facts,
  libraries,
}:
let
  inherit (facts) python;
  setRunPath =
    file:
    "$PATCHELF --set-rpath '${builtins.concatStringsSep ":" (map libraries.dirOf file.needs)}' $out/${file.target}\n";
  built = derivation (
    tools
    // {
      inherit system;
      name = "python3-${python.version}";
      builder = "/bin/bash";
      args = [
        "-euc"
        ''
          PATH=/usr/bin:/bin
          mkdir -p $out/bin $out/lib
          cp ${libraries.importFile python.binary} $out/bin/python${python.version}
          chmod u+w $out/bin/python${python.version}
          ln -s python${python.version} $out/bin/python3
          cp -r ${
            builtins.path {
              path = python.library;
              name = "library";
            }
          } $out/lib/python${python.version}
          chmod -R u+w $out
          find $out -xtype l -delete
          ${builtins.concatStringsSep "" (map setRunPath python.files)}
          # The time stamps of a store are no use to a cache.
          $out/bin/python3 -m compileall -q --invalidation-mode unchecked-hash $out/lib/python${python.version} \
            -x '/(test|lib2to3|idlelib|tkinter|turtledemo)/'
        ''
      ];
    }
  );
in
built
// {
  pname = "python3";
  interpreter = "${built}/bin/python3";
  version = "${python.version}.0";
  pythonVersion = python.version;
  implementation = "cpython";
  libPrefix = "python${python.version}";
  sitePackages = "lib/python${python.version}/site-packages";
  sourceVersion = {
    major = lib.versions.major python.version;
    minor = lib.versions.minor python.version;
    patch = "0";
    suffix = "";
  };
}
