// Declarations of shared memory that nvcc and the emulated device (tests/emulated) both read.
//
//   SPT_SHARED(float, tile, [32][33]);    __shared__ float tile[32][33];    also: SPT_SHARED(uint64_t, full);
//   SPT_DYNAMIC_SHARED(float, slab);      float *slab: the launch's dynamic bytes, 128-byte aligned; every such
//                                         declaration of a kernel names the same bytes
//
// Nothing may be assumed about the first contents, nor about the order of two declarations in memory.
#ifndef SPT_KERNELS_SHARED_CUH
#define SPT_KERNELS_SHARED_CUH

#ifndef SPT_EMULATED

#define SPT_SHARED(type, name, ...) __shared__ __align__(16) type name __VA_ARGS__
#define SPT_DYNAMIC_SHARED(type, name)                                                                                 \
    extern __shared__ __align__(128) unsigned char spt_dynamic_shared[];                                               \
    type *const name = reinterpret_cast<type *>(spt_dynamic_shared)

#else // an allocation of its own for each declaration in each block: an access past its end is seen

#define SPT_SHARED(type, name, ...)                                                                                    \
    typedef type spt_shared_##name __VA_ARGS__;                                                                        \
    static const char spt_site_##name = 0;                                                                             \
    spt_shared_##name &name =                                                                                          \
        *static_cast<spt_shared_##name *>(spt_emulated::shared(&spt_site_##name, sizeof(spt_shared_##name)))
#define SPT_DYNAMIC_SHARED(type, name) type *const name = static_cast<type *>(spt_emulated::dynamic_shared())

#endif
#endif
