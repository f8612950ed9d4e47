declare -a autoPatchelfLibs

gatherLibraries() {
  autoPatchelfLibs+=("$1/lib")
}
addEnvHooks "$targetOffset" gatherLibraries

addAutoPatchelfSearchPath() {
  local directory
  for directory; do
    [ "$directory" = -- ] || [ "$directory" = --no-recurse ] || autoPatchelfLibs+=("$directory")
  done
}

autoPatchelfPostFixup() {
  [ -z "${dontAutoPatchelf:-}" ] || return 0
  # In an array, so that words of lists with a `*` are no file names.
  local -a append ignore paths
  local output
  read -ra append <<<"${appendRunpaths:-}"
  read -ra ignore <<<"${autoPatchelfIgnoreMissingDeps:-}"
  for output in $outputs; do
    paths+=("${!output}")
  done
  "$builderPython" - "${#paths[@]}" "${paths[@]}" "${#autoPatchelfLibs[@]}" "${autoPatchelfLibs[@]}" \
    "${#append[@]}" "${append[@]}" "${#ignore[@]}" "${ignore[@]}" "$builderLibc/lib" >plan.json <<'PLAN'
import json, sys
words = iter(sys.argv[1:])
lists = [[next(words) for _ in range(int(next(words)))] for _ in range(4)]
print(json.dumps(dict(zip(["paths", "libs", "append", "ignore"], lists), libc=next(words))))
PLAN
  runTool auto_patchelf plan.json
}
postFixupHooks+=(autoPatchelfPostFixup)
