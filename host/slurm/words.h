/* Further options of sbatch: which may not be given, and which of them a merge is asked for with as well. */
#ifndef SPT_HOST_SLURM_WORDS_H
#define SPT_HOST_SLURM_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "spectrain/error.h"

/** Errors: SPT_EINVAL the first is no option, one is ours (--array, --job-name, --output, ...), or has a line break. */
spt_status spt_slurm_words_check(const char *const *words, size_t n, spt_error *err);

/** Whether they ask for GPUs in some way. */
bool spt_slurm_words_ask_for_gpus(const char *const *words, size_t n);

/** "#SBATCH WORD..." with all of them, or with those that say whose a job is, where it may run and for how long.
 * Nothing when there are none. */
void spt_slurm_words_put(FILE *script, const char *const *words, size_t n, bool of_merge);

/** A word as sbatch reads it in a script: in double quotes where it needs them. */
void spt_slurm_word_put(FILE *script, const char *word);

#endif
