# SPDX-License-Identifier: Apache-2.0
# How a folder becomes a target: one library, tests beside the code, benchmarks where speed matters.
include(GoogleTest)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
if(NOT KNETLAB_SANITIZE)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)  # for the Python package, which sanitizers leave out
endif()
set(CMAKE_CXX_VISIBILITY_PRESET default)

add_library(knetlab_options INTERFACE)
target_compile_features(knetlab_options INTERFACE cxx_std_20)
target_compile_definitions(knetlab_options INTERFACE _GNU_SOURCE KNETLAB_VERSION="${PROJECT_VERSION}")
target_compile_options(knetlab_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                                                 -Woverloaded-virtual -Wimplicit-fallthrough -Werror)
target_include_directories(knetlab_options INTERFACE ${CMAKE_SOURCE_DIR})
# Skeletons are generated; their warnings are not ours to mend.
target_include_directories(knetlab_options SYSTEM INTERFACE ${CMAKE_BINARY_DIR})
target_link_libraries(knetlab_options INTERFACE Threads::Threads)
if(KNETLAB_SANITIZE)
  # Not "enum": the kernel's program and attach types grow, libbpf takes them as enums, and the headers here are older.
  target_compile_options(knetlab_options INTERFACE -fsanitize=${KNETLAB_SANITIZE} -fno-sanitize=enum -fno-omit-frame-pointer
                                                   -fno-sanitize-recover=all)
  target_link_options(knetlab_options INTERFACE -fsanitize=${KNETLAB_SANITIZE})
endif()

# Several files in one compilation (CMAKE_UNITY_BUILD): most of a small file's time goes into headers. The preset `debug` goes without,
# so that a file which forgets an include is found.
if(CMAKE_UNITY_BUILD)
  target_compile_options(knetlab_options INTERFACE -Wno-subobject-linkage)  # a file that is included is no header here
endif()

# knetlab_library(NAME SOURCES file... DEPENDS target...)
function(knetlab_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC knetlab_options ${ARG_DEPENDS})
endfunction()

# All test programs and what they run, without benchmarks and the Python package: what sanitizers are built for.
add_custom_target(all_tests)

# knetlab_test(NAME SOURCES file... DEPENDS target... [TIMEOUT seconds]): one GoogleTest program, each of its tests a ctest test.
function(knetlab_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  if(KNETLAB_SANITIZE)
    math(EXPR ARG_TIMEOUT "${ARG_TIMEOUT} * 4")
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O0>)  # what is tested is optimised, the test itself need not be
  add_dependencies(all_tests ${name})
  # The names of parameters' values, which may hold addresses, are no part of a test's name.
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST NO_PRETTY_VALUES PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()

# knetlab_fuzzer(NAME SOURCES file... DEPENDS target... SEEDS file...): one libFuzzer program in fuzz/ of the build folder and a folder
# NAME_seeds beside it with what to begin from. Built in the preset `fuzz` alone, run by ci/fuzz.
add_custom_target(all_fuzzers)
function(knetlab_fuzzer name)
  if(NOT KNETLAB_SANITIZE MATCHES fuzzer)
    return()
  endif()
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;SEEDS" ${ARGN})
  add_executable(${name} EXCLUDE_FROM_ALL ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
  set(seeds ${CMAKE_BINARY_DIR}/fuzz/${name}_seeds)
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E make_directory ${seeds} && ${CMAKE_COMMAND} -E copy_if_different ${ARG_SEEDS} ${seeds} VERBATIM)
  add_dependencies(all_fuzzers ${name})
endfunction()

# knetlab_benchmark(NAME SOURCES file... DEPENDS target...): one Google Benchmark program, built but not run by ctest.
function(knetlab_benchmark name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} benchmark::benchmark benchmark::benchmark_main)
endfunction()
