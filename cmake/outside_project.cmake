# Installs Neap into a folder of its own, builds examples/outside against it as a stranger would, and runs its programs.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "failed (${code}): ${ARGV}")
  endif()
endfunction()

set(root ${BUILD}/outside)
file(REMOVE_RECURSE ${root})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${root}/installed)

# Every installed header compiles with what an installed Neap asks for.
file(GLOB_RECURSE headers RELATIVE ${root}/installed/include ${root}/installed/include/*.h)
set(text "")
foreach(header ${headers})
  string(APPEND text "#include \"${header}\"\n")
endforeach()
file(WRITE ${root}/all_headers.cpp "${text}int main() { return 0; }\n")

set(flags "")
if(SANITIZE)
  set(flags -DCMAKE_CXX_FLAGS=-fsanitize=${SANITIZE})
endif()
run(${CMAKE_COMMAND} -S ${SOURCE}/examples/outside -B ${root}/build -G Ninja -DCMAKE_PREFIX_PATH=${root}/installed -DCMAKE_CXX_COMPILER=${COMPILER}
    -DNEAP_ALL_HEADERS=${root}/all_headers.cpp ${flags})
run(${CMAKE_COMMAND} --build ${root}/build -j 2)
run(${CMAKE_CTEST_COMMAND} --test-dir ${root}/build --output-on-failure --no-tests=error)

find_program(pkg_config pkg-config REQUIRED)
set(ENV{PKG_CONFIG_PATH} "${root}/installed/lib/pkgconfig:${root}/installed/lib/x86_64-linux-gnu/pkgconfig")
run(${pkg_config} --exists --print-errors neap)
