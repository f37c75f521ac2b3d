# The energies of every kind of probe, recomputed from the weights with numpy and scipy.
include(${CMAKE_CURRENT_LIST_DIR}/../python.cmake)
spectrain_python_test(probe_definitions ${CMAKE_CURRENT_LIST_DIR}/test_definitions.py cli)
set_tests_properties(probe_definitions PROPERTIES SKIP_REGULAR_EXPRESSION "SKIPPED: no scipy;SKIPPED: no python3")
