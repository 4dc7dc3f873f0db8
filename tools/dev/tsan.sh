#!/usr/bin/env bash
# tsan [FOLDER...]: the tests of these folders (none: those with threads) with data-race checks, on several threads
# Built with Clang and LLVM's OpenMP, whose library Archer tells the checker of the barriers of parallel loops: without it every loop would be
# reported, and with GCC's OpenMP the loops could only run on one thread. Code that was built without the checker (oneDNN, the generated
# kernels) is not looked into; what it reads and writes is checked where Neap's own code does.
setup
packages "race checks" clang-14 libclang-rt-14-dev libomp-14-dev
configure build-tsan -DCMAKE_CXX_COMPILER=clang++-14 -DNEAP_SANITIZE=thread
[[ $# -gt 0 ]] || set -- base data runtime library tensor train
archer=$(dpkg -L libomp-14-dev | grep -m1 '/libarcher\.so$') || fail "libomp-14-dev has no libarcher.so" "install Debian's libomp-14-dev"
say "building with the thread sanitizer"
compile build-tsan "${@/#/test_}"
export OMP_TOOL_LIBRARIES=$archer OMP_NUM_THREADS=4 NEAP_THREADS=4
# Tests of several processes fork.
export TSAN_OPTIONS=halt_on_error=1:die_after_fork=0:second_deadlock_stack=1:ignore_noninstrumented_modules=1
run_suites build-tsan "$@"
