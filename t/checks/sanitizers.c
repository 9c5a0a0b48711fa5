/*
 * Linked into the nginx of "make test-sanitized": what sanitizers are told.
 *
 * By functions, since nginx clears the environment before an upgrade.
 * Reports go to a file, without names: a symbolizer would be a child of
 * nginx's, with nginx's descriptors.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>


const char *__asan_default_options(void);

static ngx_int_t  (*init_events)(ngx_cycle_t *cycle);
static int          report;


const char *
__asan_default_options(void)
{
    return "symbolize=0:strict_string_checks=1:"
           "detect_stack_use_after_return=1:quarantine_size_mb=1";
}


/*
 * A run that only reads its configuration ("nginx -t", or a wrong one) leaves
 * all of it to its end.
 */

int
__lsan_is_turned_off(void)
{
    return ngx_process == NGX_PROCESS_SINGLE && ngx_event_flags == 0;
}


/*
 * nginx does not free the tables of connections and events that a process
 * has for its life, but loses their addresses before it calls exit().
 */

static ngx_int_t
init_events_unseen(ngx_cycle_t *cycle)
{
    ngx_int_t  rc;

    __lsan_disable();
    rc = init_events(cycle);
    __lsan_enable();

    return rc;
}


__attribute__((constructor))
static void
replace_init_events(void)
{
    init_events = ngx_event_core_module.init_process;
    ngx_event_core_module.init_process = init_events_unseen;
}


/*
 * Opened before anything else, since workers may be a user who cannot; and
 * each process has to say again that it goes there.
 */

static void
report_there(void)
{
    __sanitizer_set_report_fd((void *) (intptr_t) report);
}


__attribute__((constructor))
static void
open_report(void)
{
    report = open(REPORT, O_WRONLY|O_APPEND|O_CLOEXEC);

    if (report == -1 || pthread_atfork(NULL, NULL, report_there) != 0) {
        abort();
    }

    report_there();
}
