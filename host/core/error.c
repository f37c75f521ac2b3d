#include "spectrain/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "spectrain/spectrain.h"

spt_status spt_fail(spt_error *err, spt_status status, const char *format, ...) {
    if (err != NULL) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(err->message, sizeof err->message, format, arguments);
        va_end(arguments);
        /* One line, whatever a path or a YAML scalar had in it. */
        for (char *c = err->message; *c != '\0'; c++)
            if (*c == '\n' || *c == '\r')
                *c = ' ';
        err->status = status;
    }
    return status;
}

const char *spt_status_name(spt_status status) {
    switch (status) {
    case SPT_OK:
        return "ok";
    case SPT_EINVAL:
        return "invalid argument";
    case SPT_ECONFIG:
        return "bad configuration";
    case SPT_EDATA:
        return "bad data";
    case SPT_EIO:
        return "input or output failed";
    case SPT_ENOMEM:
        return "out of memory";
    case SPT_EEXIST:
        return "exists already";
    case SPT_EMISMATCH:
        return "does not belong together";
    case SPT_ECORRUPT:
        return "damaged file";
    case SPT_EINTERRUPTED:
        return "interrupted";
    case SPT_EDEVICE:
        return "device failed";
    }
    return "unknown status";
}

const char *spt_version(void) {
    return SPT_VERSION_TEXT;
}
