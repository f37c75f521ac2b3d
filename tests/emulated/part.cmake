# The emulated device (README.md) and the tests on it, label `emulated`. Each source is compiled twice: with
# AddressSanitizer and UndefinedBehaviorSanitizer, and with ThreadSanitizer.
include(CheckLanguage)
check_language(CXX)
if(NOT CMAKE_CXX_COMPILER)
  message(WARNING "no C++ compiler: the tests on the emulated device are left out")
  return()
endif()
enable_language(CXX)
pkg_check_modules(FFTWF REQUIRED IMPORTED_TARGET fftw3f)
set(emulated ${CMAKE_CURRENT_LIST_DIR})

# What all of it is compiled with. The floating-point flags are those of the C sources.
add_library(emulated_flags INTERFACE)
target_include_directories(emulated_flags INTERFACE ${emulated}/include ${emulated} ${PROJECT_SOURCE_DIR}/kernels
  ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/host)
target_compile_definitions(emulated_flags INTERFACE SPT_EMULATED _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
target_compile_options(emulated_flags INTERFACE -O2 -g -Wall -Wextra -fno-omit-frame-pointer -fno-math-errno
  -ffp-contract=off "$<$<COMPILE_LANGUAGE:CXX>:-std=c++17;-Wno-unknown-pragmas>" $<$<COMPILE_LANGUAGE:C>:-std=c11>)
if(SPECTRAIN_WERROR) # the sanitizers' own code makes gcc see numbers that are not set
  target_compile_options(emulated_flags INTERFACE -Werror -Wno-maybe-uninitialized)
endif()
if(SPECTRAIN_HAS_NATIVE)
  target_compile_options(emulated_flags INTERFACE -march=native)
endif()
set(EMULATED_SANITIZE_asan -fsanitize=address,undefined -fno-sanitize-recover=all)
set(EMULATED_SANITIZE_tsan -fsanitize=thread)

# The runtime itself is not sanitized (it would take eight times as long): it tells the sanitizers what it does. cuRAND's
# stand-in needs the library's random numbers, sanitized as everything else.
file(GLOB runtime CONFIGURE_DEPENDS ${emulated}/runtime/*.cpp)
foreach(variant asan tsan)
  string(TOUPPER ${variant} VARIANT)
  add_library(emulated_runtime_${variant} OBJECT ${runtime})
  target_compile_definitions(emulated_runtime_${variant} PRIVATE SPT_EMULATED_${VARIANT})
  target_link_libraries(emulated_runtime_${variant} PRIVATE emulated_flags PkgConfig::OPENBLAS PkgConfig::FFTWF)
  add_library(emulated_random_${variant} OBJECT ${PROJECT_SOURCE_DIR}/host/core/rng.c)
  target_compile_options(emulated_random_${variant} PRIVATE ${EMULATED_SANITIZE_${variant}})
  target_link_libraries(emulated_random_${variant} PRIVATE emulated_flags)
endforeach()

# spectrain_emulated_objects(TARGET SOURCE.cu...): object libraries TARGET_asan and TARGET_tsan of CUDA sources, as C++.
function(spectrain_emulated_objects target)
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-x;c++")
  foreach(variant asan tsan)
    add_library(${target}_${variant} OBJECT EXCLUDE_FROM_ALL ${ARGN})
    target_compile_options(${target}_${variant} PRIVATE ${EMULATED_SANITIZE_${variant}})
    target_link_libraries(${target}_${variant} PRIVATE emulated_flags)
  endforeach()
endfunction()

# ThreadSanitizer of gcc 12 knows addresses as they are without randomisation.
find_program(SETARCH setarch)
if(SETARCH)
  execute_process(COMMAND ${SETARCH} -R true RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(NOT failed)
    set(EMULATED_RUN_tsan ${SETARCH} -R)
  endif()
endif()

# spectrain_emulated_test(NAME SOURCE.cpp VARIANT OBJECTS LIBRARIES...): one program of tests. VARIANT: asan or tsan;
# OBJECTS: a list of targets of spectrain_emulated_objects.
function(spectrain_emulated_test name source variant objects)
  string(TOUPPER ${variant} VARIANT)
  add_executable(${name} ${source} $<TARGET_OBJECTS:emulated_runtime_${variant}>)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  foreach(object ${objects})
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:${object}_${variant}>)
  endforeach()
  target_compile_definitions(${name} PRIVATE SPT_EMULATED_${VARIANT})
  target_compile_options(${name} PRIVATE ${EMULATED_SANITIZE_${variant}})
  target_link_options(${name} PRIVATE ${EMULATED_SANITIZE_${variant}})
  target_link_libraries(${name} PRIVATE emulated_flags ${ARGN} PkgConfig::CMOCKA PkgConfig::OPENBLAS PkgConfig::FFTWF
                        Threads::Threads m)
  add_test(NAME ${name} COMMAND ${EMULATED_RUN_${variant}} $<TARGET_FILE:${name}>)
  set_tests_properties(${name} PROPERTIES LABELS emulated TIMEOUT 600)
endfunction()

# ---- the emulated device's own tests
spectrain_emulated_objects(emulated_samples ${emulated}/samples.cu ${emulated}/faults.cu)
foreach(variant asan tsan)
  set(suffix_asan "")
  set(suffix_tsan _tsan)
  foreach(name test_emulated_kernels test_emulated_faults)
    spectrain_emulated_test(${name}${suffix_${variant}} ${emulated}/${name}.cpp ${variant}
                            "emulated_samples;emulated_random")
  endforeach()
endforeach()
spectrain_emulated_test(test_emulated_runtime ${emulated}/test_emulated_runtime.cpp asan
                        "emulated_samples;emulated_random")
foreach(planted NEITHER FLOAT_ATOMIC PLAIN_SHARED)
  add_test(NAME emulated_refuses_${planted} COMMAND ${CMAKE_CXX_COMPILER} -std=c++17 -fsyntax-only -DSPT_EMULATED
           -D${planted} -I${emulated}/include -I${PROJECT_SOURCE_DIR}/kernels -x c++ ${emulated}/refused.cu)
  set_tests_properties(emulated_refuses_${planted} PROPERTIES LABELS emulated)
endforeach()
set_tests_properties(emulated_refuses_FLOAT_ATOMIC PROPERTIES PASS_REGULAR_EXPRESSION "deleted function.*atomicAdd")
set_tests_properties(emulated_refuses_PLAIN_SHARED PROPERTIES PASS_REGULAR_EXPRESSION "write SPT_SHARED")

# ---- the kernels' tests: every other test_*.cpp here, with all kernels and the CPU backend to hold them against. What
# they do under ThreadSanitizer takes minutes; test_races runs every kernel there on small shapes.
option(SPECTRAIN_EMULATED_RACES "run all of the kernels' tests under ThreadSanitizer, too" OFF)
file(GLOB kernels CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*.cu)
file(GLOB tests CONFIGURE_DEPENDS ${emulated}/test_*.cpp)
list(FILTER tests EXCLUDE REGEX "test_(emulated_|races)")
spectrain_emulated_objects(emulated_backend ${kernels})
# The library's own list of backends, with this one in it: what drives sweeps finds it there.
add_library(emulated_registry OBJECT EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/host/cpu/registry.c)
target_compile_definitions(emulated_registry PRIVATE SPT_WITH_CUDA)
target_link_libraries(emulated_registry PRIVATE emulated_flags PkgConfig::OPENBLAS PkgConfig::FFTW)
foreach(test ${tests})
  get_filename_component(name ${test} NAME_WE)
  spectrain_emulated_test(${name} ${test} asan emulated_backend spectrain_static)
  target_sources(${name} PRIVATE $<TARGET_OBJECTS:emulated_registry>)
  if(SPECTRAIN_EMULATED_RACES)
    spectrain_emulated_test(${name}_tsan ${test} tsan emulated_backend spectrain_static)
    target_sources(${name}_tsan PRIVATE $<TARGET_OBJECTS:emulated_registry>)
  endif()
endforeach()
spectrain_emulated_test(test_races ${emulated}/test_races.cpp tsan emulated_backend spectrain_static)
target_compile_definitions(test_races PRIVATE SPT_KERNELS="${PROJECT_SOURCE_DIR}/kernels")

# ---- the command line with the kernels as its backend cuda
set(program spectrain_emulated)
add_executable(${program} $<TARGET_OBJECTS:spectrain> $<TARGET_OBJECTS:emulated_registry>
               $<TARGET_OBJECTS:emulated_backend_asan> $<TARGET_OBJECTS:emulated_runtime_asan>)
set_target_properties(${program} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests LINKER_LANGUAGE CXX)
target_link_options(${program} PRIVATE ${EMULATED_SANITIZE_asan})
target_link_libraries(${program} PRIVATE spectrain_static PkgConfig::OPENBLAS PkgConfig::FFTWF Threads::Threads m)
include(${CMAKE_CURRENT_LIST_DIR}/../python.cmake)
spectrain_python_test(emulated_cli ${emulated}/test_cli.py emulated)
spectrain_python_test(emulated_devices ${emulated}/test_devices.py emulated)
set_property(TEST emulated_cli emulated_devices APPEND PROPERTY ENVIRONMENT SPECTRAIN=$<TARGET_FILE:${program}>)
