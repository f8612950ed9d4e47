# Environment markers (PEP 508) on x86_64-linux, for an interpreter: marker -> bool.
{ lib }:
python:
let
  inherit (builtins)
    compareVersions
    elem
    elemAt
    filter
    head
    isList
    map
    match
    split
    tail
    ;

  values = {
    os_name = "posix";
    sys_platform = "linux";
    platform_system = "Linux";
    platform_machine = "x86_64";
    platform_python_implementation = "CPython";
    implementation_name = "cpython";
    implementation_version = python.version;
    python_full_version = python.version;
    python_version = python.pythonVersion;
  };
  versions = [
    "implementation_version"
    "python_full_version"
    "python_version"
  ];

  tokenize = marker: map head (filter isList (split "('[^']*'|\"[^\"]*\"|[()]|[<>=!~]+|[a-z_]+)" marker));

  literal = token: match "['\"](.*)['\"]" token;
  read =
    token:
    let
      quoted = literal token;
    in
    if quoted != null then head quoted else values.${token} or (throw "no marker '${token}' is known here");

  compareVersion =
    op: a: b:
    let
      order = compareVersions a b;
      prefix = match "(.*)\\.\\*" b;
      equal =
        if prefix == null then order == 0 else a == head prefix || lib.hasPrefix "${head prefix}." a;
    in
    {
      "==" = equal;
      "!=" = !equal;
      "<" = order < 0;
      "<=" = order <= 0;
      ">" = order > 0;
      ">=" = order >= 0;
    }
    .${op} or (throw "versions are not compared with '${op}' here");

  compareString =
    op: a: b:
    {
      "==" = a == b;
      "!=" = a != b;
      "in" = lib.hasInfix a b;
      "not in" = !lib.hasInfix a b;
    }
    .${op} or (throw "strings are not compared with '${op}' here");

  # Each takes tokens, and gives a value with the tokens that are left.
  disjunction =
    tokens:
    let
      left = conjunction tokens;
      right = disjunction (tail left.rest);
    in
    if left.rest != [ ] && head left.rest == "or" then
      {
        value = left.value || right.value;
        inherit (right) rest;
      }
    else
      left;

  conjunction =
    tokens:
    let
      left = term tokens;
      right = conjunction (tail left.rest);
    in
    if left.rest != [ ] && head left.rest == "and" then
      {
        value = left.value && right.value;
        inherit (right) rest;
      }
    else
      left;

  term =
    tokens:
    let
      inner = disjunction (tail tokens);
      negated = elemAt tokens 1 == "not";
      op = if negated then "not in" else elemAt tokens 1;
      a = head tokens;
      after = if negated then tail (tail (tail tokens)) else tail (tail tokens);
      b = head after;
      compare = if elem a versions || elem b versions then compareVersion else compareString;
    in
    if a == "(" then
      assert head inner.rest == ")";
      {
        inherit (inner) value;
        rest = tail inner.rest;
      }
    else
      {
        value = compare op (read a) (read b);
        rest = tail after;
      };
in
marker:
let
  done = disjunction (tokenize marker);
in
assert done.rest == [ ];
done.value
