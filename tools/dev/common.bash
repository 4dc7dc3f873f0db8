# What the commands share. They run in the project's root folder, with `set -euo pipefail`.

JOBS=${NEAP_JOBS:-$(nproc)}

say() { printf '== %s\n' "$*" >&2; }

# fail PROBLEM REMEDY: as the program's own errors, what is wrong and what to do.
fail() {
  printf 'dev: %s\n  %s\n' "$1" "$2" >&2
  exit 2
}

# packages PURPOSE NAME...: installs those of Debian's packages that are missing.
packages() {
  local purpose=$1 name missing=()
  shift
  command -v dpkg-query >/dev/null || fail "this system has no dpkg" "install by hand what ${purpose} needs: $*"
  for name in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || missing+=("$name")
  done
  ((${#missing[@]})) || return 0
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null || fail "packages are missing: ${missing[*]}" "install them as root, or install sudo"
    as_root=(sudo)
  fi
  local log=build/setup.log
  mkdir -p build
  say "installing for ${purpose}: ${missing[*]}"
  "${as_root[@]}" apt-get -q update >"$log" 2>&1 || say "the list of packages could not be renewed; trying with the one that is there"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qy -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null ||
    { tail -n 20 "$log" >&2; fail "the packages could not be installed" "see ${log}"; }
}

# setup: what building and testing need.
setup() {
  packages "building and testing" g++ cmake ninja-build ccache pkg-config binutils libgtest-dev libfmt-dev libxxhash-dev libcli11-dev \
    nlohmann-json3-dev libdnnl-dev libprotobuf-dev protobuf-compiler libonnx-dev libonnx-testdata libpng-dev libjpeg-dev zlib1g-dev \
    libzip-dev libmetis-dev dataset-fashion-mnist
}

# The compiler's cache: paths are taken relative to this folder, so that a second checkout finds what the first has compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1

# configure FOLDER [OPTION...]: eight files of a folder are compiled as one, which takes half the time of one by one.
configure() {
  local folder=$1
  shift
  mkdir -p "$folder"
  cmake -S . -B "$folder" -G Ninja -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=8 "$@" >"$folder/configure.log" 2>&1 || { cat "$folder/configure.log" >&2; fail "CMake refused" "see $folder/configure.log"; }
}

# compile FOLDER [TARGET...]: ninja's own progress on a terminal; elsewhere only what went wrong.
compile() {
  local folder=$1
  shift
  if [[ -t 1 ]]; then
    ninja -C "$folder" -j "$JOBS" "$@"
  else
    ninja -C "$folder" -j "$JOBS" "$@" >"$folder/build.log" 2>&1 || { grep -v '^\[' "$folder/build.log" | tail -n 200; fail "the build failed" "see $folder/build.log"; }
  fi
}

# run_tests FOLDER [CTEST_OPTION...]: ends with ctest's summary.
run_tests() {
  local folder=$1
  shift
  [[ -n ${NEAP_ONNX_NEWER_TESTDATA:-} || ! -e build/models/newer/made ]] || export NEAP_ONNX_NEWER_TESTDATA=$PWD/build/models/newer
  [[ -n ${NEAP_ONNX_MODELS:-} || ! -e build/models/cases/made ]] || export NEAP_ONNX_MODELS=$PWD/build/models/cases
  ctest --test-dir "$folder" -j "$JOBS" --output-on-failure --no-tests=error --progress "$@"
}

sources() { git ls-files -co --exclude-standard -- 'neap/*.cpp' 'neap/*.h' 'tests/*.cpp' 'tests/*.h' 'fuzz/*.cpp' 'fuzz/*.h' 'bench/*.cpp' 'bench/*.h' 'examples/*.cpp'; }

# copy_sources FOLDER: the project's files as they are now.
copy_sources() {
  rm -rf "$1"
  mkdir -p "$1"
  git ls-files -co --exclude-standard -z | xargs -0 cp --parents --preserve=timestamps -t "$1"
}

# run_suites FOLDER [TESTED_FOLDER...]: each test program whole (starting one for every test would cost more than the tests do).
run_suites() {
  local folder=$1 suite passed=0 failed=0
  shift
  local programs=("${@/#/$folder/test_}")
  (($#)) || programs=("$folder"/test_*)
  for suite in "${programs[@]}"; do
    [[ -f $suite && -x $suite ]] || continue
    say "${suite##*/}"
    if "$suite" --gtest_brief=1 </dev/null; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  done
  ((passed + failed)) || fail "there is no test program in $folder" "name folders that tests/ has"
  echo "$passed passed, $failed failed"
  ((failed == 0))
}

# checked_build TARGET...: with Clang's address and undefined-behaviour sanitizers, which compile in a quarter of the time of GCC's.
checked_build() {
  packages "sanitizers and fuzzing" clang-14 libclang-rt-14-dev libomp-14-dev
  configure build-asan -DCMAKE_CXX_COMPILER=clang++-14 -DNEAP_SANITIZE=address,undefined -DNEAP_FUZZ=ON
  say "building with sanitizers"
  compile build-asan "$@"
  # Libraries that were built without the sanitizer hand out containers whose ends it cannot know.
  export ASAN_OPTIONS=detect_container_overflow=0:strict_string_checks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  # LLVM's OpenMP never frees what it knows of its threads.
  echo 'leak:libomp.so' >build-asan/known_leaks
  export LSAN_OPTIONS=suppressions=$PWD/build-asan/known_leaks:print_suppressions=0
}

fuzz_targets() { basename -s .cpp fuzz/*.cpp; }

# fuzz_readers COUNT NAME...: hostile files, COUNT each, for the targets of a checked build.
fuzz_readers() {
  local count=$1 name passed=0 failed=0
  shift
  mkdir -p build-asan/finds
  for name in "$@"; do
    say "hostile files: $name, $count inputs"
    mkdir -p "build-asan/corpus/$name"  # what is found on the way stays out of the project's seeds
    if "build-asan/fuzz/fuzz_$name" -runs="$count" -timeout=10 -rss_limit_mb=2048 \
      -artifact_prefix="build-asan/finds/$name-" "build-asan/corpus/$name" "fuzz/corpus/$name" >"build-asan/finds/$name.log" 2>&1; then
      passed=$((passed + 1))
    else
      failed=$((failed + 1))
      tail -n 60 "build-asan/finds/$name.log" >&2
      say "$name failed: its input is in build-asan/finds/"
    fi
  done
  echo "$passed passed, $failed failed"
  ((failed == 0))
}
