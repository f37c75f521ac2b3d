# Tests in Python: an interpreter that can read HDF5. Debian's packages belong to /usr/bin/python3, which need not be
# the first on PATH. Without one the tests are there all the same, and say loudly that they were skipped.
include_guard(GLOBAL)
foreach(candidate $ENV{PYTHON} /usr/bin/python3 python3)
  execute_process(COMMAND ${candidate} -c "import h5py, numpy" RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(NOT failed)
    set(SPECTRAIN_PYTHON ${candidate})
    break()
  endif()
endforeach()
if(NOT SPECTRAIN_PYTHON)
  message(WARNING "no python3 with h5py and numpy: the tests of the command line will be SKIPPED "
                  "(apt-get install python3-h5py, or set PYTHON)")
endif()

# spectrain_python_test(NAME SCRIPT LABEL): run a unittest script against the program of this build.
function(spectrain_python_test name script label)
  if(SPECTRAIN_PYTHON)
    add_test(NAME ${name} COMMAND ${SPECTRAIN_PYTHON} -B ${script})
  else()
    add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -E echo "SKIPPED: no python3 with h5py and numpy")
    set_tests_properties(${name} PROPERTIES SKIP_REGULAR_EXPRESSION "SKIPPED: no python3")
  endif()
  set(environment SPECTRAIN=$<TARGET_FILE:spectrain> SPECTRAIN_BUILD=${CMAKE_BINARY_DIR}
      SPECTRAIN_SOURCE=${PROJECT_SOURCE_DIR} CMAKE=${CMAKE_COMMAND} CC=${CMAKE_C_COMPILER}
      SPECTRAIN_SANITIZE=${SPECTRAIN_SANITIZE} SPECTRAIN_FAULTS=$<TARGET_FILE:spectrain_faults>)
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 1200 ENVIRONMENT "${environment}")
endfunction()
