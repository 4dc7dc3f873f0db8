#!/usr/bin/env bash
# guides: follows docs/guides in a copy of the project, builds what they make and runs it
setup
root=build-guides
tree=$root/tree
rm -rf "$tree"
mkdir -p "$tree"
git ls-files -co --exclude-standard -z | xargs -0 cp --parents --preserve=timestamps -t "$tree"

# write_blocks PAGE: each block behind "This is all of `FILE`:" becomes that file.
write_blocks() {
  awk -v tree="$tree" '
    /^This is all of `.*`:$/ { split($0, part, "`"); file = tree "/" part[2]; printf "" >file; next }
    /^```/ { if (file != "") { inside = !inside; if (!inside) { close(file); file = "" } } next }
    inside && file != "" { print >file }' "$1"
}
for page in docs/guides/*.md; do write_blocks "$page"; done
sed -n '/^huber /p' docs/guides/operator.md >>"$tree/tests/shapes/elementwise.txt"

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
say "the guides work"
