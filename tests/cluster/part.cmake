# A real Slurm in this machine. Where there is none the test is skipped, loudly; never with CI=true in the environment.
include(${CMAKE_CURRENT_LIST_DIR}/../python.cmake)
spectrain_python_test(cluster_slurm ${CMAKE_CURRENT_LIST_DIR}/test_slurm.py cluster)
set_tests_properties(cluster_slurm PROPERTIES SKIP_RETURN_CODE 77 RUN_SERIAL ON TIMEOUT 900)
