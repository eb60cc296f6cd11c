# SPDX-License-Identifier: Apache-2.0
# BPF C to objects and skeletons. Sources use uapi headers and the CO-RE types of bpf/include, never the running
# kernel's vmlinux.h, so that an object built anywhere loads on every kernel that has what it needs.
find_program(BPF_CLANG NAMES clang clang-14 REQUIRED)
find_program(BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin REQUIRED)
set(BPF_C_FLAGS -target bpf -mcpu=v2 -g -O2 -Wall -Wextra -Werror -Wno-unused-parameter
    -I${CMAKE_SOURCE_DIR} -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE} -D__TARGET_ARCH_x86)

# What the command and the scenarios use, without the objects that only tests use.
add_custom_target(bpf_objects)
add_custom_target(bpf_skeletons)
add_dependencies(all_tests bpf_objects)  # their scenarios name objects

# knetlab_bpf_object(NAME source.bpf.c): builds bpf/NAME.bpf.o in the build folder; target bpf_object_NAME.
function(knetlab_bpf_object name source)
  set(object ${CMAKE_BINARY_DIR}/bpf/${name}.bpf.o)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/bpf
    COMMAND ${BPF_CLANG} ${BPF_C_FLAGS} -MD -MF ${object}.d -MT ${object} -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source}
    DEPFILE ${object}.d
    COMMENT "BPF ${name}" VERBATIM)
  add_custom_target(bpf_object_${name} ALL DEPENDS ${object})
  if(CMAKE_CURRENT_SOURCE_DIR STREQUAL ${CMAKE_SOURCE_DIR}/bpf)
    add_dependencies(bpf_objects bpf_object_${name})
  endif()
endfunction()

# knetlab_bpf_skeleton(NAME): header bpf/NAME.skel.h from the object; target bpf_skeleton_NAME to depend on.
function(knetlab_bpf_skeleton name)
  set(object ${CMAKE_BINARY_DIR}/bpf/${name}.bpf.o)
  set(skeleton ${CMAKE_BINARY_DIR}/bpf/${name}.skel.h)
  add_custom_command(
    OUTPUT ${skeleton}
    COMMAND ${BPFTOOL} gen skeleton ${object} name ${name}_bpf > ${skeleton}.new
    COMMAND ${CMAKE_COMMAND} -E rename ${skeleton}.new ${skeleton}
    DEPENDS ${object}
    COMMENT "BPF skeleton ${name}")
  add_custom_target(bpf_skeleton_${name} DEPENDS ${skeleton})
  add_dependencies(bpf_skeleton_${name} bpf_object_${name})
  add_dependencies(bpf_skeletons bpf_skeleton_${name})
endfunction()
