#include "cpu/perturb.h"

#include <math.h>
#include <string.h>

#include "spectrain/rng.h"

static const double TWO_PI = 6.283185307179586476925286766559;

static void box_muller(uint32_t word, uint32_t next, float *z) {
    const double u = (double)fmaf((float)word, 0x1p-32f, 0x1p-33f); /* in (0, 1] */
    const double angle = TWO_PI * (double)(next >> 8) * 0x1p-24;
    const double radius = sqrt(-2.0 * log(u));
    z[0] = (float)(radius * cos(angle));
    z[1] = (float)(radius * sin(angle));
}

/* Elements first .. first + count - 1 of the block; first is a multiple of 4. Returns the sum of squares. */
static double fill(uint32_t seed, uint64_t direction, size_t first, size_t count, float *z) {
    double square = 0.0;
    for (size_t i = 0; i < count; i += 4) {
        spt_random_words words = spt_random(seed, SPT_STREAM_PERTURBATION, direction, (first + i) / 4);
        float four[4];
        box_muller(words.word[0], words.word[1], four);
        box_muller(words.word[2], words.word[3], four + 2);
        for (size_t j = 0; j < 4 && i + j < count; j++) {
            z[first + i + j] = four[j];
            square += (double)four[j] * (double)four[j];
        }
    }
    return square;
}

double spt_perturb_normals(const spt_model_spec *model, size_t block, uint32_t seed, uint64_t direction, float *z) {
    double square = 0.0;
    memset(z, 0, block * sizeof *z);
    for (size_t l = 0; l <= model->hidden_layers; l++) {
        const spt_layer layer = spt_model_layer(model, l);
        square += fill(seed, direction, layer.weight_offset, layer.fan_out * layer.fan_in, z);
        square += fill(seed, direction, layer.bias_offset, layer.fan_out, z);
    }
    return sqrt(square);
}

void spt_perturb(const float *restrict parameters, size_t block, const float *restrict z, double length, float radius,
                 float *restrict perturbed) {
    const float factor = (float)((double)radius / length);
    for (size_t i = 0; i < block; i++)
        perturbed[i] = fmaf(factor, z[i], parameters[i]);
}
