/* The command line: finds the command, tells its errors, and turns its status into an exit code. */
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "spectrain/spectrain.h"

/* One a line. */
static const spt_command *const COMMANDS[] = {
    &spt_command_run,     //
    &spt_command_plan,    //
    &spt_command_submit,  //
    &spt_command_merge,   //
    &spt_command_info,    //
    &spt_command_probe,   //
    &spt_command_monitor, //
    &spt_command_bench,   //
    &spt_command_devices, //
    NULL,
};

/* A closed stream would give its number to the next file that is opened, and messages would be written there. */
static void keep_standard_streams_open(void) {
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
        if (fcntl(stream, F_GETFD) == -1 && errno == EBADF && open("/dev/null", O_RDWR) != stream)
            abort(); /* nothing can be told, and going on would write into files */
}

/* How this program uses HDF5, before its first call.
 *
 * A file under its own name is never written to, so reading takes no lock: some file systems have none, and HDF5 would
 * read views of shards there as missing values, without a word. Whoever sets the variable has their way.
 *
 * Nothing of ours is open at the exit. What HDF5 itself lost track of in a damaged file is not worth its complaints on
 * stderr ("infinite loop closing library"). */
static void set_up_hdf5(void) {
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
    H5dont_atexit();
}

static int exit_code(spt_status status) {
    switch (status) {
    case SPT_OK:
        return SPT_EXIT_DONE;
    case SPT_EINVAL:
    case SPT_ECONFIG:
        return SPT_EXIT_USAGE;
    case SPT_EINTERRUPTED:
        return SPT_EXIT_INTERRUPTED;
    default:
        return SPT_EXIT_FAILED;
    }
}

static const spt_command *find_command(const char *name) {
    for (size_t i = 0; COMMANDS[i] != NULL; i++)
        if (strcmp(COMMANDS[i]->name, name) == 0)
            return COMMANDS[i];
    return NULL;
}

static spt_status unknown(const char *what, const char *name, spt_error *err) {
    char known[256] = "";
    for (size_t i = 0, end = 0; COMMANDS[i] != NULL && end < sizeof known; i++)
        end += (size_t)snprintf(known + end, sizeof known - end, "%s, ", COMMANDS[i]->name);
    return spt_fail(err, SPT_EINVAL, "%s%s; known: %shelp, --help, --version", what, name, known);
}

static void print_overview(void) {
    printf("spectrain %s: trains sweeps of ReLU networks and measures, while they train, the Fourier spectrum of\n"
           "the functions that they compute.\n\n",
           spt_version());
    for (size_t i = 0; COMMANDS[i] != NULL; i++)
        printf("  spectrain %-8s %s\n", COMMANDS[i]->name, COMMANDS[i]->purpose);
    printf("  spectrain %-8s %s\n\n"
           "spectrain help COMMAND tells more of each; spectrain --version tells the version.\n"
           "Exit codes: 0 done; 1 failed; 2 bad usage or config; 75 interrupted, run with --resume to go on.\n",
           "help", "this text, or that of a command");
}

static void print_manual(const spt_command *command) {
    printf("usage: spectrain %s %s\n\n%s\n\n%s", command->name, command->synopsis, command->purpose, command->manual);
}

static spt_status help(int argc, char **argv, spt_error *err) {
    if (argc > 2)
        return spt_fail(err, SPT_EINVAL, "help: unexpected argument \"%s\"; usage: spectrain help [COMMAND]", argv[2]);
    if (argc == 1 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_overview();
        return SPT_OK;
    }
    const spt_command *command = find_command(argv[1]);
    if (command == NULL)
        return unknown("unknown command ", argv[1], err);
    print_manual(command);
    return SPT_OK;
}

static spt_status dispatch(const char *program, int argc, char **argv, spt_error *err) {
    if (argc == 0)
        return unknown("no command", "", err);
    if (strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)
        return help(argc, argv, err);
    if (strcmp(argv[0], "--version") == 0) {
        if (argc > 1)
            return spt_fail(err, SPT_EINVAL, "--version: unexpected argument \"%s\"", argv[1]);
        printf("spectrain %s\n", spt_version());
        return SPT_OK;
    }
    const spt_command *command = find_command(argv[0]);
    if (command == NULL)
        return unknown(argv[0][0] == '-' ? "unknown option " : "unknown command ", argv[0], err);

    spt_options options;
    spt_status status = spt_options_read(command, program, argc, argv, &options, err);
    if (status == SPT_OK && options.help)
        print_manual(command);
    else if (status == SPT_OK)
        status = command->run(&options, err);
    spt_options_free(&options);
    return status;
}

int main(int argc, char **argv) {
    keep_standard_streams_open();
    set_up_hdf5();
    spt_error err = {.status = SPT_OK};
    const char *program = argc > 0 ? argv[0] : "spectrain";
    spt_status status = dispatch(program, argc > 0 ? argc - 1 : 0, argv + 1, &err);
    bool flushed = fflush(stdout) == 0;
    if (status == SPT_OK && (!flushed || ferror(stdout)))
        status = spt_fail(&err, SPT_EIO, "standard output: %s", flushed ? "a write failed" : strerror(errno));
    if (status != SPT_OK && err.message[0] != '\0')
        fprintf(stderr, "spectrain: %s\n", err.message);
    return exit_code(status);
}
