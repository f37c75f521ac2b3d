# kill -9 at random moments. SPECTRAIN_KILLS in the environment of ctest: how many (10).
include(${CMAKE_CURRENT_LIST_DIR}/../python.cmake)
spectrain_python_test(crash_kill ${CMAKE_CURRENT_LIST_DIR}/test_kill.py crash)
