# The phases of a build and what code in them may call, after nixpkgs' stdenv. Sourced by bash.
set -eo pipefail
export PATH=/usr/bin:/bin
export PYTHONPATH=$builderCode PYTHONDONTWRITEBYTECODE=1
preInstallHooks=() postInstallHooks=() preFixupHooks=() fixupOutputHooks=() postFixupHooks=()
envHooks=() hostInputs=()

runTool() {
  "$builderPython" -m "tests.support.proof.builder.$1" "${@:2}"
}

# The attribute or function of that name first, then what hooks have added.
runHook() {
  local name=$1 hook
  local -n hooks=${name}Hooks
  if declare -F "$name" >/dev/null; then
    "$name"
  else
    eval "${!name:-}"
  fi
  for hook in "${hooks[@]}"; do
    "$hook"
  done
}

substituteInPlace() {
  runTool substitute "$@"
}

addEnvHooks() {
  envHooks+=("$2")
}

# An input with what it propagates.
findInputs() {
  local input=$1 further
  case " ${hostInputs[*]} " in *" $input "*) return ;; esac
  hostInputs+=("$input")
  if [ -e "$input/nix-support/propagated-build-inputs" ]; then
    for further in $(<"$input/nix-support/propagated-build-inputs"); do
      findInputs "$further"
    done
  fi
}

installPhase() {
  runHook preInstall
  runHook doInstall
  runHook postInstall
}
doInstallHooks=()

fixupPhase() {
  local output
  for output in $outputs; do
    [ ! -e "${!output}" ] || chmod -R u+w "${!output}"
  done
  runHook preFixup
  runHook postFixup
}

for hook in $nativeBuildInputs; do
  [ ! -e "$hook/bin" ] || PATH=$hook/bin:$PATH
  [ ! -e "$hook/nix-support/setup-hook" ] || . "$hook/nix-support/setup-hook"
done
for input in $buildInputs $propagatedBuildInputs; do
  findInputs "$input"
done
for input in "${hostInputs[@]}"; do
  for hook in "${envHooks[@]}"; do
    "$hook" "$input"
  done
done

if [ -n "${buildCommand:-}" ]; then
  eval "$buildCommand"
  exit
fi

mkdir -p "$out"
if [ -n "${installPhase:-}" ]; then
  eval "$installPhase"
elif [ -z "${dontInstall:-}" ]; then
  installPhase
fi
[ -n "${dontFixup:-}" ] || fixupPhase
