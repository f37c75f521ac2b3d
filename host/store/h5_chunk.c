/* How arrays are cut into chunks, and what those take in a file. */
#include "store/h5.h"

enum {
    WHOLE_BYTES = 64 << 10, /* arrays up to this are one chunk */
    LEAD_BYTES = 16 << 10,  /* slices that are read one by one, but are smaller, share a chunk up to this */
    CHUNK_BYTES = 1 << 20   /* HDF5's chunk cache: larger chunks would be read anew for every access */
};

static uint64_t product(size_t rank, const hsize_t *dims, uint64_t bytes) {
    for (size_t i = 0; i < rank; i++)
        bytes *= dims[i];
    return bytes;
}

void spt_h5_chunk(size_t rank, const hsize_t *dims, size_t element_bytes, size_t lead, hsize_t *chunk) {
    for (size_t i = 0; i < rank; i++)
        chunk[i] = dims[i];
    if (product(rank, dims, element_bytes) <= WHOLE_BYTES)
        return;
    for (size_t i = 0; i < rank; i++) {
        uint64_t limit = i < lead ? LEAD_BYTES : CHUNK_BYTES;
        uint64_t slice = product(rank - i - 1, dims + i + 1, element_bytes); /* chunk[0 .. i-1] are 1 from here on */
        uint64_t most = limit / slice > 0 ? limit / slice : 1;
        if (most >= dims[i])
            return;
        /* Chunks of equal size: the last one is stored in full even where it hangs over the edge. */
        uint64_t parts = (dims[i] + most - 1) / most;
        chunk[i] = (dims[i] + parts - 1) / parts;
        if (chunk[i] > 1)
            return;
    }
}

uint64_t spt_h5_storage(size_t rank, const hsize_t *dims, size_t element_bytes, size_t lead) {
    hsize_t chunk[SPT_H5_RANK];
    spt_h5_chunk(rank, dims, element_bytes, lead, chunk);
    uint64_t chunks = 1, bytes = product(rank, chunk, element_bytes) + 4; /* Fletcher-32 */
    for (size_t i = 0; i < rank; i++)
        chunks *= (dims[i] + chunk[i] - 1) / chunk[i];
    if (chunks == 1)
        return bytes; /* its place is in the array's header */
    /* A fixed array: header, block, and an address, a size and a filter mask for each chunk; pages of 1,024. */
    uint64_t size_bytes = 1;
    for (uint64_t b = bytes; b > 0; b >>= 8)
        size_bytes++;
    uint64_t index = 28 + 18 + chunks * (12 + size_bytes) + (chunks > 1024 ? chunks / 1024 * 4 + chunks / 8192 : 0);
    return chunks * bytes + index;
}
