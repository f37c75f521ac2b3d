/* The monitor's records out of the journal of a sweep, while another process writes it. The file is opened for reading
 * alone and is not locked; an entry counts when its checksums hold, as for the writer when it goes on. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "monitor/records.h"
#include "spectrain/monitor.h"
#include "spectrain/spectrain.h"
#include "store/dataset_stream.h"
#include "store/identity.h"
#include "store/journal.h"

/* What a visit to the journal's entries needs. */
typedef struct reading {
    spt_journal *journal;
    spt_follower *follower;
    spt_records *records;
    const char *probe; /* wanted; NULL: any that will do */
    void *entry;       /* (capacity) a record, with its header */
    size_t capacity;
} reading;

void spt_follower_free(spt_follower *follower) {
    free(follower->dataset.pieces);
    *follower = (spt_follower){0};
}

static spt_status of_another_sweep(const spt_journal *journal, spt_error *err) {
    return spt_fail(err, SPT_ECORRUPT, "%s: holds an entry that does not belong to its sweep", journal->path);
}

static const char *setting_of(const spt_probe *probe, const char *key) {
    for (size_t i = 0; i < probe->n_attributes; i++)
        if (strcmp(probe->attributes[i].key, key) == 0)
            return probe->attributes[i].text;
    return NULL;
}

static size_t energies_of(const spt_probe *probe) {
    size_t size = 1;
    for (size_t d = 0; d < probe->n_dims; d++)
        size *= probe->dims[d].size;
    return size;
}

/* Where in a record the energies of the probe lie: the head of the data set tells of all probes. */
static spt_status find_probe(reading *r, spt_error *err) {
    spt_follower *f = r->follower;
    const spt_catalog catalog = {.datasets = &f->dataset};
    spt_kept_dataset kept;
    if (!f->dataset.whole)
        return of_another_sweep(r->journal, err); /* it is put before the first record */
    spt_status status = spt_kept_open(r->journal, &catalog, 0, &kept, err);
    for (size_t p = 0; status == SPT_OK && p < kept.n_probes; p++) {
        const spt_probe *probe = &kept.probes[p];
        bool taken, will_do = probe->n_dims == 1 && spt_records_takes(probe->kind, setting_of(probe, "split"));
        spt_records_offer(r->records, r->probe, probe->name, will_do, &taken);
        if (taken) {
            f->energy_first = f->energies;
            f->energy_size = energies_of(probe);
        }
        f->energies += energies_of(probe);
    }
    f->probes_known = status == SPT_OK;
    spt_kept_close(&kept);
    return status;
}

static spt_status reserve(reading *r, size_t payload_bytes, spt_error *err) {
    if (payload_bytes <= r->capacity && r->entry != NULL)
        return SPT_OK;
    void *larger = realloc(r->entry, spt_entry_bytes(payload_bytes));
    if (larger == NULL)
        return spt_fail(err, SPT_ENOMEM, "%s: no memory for %zu bytes", r->journal->path, payload_bytes);
    r->entry = larger;
    r->capacity = payload_bytes;
    return SPT_OK;
}

/* pack.h: metric[SPT_METRIC_COUNT], norm[layers], energies. */
static void take_record(reading *r, const spt_entry_header *header, size_t floats) {
    const spt_follower *f = r->follower;
    const float *value = (const float *)(const void *)((const char *)r->entry + spt_entry_bytes(0));
    size_t run = (size_t)header->run, i = (size_t)header->index;
    for (int s = 0; s < SPT_SERIES_COUNT; s++)
        if (s != SPT_SERIES_SHARE)
            spt_records_of(r->records, (spt_series)s, run)[i] = (double)value[spt_series_metric((spt_series)s)];
    if (f->energy_size > 0)
        spt_records_of(r->records, SPT_SERIES_SHARE, run)[i] =
            spt_high_share(value + floats - f->energies + f->energy_first, f->energy_size);
    if (i >= r->records->recorded[run])
        r->records->recorded[run] = i + 1;
}

static spt_status visit_record(reading *r, const spt_entry *entry, spt_error *err) {
    const spt_entry_header *header = &entry->header;
    spt_status status = r->follower->probes_known ? SPT_OK : find_probe(r, err);
    if (status != SPT_OK)
        return status;
    size_t bytes = (size_t)header->payload_bytes, floats = bytes / sizeof(float);
    if (header->run >= r->records->n_runs || header->index >= r->records->n_records ||
        floats < SPT_METRIC_COUNT + r->follower->energies)
        return of_another_sweep(r->journal, err);
    status = reserve(r, bytes, err);
    if (status == SPT_OK)
        status = spt_journal_read(r->journal, entry->offset, SPT_ENTRY_RECORD, header->run, header->index, r->entry,
                                  r->capacity, &bytes, err);
    if (status == SPT_OK)
        take_record(r, header, floats);
    return status;
}

static spt_status visit(const spt_entry *entry, void *user, spt_error *err) {
    reading *r = user;
    bool fits;
    switch (entry->header.kind) {
    case SPT_ENTRY_DATASET:
    case SPT_ENTRY_DATASET_END:
        if (entry->header.run == 0) /* all have the same probes */
            return spt_catalog_dataset_add(&r->follower->dataset, entry, &fits, err);
        break;
    case SPT_ENTRY_RECORD:
        return visit_record(r, entry, err);
    case SPT_ENTRY_DIVERGED:
        if (entry->header.run >= r->records->n_runs)
            return of_another_sweep(r->journal, err);
        r->records->diverged[entry->header.run] = true;
        break;
    }
    return SPT_OK;
}

/* Records and a follower for the sweep that the identity tells of. */
static spt_status begin(const char *folder, const char *identity, spt_follower *follower, spt_records *records,
                        spt_error *err) {
    spt_identity_parts parts;
    spt_records_free(records);
    spt_follower_free(follower);
    spt_status status = spt_identity_read(folder, identity, &parts, err);
    if (status == SPT_OK && strcmp(parts.software_version, spt_version()) != 0)
        status = spt_fail(err, SPT_EMISMATCH, "%s: is being written by spectrain %s; this is %s", folder,
                          parts.software_version, spt_version());
    if (status == SPT_OK)
        status = spt_records_make(folder, parts.config, parts.shard, parts.shards, records, err);
    follower->begun = status == SPT_OK;
    return status;
}

/* Shorter than what was read: the disk lost the end of it, and another goes on from there. */
static bool is_cut(const spt_journal *journal, uint64_t end) {
    struct stat facts;
    return fstat(journal->fd, &facts) == 0 && (uint64_t)facts.st_size < end;
}

spt_status spt_records_from_journal(const char *folder, const char *probe, spt_follower *follower, spt_records *records,
                                    bool *there, spt_error *err) {
    spt_journal journal;
    char *identity = NULL;
    spt_status status = spt_journal_open_to_read(&journal, folder, there, &identity, err);
    if (status != SPT_OK || !*there)
        return status;
    if (!follower->begun || follower->id != journal.id || is_cut(&journal, follower->end)) {
        status = begin(folder, identity, follower, records, err);
        follower->id = journal.id;
    } else
        journal.end = follower->end;
    reading r = {.journal = &journal, .follower = follower, .records = records, .probe = probe};
    if (status == SPT_OK)
        status = spt_journal_visit_new(&journal, visit, &r, err);
    follower->end = journal.end;
    free(r.entry);
    free(identity);
    spt_journal_close(&journal);
    return status;
}
