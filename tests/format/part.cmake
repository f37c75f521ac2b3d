# The format of the files, read by other programs: h5py, and xarray with h5netcdf.
include(${CMAKE_CURRENT_LIST_DIR}/../python.cmake)
add_executable(write_shapes ${CMAKE_CURRENT_LIST_DIR}/write_shapes.c)
set_target_properties(write_shapes PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
target_include_directories(write_shapes PRIVATE ${PROJECT_SOURCE_DIR}/host ${CMAKE_CURRENT_LIST_DIR}/..)
target_link_libraries(write_shapes PRIVATE spectrain_flags spectrain_static PkgConfig::CMOCKA)
spectrain_python_test(format ${CMAKE_CURRENT_LIST_DIR}/test_format.py format)
