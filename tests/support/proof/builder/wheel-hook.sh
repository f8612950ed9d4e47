doInstall() {
  runTool install_wheel "$src" "$out" "$sitePackages"
}
