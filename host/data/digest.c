/* The hash that tells whether two files hold results of the same data. Bytes are little-endian on every machine. */
#include <openssl/evp.h>
#include <string.h>

#include "data/spec.h"

enum { BLOCK_WORDS = 4096, SHA256_BYTES = 32 };

static bool add_size(EVP_MD_CTX *context, size_t size) {
    unsigned char bytes[8];
    for (int b = 0; b < 8; b++)
        bytes[b] = (unsigned char)((uint64_t)size >> (8 * b));
    return EVP_DigestUpdate(context, bytes, sizeof bytes) == 1;
}

/* n words of 32 bits, int32 or float32. */
static bool add_words(EVP_MD_CTX *context, const void *words, size_t n) {
    unsigned char bytes[4 * BLOCK_WORDS];
    for (size_t at = 0; at < n; at += BLOCK_WORDS) {
        size_t count = n - at < BLOCK_WORDS ? n - at : BLOCK_WORDS;
        for (size_t i = 0; i < count; i++) {
            uint32_t word;
            memcpy(&word, (const unsigned char *)words + 4 * (at + i), sizeof word);
            for (int b = 0; b < 4; b++)
                bytes[4 * i + (size_t)b] = (unsigned char)(word >> (8 * b));
        }
        if (EVP_DigestUpdate(context, bytes, 4 * count) != 1)
            return false;
    }
    return true;
}

static bool add_split(EVP_MD_CTX *context, const spt_dataset *dataset, const spt_split *split) {
    if (!add_size(context, split->n) || !add_words(context, split->x, split->n * dataset->inputs))
        return false;
    if (dataset->classes > 0)
        return add_words(context, split->label, split->n) && add_words(context, split->label_true, split->n);
    size_t values = split->n * dataset->outputs;
    return add_words(context, split->target, values) && add_words(context, split->target_true, values);
}

spt_status spt_dataset_digest(const spt_dataset *dataset, char hex[65], spt_error *err) {
    unsigned char digest[SHA256_BYTES];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                add_size(context, dataset->inputs) && add_size(context, dataset->outputs) &&
                add_size(context, dataset->classes) && add_split(context, dataset, &dataset->train) &&
                add_split(context, dataset, &dataset->test) && EVP_DigestFinal_ex(context, digest, NULL) == 1;
    EVP_MD_CTX_free(context);
    if (!done)
        return spt_fail(err, SPT_ENOMEM, "data: SHA-256 could not be computed");
    for (size_t i = 0; i < SHA256_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return SPT_OK;
}
