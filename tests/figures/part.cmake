# The figures, and files of ours recomputed with numpy.
include(${CMAKE_CURRENT_LIST_DIR}/../python.cmake)
spectrain_python_test(figures ${CMAKE_CURRENT_LIST_DIR}/test_figures.py cli)
spectrain_python_test(line_energy ${CMAKE_CURRENT_LIST_DIR}/test_line_energy.py cli)
spectrain_python_test(analysis ${CMAKE_CURRENT_LIST_DIR}/test_analysis.py cli)
spectrain_python_test(experiments ${CMAKE_CURRENT_LIST_DIR}/test_experiments.py cli)
spectrain_python_test(page ${CMAKE_CURRENT_LIST_DIR}/test_page.py cli)
# What nothing else asks for may be missing where h5py is not: matplotlib, yaml, jinja2, a Chromium.
set_tests_properties(figures experiments page PROPERTIES SKIP_REGULAR_EXPRESSION "SKIPPED: no ")
