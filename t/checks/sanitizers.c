/*
 * Linked into the nginx of "make test-sanitized": what sanitizers are told.
 *
 * By functions, since nginx clears the environment before an upgrade.
 * Reports go to files, without names: a symbolizer would be a child of
 * nginx's, with nginx's descriptors.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <sanitizer/lsan_interface.h>


const char *__asan_default_options(void);

static ngx_int_t  (*init_events)(ngx_cycle_t *cycle);


const char *
__asan_default_options(void)
{
    return "log_path=" REPORTS ":symbolize=0:strict_string_checks=1:"
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
