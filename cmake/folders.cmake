# A folder is a library of all the sources in it: adding an operator, a transformation or a command is adding a file.
# Folders register what they hold when the program starts, so they are object libraries: whoever links one gets it whole.

add_library(neap_options INTERFACE)
target_include_directories(neap_options INTERFACE ${PROJECT_SOURCE_DIR})
target_link_libraries(neap_options INTERFACE fmt::fmt OpenMP::OpenMP_CXX)

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
    target_link_libraries(test_${name} PRIVATE GTest::gtest_main)
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
# mathematical functions are their NaNs, not errno.
function(neap_once_an_instruction_set stem)
  set(flags -O3 -fno-math-errno -fno-trapping-math -ffp-contract=off -Wno-unused-function -Wno-unknown-pragmas)
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
endfunction()
