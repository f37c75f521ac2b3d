# Parity with PyTorch, and gradients against differences. The second program compiles the computing core itself, in double.
set(SPECTRAIN_PARITY ${CMAKE_CURRENT_LIST_DIR})
set(SPECTRAIN_HOST ${PROJECT_SOURCE_DIR}/host)

add_executable(test_trajectory ${SPECTRAIN_PARITY}/test_trajectory.c)
target_link_libraries(test_trajectory PRIVATE spectrain_static)

add_executable(test_double_core ${SPECTRAIN_PARITY}/test_double_core.c
  ${SPECTRAIN_HOST}/cpu/dense.c ${SPECTRAIN_HOST}/cpu/loss.c ${SPECTRAIN_HOST}/cpu/network.c
  ${SPECTRAIN_HOST}/cpu/optimizer.c ${SPECTRAIN_HOST}/cpu/team.c
  ${SPECTRAIN_HOST}/core/error.c ${SPECTRAIN_HOST}/core/memory.c ${SPECTRAIN_HOST}/core/model.c
  ${SPECTRAIN_HOST}/core/rng.c)
target_compile_definitions(test_double_core PRIVATE SPT_CPU_DOUBLE)
target_include_directories(test_double_core PRIVATE ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(test_double_core PRIVATE PkgConfig::OPENBLAS m)

foreach(name test_trajectory test_double_core)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_include_directories(${name} PRIVATE ${SPECTRAIN_HOST})
  target_compile_definitions(${name} PRIVATE SPT_TEST_REFERENCE="${SPECTRAIN_PARITY}/torch_reference.bin")
  target_link_libraries(${name} PRIVATE spectrain_flags PkgConfig::CMOCKA)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES LABELS parity TIMEOUT 300)
endforeach()
