# libFuzzer targets: clang only, for the readers of bytes that others wrote. The library's sources are compiled again, with
# the sanitizers and coverage; run.sh gives each target a minute over the kept corpus.
option(SPECTRAIN_FUZZ "build the libFuzzer targets (needs clang)" OFF)
if(SPECTRAIN_FUZZ)
  file(GLOB SPECTRAIN_FUZZERS CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/fuzz_*.c)
  add_library(spectrain_fuzzed STATIC EXCLUDE_FROM_ALL ${SPECTRAIN_SOURCES_ALL})
  target_compile_options(spectrain_fuzzed PUBLIC -fsanitize=address,undefined -fno-sanitize-recover=all
                         -fno-omit-frame-pointer PRIVATE -fsanitize=fuzzer-no-link)
  target_include_directories(spectrain_fuzzed PUBLIC ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/host
                             ${PROJECT_SOURCE_DIR}/tests)
  target_include_directories(spectrain_fuzzed SYSTEM PUBLIC ${HDF5_C_INCLUDE_DIRS})
  target_link_libraries(spectrain_fuzzed PRIVATE spectrain_flags PUBLIC ${SPECTRAIN_LIBRARIES_ALL})
  add_custom_target(fuzzers)
  foreach(source ${SPECTRAIN_FUZZERS})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} EXCLUDE_FROM_ALL ${source})
    target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer,address,undefined)
    target_link_libraries(${name} PRIVATE spectrain_flags spectrain_fuzzed PkgConfig::CMOCKA)
    add_dependencies(fuzzers ${name})
  endforeach()
endif()
