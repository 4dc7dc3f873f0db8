#!/usr/bin/env bash
# guides: follows docs/guides in a copy of the project, builds what they make and runs it
setup
root=build-guides
tree=$root/tree
copy_sources "$tree"

# write_blocks PAGE: each block behind "This is all of `FILE`:" becomes that file.
write_blocks() {
  awk -v tree="$tree" '
    /^This is all of `.*`:$/ { split($0, part, "`"); file = tree "/" part[2]; printf "" >file; next }
    /^```/ { if (file != "") { inside = !inside; if (!inside) { close(file); file = "" } } next }
    inside && file != "" { print >file }' "$1"
}
for page in docs/guides/*.md; do write_blocks "$page"; done
sed -n '/^huber /p' docs/guides/operator.md >>"$tree/tests/shapes/elementwise.txt"

# check_cpp PAGE: its C++, as a program that compiles.
check_cpp() {
  local file=$root/$(basename "$1" .md).cpp
  awk '/^```cpp$/ { inside = 1; next } /^```/ { inside = 0 } inside && /^#include/ { print } inside && !/^#include/ { body = body $0 "\n" }
    END { print "#include <fmt/core.h>\nint main() {\n" body "}" }' "$1" >"$file"
  g++ -std=c++20 -fsyntax-only -I "$tree" "$file" || fail "the C++ of $1 does not compile" "see $file"
}

# run_commands PAGE: its blocks of commands, one after the other in a folder of their own.
run_commands() {
  local folder=$root/$(basename "$1" .md) commands
  mkdir -p "$folder"
  commands=$(awk '/^```sh$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$1")
  say "the commands of $1"
  (cd "$folder" && PATH=$program:$PATH bash -euo pipefail -c "$commands" >commands.log 2>&1) || { tail -n 20 "$folder/commands.log" >&2; fail "a command of $1 failed" "see $folder/commands.log"; }
}
users=(docs/guides/{model,training,graphs,sparsity}.md)
program=$PWD/$root/build
for page in "${users[@]}"; do check_cpp "$page"; done

top=$PWD
cd "$tree"
export CCACHE_BASEDIR=$PWD
configure ../build -DCMAKE_BUILD_TYPE=Release
say "building what the guides make"
compile ../build test_ops test_autodiff test_transform neap_main
../build/test_ops --gtest_filter='*huber*:Shapes.*' --gtest_brief=1
../build/test_autodiff --gtest_filter='*huber*' --gtest_brief=1
NEAP_WRITE_GOLDEN=1 ../build/test_transform --gtest_filter='Golden.*' --gtest_brief=1 >/dev/null || true
grep -q log_softmax tests/transform/golden/merge_log.txt || fail "merge_log was not applied" "look at $tree/tests/transform/golden/merge_log.txt"
grep -q 'something else than a softmax' tests/transform/golden/merge_log.txt || fail "merge_log gave no reason" "look at its golden file"
../build/test_transform --gtest_filter='Golden.*' --gtest_brief=1
../build/neap operators softmax | grep -q '^log_softmax: '
cd "$top"
for page in "${users[@]}"; do run_commands "$page"; done
say "the guides work"
