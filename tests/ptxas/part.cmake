# Registers, spills and shared memory of the kernels, by the words of ptxas in this build. Label: ptxas.
include(${CMAKE_CURRENT_LIST_DIR}/../python.cmake)
spectrain_python_test(check_ptxas ${CMAKE_CURRENT_LIST_DIR}/test_check_ptxas.py ptxas)
if(SPECTRAIN_WITH_CUDA AND SPECTRAIN_PTXAS_VERBOSE AND SPECTRAIN_PYTHON)
  set_target_properties(spectrain_kernels PROPERTIES RULE_LAUNCH_COMPILE
                        "sh ${CMAKE_CURRENT_LIST_DIR}/keep_words.sh <OBJECT>")
  add_test(NAME ptxas COMMAND ${SPECTRAIN_PYTHON} -B ${CMAKE_CURRENT_LIST_DIR}/check_ptxas.py
           ${CMAKE_BINARY_DIR}/kernels ${SPECTRAIN_CUDA_CODE} --kernels ${PROJECT_SOURCE_DIR}/kernels)
else()
  add_test(NAME ptxas COMMAND ${CMAKE_COMMAND} -E echo
           "SKIPPED: the kernels' registers are seen in a build by nvcc with SPECTRAIN_PTXAS_VERBOSE (preset cuda)")
  set_tests_properties(ptxas PROPERTIES SKIP_REGULAR_EXPRESSION "SKIPPED: ")
endif()
set_tests_properties(ptxas PROPERTIES LABELS ptxas)
