/* A ReLU network along a straight way from one input to another: piecewise linear, and found as such, corner by corner.
 *
 * x(u) = a + u (b - a), u in [0, 1]. Layer by layer: between the corners that are known each unit's pre-activation is
 * linear, so its values at the corners tell where it crosses zero; each crossing is a corner for the layers above. All
 * in float64, from the float32 weights. Blocks of corners go through the layers depth first, so memory is bounded by
 * the network's shape, however many corners there are.
 *
 * Rounding makes no corners. A pre-activation within rounding of zero is taken as zero: as much as 16 units in the last
 * place of the sum of its terms' sizes at the layer's largest input, which is looked for at nine points of the way. So
 * a unit whose terms cancel along a piece of the way stays at zero there. Crossings nearer than 4 units in the last
 * place of u = 1 to another corner are that corner.
 *
 * Cost: 2 P FLOP in float64 a corner for P weights; a way has about as many corners as units switch along it, so the
 * whole grows as depth^2 width^3 (science.md, probe 7; Hanin and Rolnick 2019 for the number). */
#ifndef SPT_HOST_CPU_SEGMENTS_H
#define SPT_HOST_CPU_SEGMENTS_H

#include "cpu/network.h"

/** float64 numbers that a walk wants as space. */
size_t spt_segments_numbers(const spt_model_spec *model);

/** Takes the next corner, u rising: f (outputs) there, borrowed for the call. */
typedef void (*spt_segments_sink)(void *user, double u, const double *f);

/** Walk from a to b (inputs each, float64), and give the sink every corner: u = 0 first, u = 1 last. f is linear
 *  between. space: spt_segments_numbers, the caller's. Returns the corners between the two ends: places where hidden
 * units switch on or off. (f itself has no bend there when what follows does not see the unit.) */
size_t spt_segments_walk(const spt_network *network, const float *parameters, const double *a, const double *b,
                         double *space, spt_segments_sink sink, void *user);

#endif
