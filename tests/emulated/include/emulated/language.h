// CUDA's words of the language: qualifiers, vector types, indices.
#ifndef SPT_EMULATED_LANGUAGE_H
#define SPT_EMULATED_LANGUAGE_H

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __forceinline__ __inline__ __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __shared__       static_assert(false, "write SPT_SHARED or SPT_DYNAMIC_SHARED (kernels/shared.cuh)");

struct uint3 {
    unsigned x, y, z;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
    return {x, y, z, w};
}
inline float2 make_float2(float x, float y) {
    return {x, y};
}
inline float4 make_float4(float x, float y, float z, float w) {
    return {x, y, z, w};
}

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
    constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
    operator uint3() const { return {x, y, z}; }
};

namespace spt_emulated {

struct indices {
    uint3 thread, block;
    dim3 block_size, grid;
};
/** Of the thread that runs; the same place for as long as a kernel's function runs in one thread. A fault on the host.
 */
const indices *self() __attribute__((const));

/** This block's shared memory of a declaration, known by its site; filled with the pattern when the block starts. */
void *shared(const void *site, size_t bytes);
void *dynamic_shared();

} // namespace spt_emulated

// Function calls, since a launch's configuration has members blockDim and gridDim (launch.h).
inline const uint3 &spt_thread_index() {
    return spt_emulated::self()->thread;
}
inline const uint3 &spt_block_index() {
    return spt_emulated::self()->block;
}
inline const dim3 &spt_block_size() {
    return spt_emulated::self()->block_size;
}
inline const dim3 &spt_grid_size() {
    return spt_emulated::self()->grid;
}
#define threadIdx spt_thread_index()
#define blockIdx  spt_block_index()
#define blockDim  spt_block_size()
#define gridDim   spt_grid_size()
static const int warpSize = 32;

#endif
