/* Signals that ask a sweep to stop, so that it can save what it has: SIGINT, SIGTERM and SIGUSR1 (what a batch system
 * sends before its time limit). */
#ifndef SPT_HOST_CLI_STOP_H
#define SPT_HOST_CLI_STOP_H

#include <signal.h>

/** Ignore SIGPIPE (a reader of our output that leaves must not end a sweep) and SIGXFSZ (a limit on the size of files
 * is then an error of write). */
void spt_stop_ignore_output_signals(void);

/** Catch the three from now on. A second SIGINT kills at once: after the first its default is back. The returned flag,
 *  static, becomes non-zero when a signal has come. */
const volatile sig_atomic_t *spt_stop_catch(void);

#endif
