/* Records: this backend computes in the calling thread, so that a record is there when it has begun. Twin of
 * kernels/record.cu. */
#include "cpu/group.h"

spt_status spt_cpu_record_begin(spt_group *group, const spt_record *record, spt_error *err) {
    if (group->recording)
        return spt_fail(err, SPT_EINVAL, "record: one is under way, and must be waited for first");
    spt_status status = SPT_OK;
    if (record->train != NULL)
        status = spt_cpu_evaluate(group, SPT_SPLIT_TRAIN, record->train, err);
    if (status == SPT_OK && record->test != NULL)
        status = spt_cpu_evaluate(group, SPT_SPLIT_TEST, record->test, err);
    if (status == SPT_OK && record->norms != NULL)
        status = spt_cpu_spectral_norms(group, record->stride, record->norms, err);
    for (size_t p = 0; p < group->spec.n_probes && status == SPT_OK && record->energy != NULL; p++)
        if (record->energy[p] != NULL)
            status = spt_cpu_probe(group, p, record->energy[p], err);
    group->recording = status == SPT_OK;
    return status;
}

spt_status spt_cpu_record_wait(spt_group *group, spt_error *err) {
    if (!group->recording)
        return spt_fail(err, SPT_EINVAL, "record: none is under way");
    group->recording = false;
    return SPT_OK;
}
