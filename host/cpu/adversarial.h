/* Directions in which a network changes its mind: the gradient at x of the loss that it would have if the class that it
 * predicts there were the label, scaled to length 1 (science.md, probe 4; Zhang, Xiong and Wu 2021). They differ from
 * run to run and from record to record, so they are made as lines are evaluated, and not kept. */
#ifndef SPT_HOST_CPU_ADVERSARIAL_H
#define SPT_HOST_CPU_ADVERSARIAL_H

#include "cpu/probe.h"

/** What the directions of `lines` lines at a time need, added to needs. */
void spt_adversarial_add_needs(const spt_probe *probe, const spt_run *run, size_t lines, spt_probe_needs *needs);

/** Directions of lines first .. first + count - 1 for the parameters that are evaluated, into space->direction (count,
 *  inputs). The probe's own direction where the gradient is zero. Lines go through the network in batches counted from
 *  `first`, so the bits depend on first and count, and on nothing else. */
void spt_adversarial_directions(const spt_probe *probe, const spt_group *group, size_t run, size_t first, size_t count,
                                spt_eval_space *space);

/** The probe as it is for this run, lines first .. first + count - 1 being lines 0 .. of the result: borrowed from the
 *  probe and the space. A probe whose directions are given stays as it is, but for where it begins. */
spt_probe spt_probe_lines(const spt_probe *probe, const spt_group *group, size_t run, size_t first, size_t count,
                          spt_eval_space *space);

#endif
