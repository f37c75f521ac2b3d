#include "data/petals.h"

#include <math.h>

void spt_petals_point(double petals, double z, float *point) {
    const double two_pi = 6.283185307179586476925286766559;
    double radius = 1 + 0.5 * sin(two_pi * fmod(petals * z, 1.0));
    point[0] = (float)(radius * cos(two_pi * z));
    point[1] = (float)(radius * sin(two_pi * z));
}
