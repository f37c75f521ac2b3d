# kill -9 at random moments, and a system that fails. SPECTRAIN_KILLS in the environment of ctest: how many kills (20).
include(${CMAKE_CURRENT_LIST_DIR}/../python.cmake)
add_library(spectrain_faults MODULE ${CMAKE_CURRENT_LIST_DIR}/faults.c)
target_link_libraries(spectrain_faults PRIVATE spectrain_flags)
set_target_properties(spectrain_faults PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
foreach(name kill kill_steps surroundings)
  spectrain_python_test(crash_${name} ${CMAKE_CURRENT_LIST_DIR}/test_${name}.py crash)
endforeach()
