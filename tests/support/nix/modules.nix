# What NixOS' and devenv's module systems make of some modules, as far as lists of libraries go: definitions in one
# file and in what it imports are merged, and a definition of a list takes the place of the option's default.
{
  stub, # of stub.nix
  module, # a path, or a module
}:
let
  lib = stub.lib // {
    mkDefault = value: value;
    getBin = value: value;
  };
  pkgs = stub.pkgs // {
    inherit lib;
    linkFarm = name: links: {
      type = "derivation";
      outPath = "/nix/store/00000000000000000000000000000000-${name}";
      links = map ({ name, path }: "${name} -> ${path}") links;
    };
  };
  arguments = {
    inherit pkgs lib;
    config.devenv.dotfile = "/project/.devenv";
    options.programs.nix-ld.libraries.default = [ "/base" ];
    options.languages.python.libraries.default = [ "/project/.devenv/profile" ];
  };
  load =
    one:
    let
      value = if builtins.isPath one then import one else one;
      set = if builtins.isFunction value then value arguments else value;
    in
    [ (removeAttrs set [ "imports" ]) ] ++ builtins.concatMap load (set.imports or [ ]);
  modules = load module;
  define =
    path: default:
    let
      found = builtins.filter (value: value != null) (map (set: find path set) modules);
    in
    if found == [ ] then default else builtins.concatLists found;
  find =
    path: set:
    if path == [ ] then
      set
    else if set ? ${builtins.head path} then
      find (builtins.tail path) set.${builtins.head path}
    else
      null;
  show = value: if value ? links then builtins.concatStringsSep ", " value.links else "${value}";
  any = path: builtins.any (set: find path set == true) modules;
in
{
  nix-ld = {
    enable = any [ "programs" "nix-ld" "enable" ];
    libraries = map show (define [ "programs" "nix-ld" "libraries" ] arguments.options.programs.nix-ld.libraries.default);
  };
  devenv = {
    enable = any [ "languages" "python" "enable" ];
    libraries = map show (define [ "languages" "python" "libraries" ] arguments.options.languages.python.libraries.default);
  };
  variables = builtins.foldl' (found: set: found // (set.environment.variables or { }) // (set.env or { })) { } modules;
  enterShell = builtins.concatStringsSep "\n" (map (set: set.enterShell or "") modules);
}
