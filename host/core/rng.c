#include "spectrain/rng.h"

#include <math.h>

enum { PHILOX_ROUNDS = 10 };

spt_random_words spt_random(uint32_t seed, spt_stream stream, uint64_t substream, uint64_t index) {
    uint32_t key[2] = {seed, (uint32_t)stream};
    uint32_t c[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)substream, (uint32_t)(substream >> 32)};
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0];
        uint64_t p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t c1 = c[1], c3 = c[3];
        c[0] = (uint32_t)(p1 >> 32) ^ c1 ^ key[0];
        c[1] = (uint32_t)p1;
        c[2] = (uint32_t)(p0 >> 32) ^ c3 ^ key[1];
        c[3] = (uint32_t)p0;
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
    return (spt_random_words){{c[0], c[1], c[2], c[3]}};
}

double spt_random_unit(spt_random_words words, int half) {
    uint64_t high = words.word[2 * half], low = words.word[2 * half + 1];
    return (double)((high << 21) | (low >> 11)) * 0x1p-53;
}

void spt_random_uniform(uint32_t seed, spt_stream stream, uint64_t substream, uint64_t first, size_t count,
                        double *out) {
    for (size_t i = 0; i < count; i++) {
        uint64_t n = first + i;
        out[i] = spt_random_unit(spt_random(seed, stream, substream, n / 2), (int)(n % 2));
    }
}

void spt_random_normal(uint32_t seed, spt_stream stream, uint64_t substream, uint64_t first, size_t count,
                       double *out) {
    const double two_pi = 6.283185307179586476925286766559;
    for (size_t i = 0; i < count; i++) {
        uint64_t n = first + i;
        spt_random_words words = spt_random(seed, stream, substream, n / 2);
        double radius = sqrt(-2.0 * log(1.0 - spt_random_unit(words, 0))); /* 1 - u is in (0, 1] */
        double angle = two_pi * spt_random_unit(words, 1);
        out[i] = radius * (n % 2 == 0 ? cos(angle) : sin(angle));
    }
}

/* Least-significant-digit radix sort of (word << 32 | i) on the word's four bytes; i is in order already. */
static void sort_by_word(uint64_t *keys, uint64_t *other, size_t n) {
    for (unsigned shift = 32; shift < 64; shift += 8) {
        size_t start[257] = {0};
        for (size_t i = 0; i < n; i++)
            start[((keys[i] >> shift) & 255) + 1]++;
        for (int b = 0; b < 256; b++)
            start[b + 1] += start[b];
        for (size_t i = 0; i < n; i++)
            other[start[(keys[i] >> shift) & 255]++] = keys[i];
        uint64_t *swap = keys;
        keys = other;
        other = swap;
    }
}

void spt_random_permutation(uint32_t seed, spt_stream stream, uint64_t substream, size_t n, uint32_t *permutation,
                            uint64_t *scratch) {
    for (size_t i = 0; i < n; i += 4) {
        spt_random_words words = spt_random(seed, stream, substream, i / 4);
        for (size_t j = i; j < n && j < i + 4; j++)
            scratch[j] = (uint64_t)words.word[j - i] << 32 | j;
    }
    sort_by_word(scratch, scratch + n, n);
    for (size_t i = 0; i < n; i++)
        permutation[i] = (uint32_t)scratch[i];
}
