/* Errors are values: a status, and one line of words for the person who has to mend it.
 *
 * Every function that can fail returns spt_status and takes an spt_error as its last argument. The library never
 * prints and never exits. A message names the thing first, then what was found, then what was expected. */
#ifndef SPECTRAIN_ERROR_H
#define SPECTRAIN_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum spt_status {
    SPT_OK = 0,
    SPT_EINVAL,       /* an argument or a setting is outside what is allowed */
    SPT_ECONFIG,      /* the configuration is wrong: message names file, line and key */
    SPT_EDATA,        /* a data file is missing, damaged, or not what it claims to be */
    SPT_EIO,          /* reading or writing failed: message carries the system's reason */
    SPT_ENOMEM,       /* memory, on the host or on a device, ran out */
    SPT_EEXIST,       /* the output is there already, or another process is writing it */
    SPT_EMISMATCH,    /* a file to resume or merge belongs to another configuration */
    SPT_ECORRUPT,     /* a file of ours is damaged */
    SPT_EINTERRUPTED, /* stopped on request; everything up to here is safe */
    SPT_EDEVICE       /* no such device, or the device failed */
} spt_status;

enum { SPT_ERROR_CAPACITY = 1024 };

/** The caller's; zero-initialise it. message is one line, NUL-terminated, cut at SPT_ERROR_CAPACITY - 1 bytes. */
typedef struct spt_error {
    spt_status status;
    char message[SPT_ERROR_CAPACITY];
} spt_error;

/** Fill err (may be NULL) and return status, so that a failing line reads `return spt_fail(err, SPT_EDATA, ...)`. */
spt_status spt_fail(spt_error *err, spt_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/** A short English name of the status ("bad configuration", ...); static storage. */
const char *spt_status_name(spt_status status);

#ifdef __cplusplus
}
#endif
#endif
