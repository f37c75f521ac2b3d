// Launches: cudaLaunchKernelEx alone, and what is asked of a kernel before.
#ifndef SPT_EMULATED_LAUNCH_H
#define SPT_EMULATED_LAUNCH_H

#include <functional>
#include <tuple>
#include <type_traits>

enum cudaLaunchAttributeID {
    cudaLaunchAttributeIgnore = 0,
    cudaLaunchAttributeCooperative = 2,
    cudaLaunchAttributeClusterDimension = 4,
    cudaLaunchAttributePriority = 8
};
union cudaLaunchAttributeValue {
    int cooperative, priority;
    struct {
        unsigned x, y, z;
    } clusterDim;
};
typedef struct cudaLaunchAttribute_st {
    cudaLaunchAttributeID id;
    cudaLaunchAttributeValue val;
} cudaLaunchAttribute;
typedef struct cudaLaunchConfig_st {
    dim3 grid_, block_;
    size_t dynamicSmemBytes;
    cudaStream_t stream;
    cudaLaunchAttribute *attrs;
    unsigned numAttrs;
    dim3 &gridDim { return grid_; }
    dim3 &blockDim { return block_; }
    const dim3 &gridDim const { return grid_; }
    const dim3 &blockDim const { return block_; }
} cudaLaunchConfig_t;

enum cudaFuncAttribute {
    cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
    cudaFuncAttributePreferredSharedMemoryCarveout = 9,
    cudaFuncAttributeNonPortableClusterSizeAllowed = 14
};
struct cudaFuncAttributes {
    size_t sharedSizeBytes, constSizeBytes, localSizeBytes; // shared: as seen by the launches so far
    int maxThreadsPerBlock, numRegs, maxDynamicSharedSizeBytes;
};

namespace spt_emulated {
cudaError_t launch(const cudaLaunchConfig_t *config, const void *kernel, std::function<void()> body);
cudaError_t set_attribute(const void *kernel, cudaFuncAttribute attribute, int value);
cudaError_t get_attributes(cudaFuncAttributes *attributes, const void *kernel);
cudaError_t blocks_at_once(int *blocks, const void *kernel, int threads, size_t dynamic_bytes);
cudaError_t clusters_at_once(int *clusters, const void *kernel, const cudaLaunchConfig_t *config);
/** A fault when a pointer given to a kernel is to memory that the device cannot reach. */
void check_pointer(const void *kernel, int argument, const void *pointer);

template <typename T>
void check_argument(const void *kernel, int argument, const T &value) {
    if constexpr (std::is_pointer<T>::value)
        check_pointer(kernel, argument, (const void *)value);
}
} // namespace spt_emulated

template <typename... P, typename... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *config, void (*kernel)(P...), A &&...arguments) {
    std::tuple<std::decay_t<P>...> kept(std::forward<A>(arguments)...);
    int number = 0;
    std::apply(
        [&](const auto &...value) { (spt_emulated::check_argument((const void *)kernel, ++number, value), ...); },
        kept);
    return spt_emulated::launch(config, (const void *)kernel, [kernel, kept] { std::apply(kernel, kept); });
}
template <typename K>
cudaError_t cudaFuncSetAttribute(K *kernel, cudaFuncAttribute attribute, int value) {
    return spt_emulated::set_attribute((const void *)kernel, attribute, value);
}
template <typename K>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes, K *kernel) {
    return spt_emulated::get_attributes(attributes, (const void *)kernel);
}
template <typename K>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, K kernel, int threads, size_t dynamic_bytes) {
    return spt_emulated::blocks_at_once(blocks, (const void *)kernel, threads, dynamic_bytes);
}
template <typename K>
cudaError_t cudaOccupancyMaxActiveClusters(int *clusters, K *kernel, const cudaLaunchConfig_t *config) {
    return spt_emulated::clusters_at_once(clusters, (const void *)kernel, config);
}

#endif
