/* The closed curve gamma_L(z) = (1 + sin(2 pi L z) / 2) (cos 2 pi z, sin 2 pi z) of [R19] sect. 4, a flower with L
 * petals for whole L and a circle for L = 0; z in [0, 1). */
#ifndef SPT_HOST_DATA_PETALS_H
#define SPT_HOST_DATA_PETALS_H

/** The point gamma_L(z) into point (2), rounded to float32. */
void spt_petals_point(double petals, double z, float *point);

#endif
