#!/usr/bin/env bash
# lint [--all | --since REF | FOLDER...]: format, direction of dependencies, clang-tidy (default: on files that main does not have so)
packages "linting" clang-format clang-tidy libomp-14-dev  # the last for the omp.h that clang-tidy reads
setup
scope=since since=main folders=()
while (($#)); do
  case $1 in
    --all) scope=all; shift ;;
    --since) since=${2:?a revision follows --since}; shift 2 ;;
    -*) fail "there is no option $1" "--all or --since REF" ;;
    *) scope=folders; folders+=("$1"); shift ;;
  esac
done

say "format"
sources | xargs -r clang-format --dry-run -Werror || fail "some files are formatted otherwise" "clang-format -i FILE"
say "dependencies"
bash tools/dev/dependencies.bash
say "scripts"
for script in dev .ci/run tools/dev/*sh; do bash -n "$script"; done

case $scope in
  all) files=$(git ls-files 'neap/*.cpp') ;;
  folders) files=$(git ls-files -- "${folders[@]/%//*.cpp}" | grep '^neap/' || true)
    [[ -n $files ]] || fail "no source files in ${folders[*]}" "folders as neap/base" ;;
  since)
    git rev-parse -q --verify "$since^{commit}" >/dev/null || since=HEAD
    files=$(git diff --name-only --diff-filter=d "$since" -- 'neap/*.cpp' && git ls-files -o --exclude-standard -- 'neap/*.cpp') ;;
esac
# File by file, with all that each includes; clang-tidy does not read GCC's precompiled headers.
configure build-lint -DCMAKE_UNITY_BUILD=OFF -DNEAP_PRECOMPILE=OFF
compile build-lint neap_onnx_schema         # headers that are made by the build
count=$(wc -w <<<"$files")
say "clang-tidy on $count files"
((count == 0)) && exit 0
# One process a file: the longest files start first, so that no core waits for one at the end.
ls -S $files | xargs -P "$JOBS" -n 1 clang-tidy -p build-lint --quiet --warnings-as-errors='*' >build-lint/tidy.log 2>&1 ||
  { grep -vE 'warnings? generated|^Suppressed|^Use -' build-lint/tidy.log | tail -n 100; fail "clang-tidy found something" "see build-lint/tidy.log"; }
