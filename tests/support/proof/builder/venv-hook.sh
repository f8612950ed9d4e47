doInstall() {
  local -a packages
  IFS=: read -ra packages <<<"$NIX_PYPROJECT_DEPS"
  rmdir "$out"
  runTool make_venv "$out" "$builderPython" "$sitePackages" "${packages[@]}"
}
