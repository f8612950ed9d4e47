autoAddDriverRunpath() {
  local file before
  while read -rd '' file; do
    if before=$("$PATCHELF" --print-rpath "$file" 2>/dev/null); then
      "$PATCHELF" --set-rpath "/run/opengl-driver/lib${before:+:$before}" "$file"
    fi
  done < <(find "$out" -type f -name '*.so*' -print0)
}
postFixupHooks+=(autoAddDriverRunpath)
