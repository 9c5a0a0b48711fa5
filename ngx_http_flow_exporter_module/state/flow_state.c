/*
 * nginx-flow-exporter-state: shows, checks, and changes the state files of an
 * exporter; this file is its command line.  Built from the module's core,
 * without nginx.
 */

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow_state.h"
#include "flow_text.h"
#include "flow_version.h"


#define FLOW_STATE_PROGRAM    "nginx-flow-exporter-state"
#define FLOW_STATE_DIRECTORY  "/var/lib/nginx-flow-exporter"
#define FLOW_STATE_NAME       "default"


typedef struct {
    const char  *words[2];       /* the second may be NULL */
    int          arguments;      /* that follow */
    int        (*run)(flow_state_t *state, char **arguments,
                      flow_error_t *error);
} flow_state_command_t;


static int flow_state_run(flow_state_t *state, int count, char **words,
    flow_error_t *error);
static int flow_state_run_show(flow_state_t *state, char **arguments,
    flow_error_t *error);
static int flow_state_run_verify(flow_state_t *state, char **arguments,
    flow_error_t *error);
static const flow_state_command_t *flow_state_find(int count, char **words);
static int flow_state_become_owner(const char *directory,
    flow_error_t *error);
static void flow_state_complain(const char *text);


static const char  flow_state_help[] =
    "usage: " FLOW_STATE_PROGRAM " [-d directory] [-n name] command ...\n"
    "\n"
    "Shows, checks, and changes what an exporter of nginx has counted.\n"
    "\n"
    "  -d directory  that of flow_exporter_state_path;\n"
    "                " FLOW_STATE_DIRECTORY " if it is not given\n"
    "  -n name       of the block flow_exporter, \"" FLOW_STATE_NAME
    "\" if it has none\n"
    "  -h, -V        this text, the version\n"
    "\n"
    "Beside a running nginx, too:\n"
    "\n"
    "  show [--json] [--by-bytes]\n"
    "      positions, files, offsets, counters, and the series, sorted by\n"
    "      AS numbers, or those with the most bytes first\n"
    "  verify\n"
    "      reads each file, and says whether it is sound\n"
    "\n"
    "With nginx stopped:\n"
    "\n"
    "  set-offset TOPIC PARTITION OFFSET\n"
    "      the next record to be counted: a later one leaves out those\n"
    "      before it, an earlier one counts them again\n"
    "  forget partition TOPIC PARTITION\n"
    "  forget topic TOPIC\n"
    "      the stored offset, or all of a topic: they begin as \"start\"\n"
    "      says; counters stay\n"
    "  forget hostname NAME\n"
    "      all series with this hostname\n"
    "  reset\n"
    "      removes all state files of the exporter: counting begins anew\n"
    "\n"
    "Ends with 0; 1 where it could not be done, or a file is not sound;\n"
    "2 where the command is wrong.  What is changed belongs to the owner of\n"
    "the directory.\n";

static const flow_state_command_t  flow_state_commands[] = {
    { { "show", NULL }, -1, flow_state_run_show },
    { { "verify", NULL }, 0, flow_state_run_verify },
    { { "set-offset", NULL }, 3, flow_state_set_offset },
    { { "forget", "topic" }, 1, flow_state_forget_topic },
    { { "forget", "partition" }, 2, flow_state_forget_partition },
    { { "forget", "hostname" }, 1, flow_state_forget_hostname },
    { { "reset", NULL }, 0, flow_state_reset }
};


