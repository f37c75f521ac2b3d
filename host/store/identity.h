/* What a journal is for, in words and as a fingerprint: a sweep is gone on with only when both are the same. */
#ifndef SPT_HOST_STORE_IDENTITY_H
#define SPT_HOST_STORE_IDENTITY_H

#include "spectrain/store.h"
#include "store/journal.h"

/** Lines "software_version: ...", "backend: ...", "device: ...", "precision: ...", "denormals: ...", for a shard
 * "shard:
 *  ...", then the config (malloc'd); NULL when memory is short. The device's line leaves out how many threads: they
 * change no bits. */
char *spt_identity_text(const spt_store_spec *spec);
/** The same for another version of the software. */
char *spt_identity_text_of(const spt_store_spec *spec, const char *software_version);

/** What the text of an identity says; config points into it. */
typedef struct spt_identity_parts {
    char software_version[32];
    size_t shard, shards; /* shards 0: the whole sweep */
    const char *config;
} spt_identity_parts;

/** Errors: SPT_ECORRUPT, named after `thing`: not such a text. */
spt_status spt_identity_read(const char *thing, const char *text, spt_identity_parts *parts, spt_error *err);

/** sha256 over the text and all sizes, schedules, networks and data shapes of the spec. Errors: SPT_ENOMEM. */
spt_status spt_identity_fingerprint(const spt_store_spec *spec, const char *text, unsigned char *fingerprint,
                                    spt_error *err);

/** Whether two devices are of one model: their names but for how many threads. */
bool spt_identity_same_device(const char *a, const char *b);

/** The first line in which two texts differ: in both from where it shows, and at most 160 characters; false: they are
 *  equal. */
bool spt_identity_difference(const char **kept, int *kept_length, const char **wanted, int *wanted_length);

/** SPT_EMISMATCH that names the first line in which two identities differ; thing is the file's name. With equal texts
 *  it says that sizes differ. */
spt_status spt_identity_differs(const char *thing, const char *kept, const char *wanted, spt_error *err);

#endif
