# Data as files keep them, recomputed with numpy.
include(${CMAKE_CURRENT_LIST_DIR}/../python.cmake)
spectrain_python_test(data_targets ${CMAKE_CURRENT_LIST_DIR}/test_targets.py cli)
