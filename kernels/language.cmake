# CUDA as a language of the project, or a line that says why not.

# "native" asks the devices of this machine. Where there is none the code is for all that are supported.
set(SPECTRAIN_CUDA_CODE ${SPECTRAIN_CUDA_ARCHS})
if(SPECTRAIN_CUDA_CODE STREQUAL "native")
  file(GLOB SPECTRAIN_GPUS /dev/nvidia[0-9]*)
  if(NOT SPECTRAIN_GPUS)
    set(SPECTRAIN_CUDA_CODE 80 90 100)
  endif()
endif()
set(CMAKE_CUDA_ARCHITECTURES ${SPECTRAIN_CUDA_CODE})
enable_language(CUDA)
if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.4)
  message(STATUS "spectrain: nvcc ${CMAKE_CUDA_COMPILER_VERSION} found, 12.4 or newer wanted; building the CPU backend only")
  return()
endif()
find_package(CUDAToolkit REQUIRED)
set(SPECTRAIN_WITH_CUDA ON)
message(STATUS "spectrain: CUDA backend by nvcc ${CMAKE_CUDA_COMPILER_VERSION} for ${SPECTRAIN_CUDA_CODE}")
