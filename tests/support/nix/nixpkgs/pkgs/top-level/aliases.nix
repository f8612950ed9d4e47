lib: self: super:
with self;
let
  mapAliases =
    aliases:
    lib.mapAttrs (
      name: alias: if super ? ${name} then abort "Alias ${name} is still in all-packages.nix" else alias
    ) aliases;
in
mapAliases {
  former = throw "'former' has been removed, as nobody needed it";
  libz = lib.warn "libz has been renamed to zlib" zlib;
  oldSets = throw "the set has been removed";
}
