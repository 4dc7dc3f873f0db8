#!/usr/bin/env bash
# Refuses an #include "neap/X/..." that points against the order of folders: a folder may use what its line neap_folder(NAME USES...) in
# CMakeLists.txt names, and what those use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
includes=$(grep -rnE --include='*.cpp' --include='*.h' --include='*.inc' '^ *# *include "neap/' neap)
awk -v quote='"' '
  FNR == NR {
    if ($0 !~ /^neap_folder\(/) next
    gsub(/^neap_folder\(|\).*$/, "")
    n = split($0, word, " ")
    allowed[word[1], word[1]] = known[word[1]] = 1
    order[++folders] = word[1]
    for (i = 2; i <= n; ++i)
      for (f = 1; f <= folders; ++f)
        if ((word[i], order[f]) in allowed) allowed[word[1], order[f]] = 1
    next
  }
  {
    split($0, part, ":")
    split(part[1], from, "/")
    split($0, path, quote)
    split(path[2], to, "/")
    ++seen
    if (!(from[2] in known)) { printf "%s:%s: CMakeLists.txt has no neap_folder(%s ...)\n", part[1], part[2], from[2]; bad = 1 }
    else if (!((from[2], to[2]) in allowed)) { printf "%s:%s: %s/ may not use %s/ (see CMakeLists.txt)\n", part[1], part[2], from[2], to[2]; bad = 1 }
  }
  END {
    if (folders == 0 || seen == 0) { print "dependencies: found no folders or no includes"; bad = 1 }
    exit bad
  }' CMakeLists.txt <(printf '%s\n' "$includes") >&2
