/* spectrain devices: what this build can train on, here. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/text.h"
#include "spectrain/backend.h"

static spt_status print_device(const spt_backend *backend, int number, spt_error *err) {
    spt_device_options device_options = {.device = number};
    spt_device *device = NULL;
    spt_status status = backend->open(&device_options, &device, err);
    if (status != SPT_OK)
        return status;
    spt_device_info info;
    backend->describe(device, &info);
    printf("%s %d: %s; ", backend->name, number, info.name);
    if (info.capability > 0)
        printf("compute capability %d.%d; ", info.capability / 10, info.capability % 10);
    printf("%s, denormals %s; %s of memory, %s free\n", info.precision, info.denormals, spt_text_bytes(info.memory).s,
           spt_text_bytes(info.memory_free).s);
    backend->close(device);
    return SPT_OK;
}

/* Why there is no device: in the words of the backend, which begin with its name. */
static void print_reason(const spt_backend *backend) {
    spt_device *device = NULL;
    spt_error reason = {0};
    const size_t length = strlen(backend->name);
    bool told = backend->open(NULL, &device, &reason) != SPT_OK && strncmp(reason.message, backend->name, length) == 0;
    printf("%s: no device%s\n", backend->name, told ? reason.message + length : "");
    backend->close(device);
}

static spt_status devices(const spt_options *options, spt_error *err) {
    (void)options;
    const spt_backend *const *backends = spt_backends();
    for (size_t b = 0; backends[b] != NULL; b++) {
        size_t count = backends[b]->count();
        if (count == 0)
            print_reason(backends[b]);
        for (size_t d = 0; d < count; d++) {
            spt_status status = print_device(backends[b], (int)d, err);
            if (status != SPT_OK)
                return status;
        }
    }
    return SPT_OK;
}

const spt_command spt_command_devices = {
    .name = "devices",
    .operand = NULL,
    .synopsis = "",
    .purpose = "list the devices that sweeps can run on",
    .manual = "One line for each: backend and number, as run's --backend and --device take them, then what it is, its\n"
              "compute capability (cuda), how it computes, and its memory. Of a backend without a device: why.\n",
    .options = 0,
    .run = devices,
};
