# nixpkgs, configured once. Written by wheelfix.
# A flake that takes packages from nixpkgs.legacyPackages follows this one:
# inputs.its-name.inputs.nixpkgs.follows = "this". One that writes `import
# nixpkgs { … }` gets the unconfigured nixpkgs, here as elsewhere: it has to
# take the same configuration itself.
{
  description = "nixpkgs with a configuration, for other flakes to follow";
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
  outputs =
    { nixpkgs, ... }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      config = {
        # CUDA's libraries are unfree
        allowUnfree = true;
        cudaSupport = true;
        # of the GPUs to build for: fewer are faster to build, and match no
        # binary cache
        cudaCapabilities = [ "8.9" "9.0a" ];
      };
    in
    {
      inherit (nixpkgs) lib nixosModules;
      legacyPackages = nixpkgs.lib.genAttrs systems (system: import nixpkgs {
        inherit system config;
      });
    };
}
