// A product of matrices, outputs times basis, by the engine of dense layers (gemm.cuh).
//
// Map:    a block of 128 threads a tile of 32 outputs x 64 vectors, a thread 4 x 4 of it. The outputs of all networks
//         follow each other.
// Shared: the engine's slabs, 19,968 bytes.
// Bound:  2 rows vectors FLOP an output; the basis is read once for every 32 outputs: 16 FLOP a byte of L2. Small
//         beside the outputs themselves: 2,000 vectors are the FLOPs of a layer of as many weights.
#include "basis.cuh"

#include "gemm.cuh"
#include "launch.cuh"
#include "shared.cuh"

typedef spt_shape<32, 64, 16, 3, 2, 2, 4, 4> shape;
enum { SLICE = 128 }; // terms of a float32 chain

typedef struct basis_product {
    const float *f, *basis;
    double *product;
    uint32_t n, vectors, rows, row_tiles;
} basis_product;

static __global__ void __launch_bounds__(shape::THREADS) basis_multiply(const basis_product p) {
    SPT_SHARED(float, shared, [shape::SHARED]);
    const uint32_t row = blockIdx.x % p.row_tiles * shape::ROWS, column = blockIdx.x / p.row_tiles * shape::COLUMNS;
    const spt_operand f = {p.f + (uint64_t)row * p.rows, p.rows, p.n - row};
    const spt_operand basis = {p.basis + (uint64_t)column * p.rows, p.rows, p.vectors - column};
    double total[shape::TM][shape::TN] = {};
    spt_row_sum none = {0.0f, 0.0f};
    for (uint32_t first = 0; first < p.rows; first += SLICE) {
        const uint32_t end = p.rows - first < SLICE ? p.rows : first + SLICE;
        float sum[shape::TM][shape::TN] = {};
        spt_tile_sum<shape, true, true>(shared, f, basis, first, end, sum, false, none);
#pragma unroll
        for (int i = 0; i < shape::TM; i++)
#pragma unroll
            for (int j = 0; j < shape::TN; j++)
                total[i][j] += sum[i][j];
    }
#pragma unroll
    for (int i = 0; i < shape::TM; i++)
#pragma unroll
        for (int j = 0; j < shape::TN; j++) {
            const uint32_t r = row + spt_tile_row<shape>(i);
            const uint32_t c = column + spt_tile_column<shape>(j / shape::VECTOR) + j % shape::VECTOR;
            if (r < p.n && c < p.vectors)
                p.product[(uint64_t)r * p.vectors + c] = total[i][j];
        }
}

cudaError_t spt_basis_products(const float *f, size_t n, const float *basis, size_t vectors, size_t rows,
                               double *product, cudaStream_t stream) {
    const unsigned row_tiles = spt_blocks(n, shape::ROWS), column_tiles = spt_blocks(vectors, shape::COLUMNS);
    const basis_product p = {f, basis, product, (uint32_t)n, (uint32_t)vectors, (uint32_t)rows, row_tiles};
    return spt_launch(basis_multiply, row_tiles * column_tiles, shape::THREADS, 0, stream, p);
}
