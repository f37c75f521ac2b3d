// Launches: cudaLaunchKernelEx alone, and what is asked of a kernel before.
#ifndef SPT_EMULATED_LAUNCH_H
#define SPT_EMULATED_LAUNCH_H

#include <functional>
#include <tuple>
#include <type_traits>

enum cudaLaunchAttributeID { cudaLaunchAttributeCooperative = 2, cudaLaunchAttributeClusterDimension = 4 };
union cudaLaunchAttributeValue {
    int cooperative;
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
    cudaFuncAttributeNonPortableClusterSizeAllowed = 14
};

namespace spt_emulated {
cudaError_t launch(const cudaLaunchConfig_t *config, const void *kernel, std::function<void()> body);
cudaError_t set_attribute(const void *kernel, cudaFuncAttribute attribute, int value);
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

#endif
