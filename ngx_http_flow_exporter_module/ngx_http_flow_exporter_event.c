/*
 * What the dedicated process needs of nginx's event loop.
 */

#include "ngx_http_flow_exporter_process.h"


void
ngx_http_flow_exporter_init_event(ngx_http_flow_exporter_process_t *fep,
    ngx_event_t *ev, ngx_event_handler_pt handler)
{
    ev->data = fep;
    ev->log = fep->log;
    ev->handler = handler;
    ev->cancelable = 1;
}


void
ngx_http_flow_exporter_init_watch(ngx_http_flow_exporter_process_t *fep,
    ngx_http_flow_exporter_watch_t *watch, ngx_event_handler_pt handler)
{
    watch->process = fep;
    watch->connection.fd = (ngx_socket_t) -1;

    ngx_http_flow_exporter_init_event(fep, &watch->read, handler);
    ngx_http_flow_exporter_init_event(fep, &watch->write, NULL);

    watch->read.data = watch;
    watch->write.data = watch;

    /* their place among those of poll or select */

    watch->read.index = NGX_INVALID_INDEX;
    watch->write.index = NGX_INVALID_INDEX;
}


/*
 * The connection is our own: those of the cycle are not there any more after
 * a reload in single process mode.
 */

ngx_int_t
ngx_http_flow_exporter_watch(ngx_http_flow_exporter_watch_t *watch,
    int descriptor)
{
    ngx_int_t          event;
    ngx_connection_t  *c;

    c = &watch->connection;

    c->fd = descriptor;
    c->read = &watch->read;
    c->write = &watch->write;
    c->log = watch->process->log;

    watch->write.write = 1;

    if (ngx_cycle->files != NULL && (ngx_uint_t) c->fd < ngx_cycle->files_n) {
        ngx_cycle->files[c->fd] = c;
    }

    event = (ngx_event_flags & NGX_USE_CLEAR_EVENT) ? NGX_CLEAR_EVENT
                                                    : NGX_LEVEL_EVENT;

    return ngx_add_event(&watch->read, NGX_READ_EVENT, event);
}


void
ngx_http_flow_exporter_unwatch(ngx_http_flow_exporter_watch_t *watch)
{
    if (watch->read.posted) {
        ngx_delete_posted_event(&watch->read);
    }

    if (watch->read.active) {
        ngx_del_event(&watch->read, NGX_READ_EVENT, 0);
    }

    watch->connection.fd = (ngx_socket_t) -1;
}


uint64_t
ngx_http_flow_exporter_clock(void)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_MONOTONIC, &now);

    return (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
}