int
main(int argc, char **argv)
{
    int           option, status;
    flow_error_t  error;
    flow_state_t  state = {
        .directory = FLOW_STATE_DIRECTORY,
        .name = FLOW_STATE_NAME
    };

    /* "+": options of a command come after it */

    while ((option = getopt(argc, argv, "+d:n:hV")) != -1) {

        switch (option) {

        case 'd':
            state.directory = optarg;
            break;

        case 'n':
            state.name = optarg;
            break;

        case 'h':
            (void) fputs(flow_state_help, stdout);
            return FLOW_STATE_DONE;

        case 'V':
            (void) puts(FLOW_STATE_PROGRAM " " FLOW_VERSION);
            return FLOW_STATE_DONE;

        default:
            return FLOW_STATE_USAGE;
        }
    }

    status = flow_state_run(&state, argc - optind, argv + optind, &error);

    if ((ferror(stdout) || fflush(stdout) != 0) && status == FLOW_STATE_DONE) {
        flow_error_set(&error, "writing failed (%d: %s)", errno,
                       strerror(errno));
        status = FLOW_STATE_FAILED;
    }

    if (status != FLOW_STATE_DONE) {
        flow_state_complain(error.text);
    }

    return status;
}


static int
flow_state_run(flow_state_t *state, int count, char **words,
    flow_error_t *error)
{
    int                          status;
    const flow_state_command_t  *command;

    command = flow_state_find(count, words);

    if (command == NULL) {
        flow_error_set(error, count == 0 ? "no command, see -h"
                                         : "no such command, see -h");
        return FLOW_STATE_USAGE;
    }

    if (flow_state_become_owner(state->directory, error) != FLOW_OK
        || flow_state_open(state, error) != FLOW_OK)
    {
        return FLOW_STATE_FAILED;
    }

    status = command->run(state, words + (command->words[1] == NULL ? 1 : 2),
                          error);
    flow_state_close(state);

    return status;
}


static int
flow_state_run_show(flow_state_t *state, char **arguments,
    flow_error_t *error)
{
    flow_state_show_t  show = { false, false };

    for ( /* void */ ; *arguments != NULL; arguments++) {

        if (strcmp(*arguments, "--json") == 0) {
            show.json = true;

        } else if (strcmp(*arguments, "--by-bytes") == 0) {
            show.by_bytes = true;

        } else {
            flow_error_set(error, "\"show\" has no \"%s\", see -h",
                           *arguments);
            return FLOW_STATE_USAGE;
        }
    }

    return flow_state_show(state, &show, error);
}


static int
flow_state_run_verify(flow_state_t *state, char **arguments,
    flow_error_t *error)
{
    (void) arguments;

    return flow_state_verify(state, error);
}


/* By its words and the number of its arguments. */

static const flow_state_command_t *
flow_state_find(int count, char **words)
{
    int                          used;
    size_t                       i;
    const flow_state_command_t  *command;

    for (i = 0;
         i < sizeof(flow_state_commands) / sizeof(flow_state_commands[0]);
         i++)
    {
        command = &flow_state_commands[i];
        used = command->words[1] == NULL ? 1 : 2;

        if (count >= used
            && strcmp(words[0], command->words[0]) == 0
            && (used == 1 || strcmp(words[1], command->words[1]) == 0)
            && (command->arguments == -1
                || count == used + command->arguments))
        {
            return command;
        }
    }

    return NULL;
}


/*
 * What root wrote, nginx's user could not read; and that user must not make
 * root write elsewhere by a link.
 */

static int
flow_state_become_owner(const char *directory, flow_error_t *error)
{
    struct stat  status;

    if (geteuid() != 0) {
        return FLOW_OK;
    }

    if (stat(directory, &status) == -1) {
        flow_error_set(error, "stat() \"%s\" failed (%d: %s)", directory,
                       errno, strerror(errno));
        return FLOW_ERROR;
    }

    if (status.st_uid != 0
        && (setgroups(0, NULL) == -1
            || setgid(status.st_gid) == -1
            || setuid(status.st_uid) == -1))
    {
        flow_error_set(error, "cannot become the owner of \"%s\" (%d: %s)",
                       directory, errno, strerror(errno));
        return FLOW_ERROR;
    }

    return FLOW_OK;
}


static void
flow_state_complain(const char *text)
{
    (void) fprintf(stderr, "%s: %s\n", FLOW_STATE_PROGRAM, text);
}
