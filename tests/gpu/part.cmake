# The tests on a GPU, label `gpu`. Without a device, or in a build without the CUDA backend, they are there and say
# loudly that they were skipped.
if(SPECTRAIN_WITH_CUDA)
  add_subdirectory(${CMAKE_CURRENT_LIST_DIR})
else()
  add_test(NAME gpu COMMAND ${CMAKE_COMMAND} -E echo "SKIPPED: this build has no CUDA backend (-DSPECTRAIN_CUDA=ON)")
  set_tests_properties(gpu PROPERTIES LABELS gpu SKIP_REGULAR_EXPRESSION "SKIPPED: this build")
endif()
