# A folder is a library of all the sources in it: adding an operator, a transformation or a command is adding a file.
# Folders register what they hold when the program starts, so they are object libraries: whoever links one gets it whole.

add_library(neap_options INTERFACE)
target_include_directories(neap_options INTERFACE ${PROJECT_SOURCE_DIR})
target_link_libraries(neap_options INTERFACE fmt::fmt OpenMP::OpenMP_CXX)

# Tests are compiled more often than they run, and what they test is optimised as ever.
add_library(neap_test_options INTERFACE)
target_compile_options(neap_test_options INTERFACE -O1 -fPIE)
target_link_libraries(neap_test_options INTERFACE neap_options GTest::gtest_main)

# Headers that nearly every file reads, parsed once for all libraries, and once more, with GoogleTest, for all tests. No header of Neap's own
# is among them, so files still say which of those they use; the builds for sanitizers and for clang-tidy go without, and find where one of
# the others is missing. (Clang's know the times of files, so that what ccache kept of another checkout would not fit.)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  option(NEAP_PRECOMPILE "read the standard headers precompiled" ON)
endif()
function(neap_precompile target)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/${target}.cpp CONTENT "")
  add_library(${target} OBJECT ${PROJECT_BINARY_DIR}/${target}.cpp)
  target_precompile_headers(${target} PRIVATE ${ARGN} <algorithm> <array> <charconv> <chrono> <cmath> <cstdint> <cstring> <filesystem>
    <functional> <limits> <map> <memory> <numeric> <optional> <set> <span> <string> <string_view> <tuple> <unordered_map> <unordered_set>
    <utility> <variant> <vector>)
endfunction()
if(NEAP_PRECOMPILE)
  # What GCC 12 suspects of std::string's own operator+ (its bug 105329), it says where that does not come from a system's file.
  target_compile_options(neap_options INTERFACE -Wno-restrict)
  neap_precompile(neap_headers <fmt/format.h>)
  target_link_libraries(neap_headers PRIVATE neap_options)
  if(BUILD_TESTING)
    neap_precompile(neap_test_headers <gtest/gtest.h> <fmt/format.h>)
    set_target_properties(neap_test_headers PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_link_libraries(neap_test_headers PRIVATE neap_test_options)
  endif()
endif()

# neap_folder(NAME USES...): library neap_NAME from neap/NAME/*.cpp, tests test_NAME from tests/NAME/*_test.cpp. A folder's own
# folder.cmake adds what it borrows from outside.
function(neap_folder name)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/neap/${name}/*.cpp)
  set(all ${name})
  foreach(use ${ARGN})
    list(APPEND all ${NEAP_ALL_${use}})
  endforeach()
  list(REMOVE_DUPLICATES all)
  set(NEAP_ALL_${name} ${all} PARENT_SCOPE)
  set(NEAP_ALL_${name} ${all})
  set_property(GLOBAL APPEND PROPERTY NEAP_FOLDERS ${name})
  if(sources)
    add_library(neap_${name} OBJECT ${sources})
    target_link_libraries(neap_${name} PUBLIC neap_options)
    if(NEAP_PRECOMPILE)
      target_precompile_headers(neap_${name} REUSE_FROM neap_headers)
    endif()
  else()
    add_library(neap_${name} INTERFACE)
  endif()
  if(EXISTS ${PROJECT_SOURCE_DIR}/neap/${name}/folder.cmake)
    include(${PROJECT_SOURCE_DIR}/neap/${name}/folder.cmake)
  endif()

  file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/${name}/*_test.cpp)
  if(BUILD_TESTING AND tests)
    add_executable(test_${name} ${tests})
    target_compile_definitions(test_${name} PRIVATE NEAP_TESTS="${PROJECT_SOURCE_DIR}/tests")
    set_target_properties(test_${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)  # the options say it, as for the headers
    target_link_libraries(test_${name} PRIVATE neap_test_options)
    if(NEAP_PRECOMPILE)
      target_precompile_headers(test_${name} REUSE_FROM neap_test_headers)
    endif()
    neap_link(test_${name} ${name})
    include(GoogleTest)
    gtest_discover_tests(test_${name} DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 900)
  endif()
endfunction()

# Links a folder and all that it uses into an executable or shared library.
function(neap_link target name)
  foreach(folder ${NEAP_ALL_${name}})
    target_link_libraries(${target} PRIVATE neap_${folder})
  endforeach()
endfunction()

# STEM_portable.cpp, STEM_avx2.cpp and STEM_avx512.cpp are compiled for those; elsewhere than on x86-64 the three are one. Errors of
# mathematical functions are their NaNs, not errno. Of AVX-512 with an extension, named behind, there is STEM_EXTENSION.cpp.
function(neap_once_an_instruction_set stem)
  set(flags -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off -Wno-unused-function -Wno-unknown-pragmas)
  # What is unrolled by hand, each pointer checked by arithmetic, takes Clang five minutes; that it stays in bounds the address sanitizer says.
  if(NEAP_SANITIZE)
    list(APPEND flags -fno-sanitize=pointer-overflow,alignment,null,object-size)
  endif()
  set(avx2 "")
  set(avx512 "")
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(avx2 -mavx2 -mfma -mf16c)
    set(avx512 ${avx2} -mavx512f -mavx512dq -mavx512bw -mavx512vl -mprefer-vector-width=512)
  endif()
  set(file ${PROJECT_SOURCE_DIR}/${stem})
  set_source_files_properties(${file}_portable.cpp PROPERTIES COMPILE_OPTIONS "${flags}")
  set_source_files_properties(${file}_avx2.cpp PROPERTIES COMPILE_OPTIONS "${flags};${avx2}")
  set_source_files_properties(${file}_avx512.cpp PROPERTIES COMPILE_OPTIONS "${flags};${avx512}")
  set(files ${file}_portable.cpp ${file}_avx2.cpp ${file}_avx512.cpp)
  foreach(extension ${ARGN})
    list(APPEND files ${file}_${extension}.cpp)
    if(NOT "${avx512}" STREQUAL "")
      list(APPEND avx512 -mavx512${extension})
    endif()
    set_source_files_properties(${file}_${extension}.cpp PROPERTIES COMPILE_OPTIONS "${flags};${avx512}")
  endforeach()
  set_source_files_properties(${files} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
endfunction()
