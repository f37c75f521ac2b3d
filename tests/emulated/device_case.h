// What the tests of the emulated device share: cmocka for C++, arrays that go to the device and come back.
#ifndef SPT_TESTS_EMULATED_DEVICE_CASE_H
#define SPT_TESTS_EMULATED_DEVICE_CASE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <vector>

extern "C" {
#include <cmocka.h>
}

#include "emulated/control.h"

#define assert_done(call) assert_string_equal(cudaGetErrorName(call), "cudaSuccess")

/** An array on the device, for as long as it lives. */
template <typename T>
struct on_device {
    T *data = nullptr;
    size_t count;
    explicit on_device(size_t n) : count(n) { assert_done(cudaMalloc(&data, n * sizeof(T))); }
    explicit on_device(const std::vector<T> &from) : on_device(from.size()) {
        assert_done(cudaMemcpy(data, from.data(), count * sizeof(T), cudaMemcpyHostToDevice));
    }
    on_device(const on_device &) = delete;
    ~on_device() { cudaFree(data); }
    void read(void *out) const { assert_done(cudaMemcpy(out, data, count * sizeof(T), cudaMemcpyDeviceToHost)); }
    std::vector<T> read() const {
        std::vector<T> out(count);
        read(out.data());
        return out;
    }
};

/** n numbers of both signs, all different, exact in float32. */
inline std::vector<float> numbers(size_t n) {
    std::vector<float> x(n);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((i * 7919) % 2003) / 64.0f - 15.0f;
    return x;
}

#endif
