/*
 * Content handler of "flow_exporter_metrics": a scrape.  The glue of step 6,
 * in the workers: buffers are filled by the renderer, go out through the
 * output filters, and are filled again, one a turn of the event loop:
 *
 *     handler: header
 *         |
 *     write handler <----------------------------------------+
 *         | fill a free buffer, output filter                |
 *         +--> all rendered: nginx sends the rest            |
 *         +--> a buffer is free: next turn of the loop ------+
 *         +--> none is: the client's next write event -------+
 *         +--> an earlier part of the reply is not out yet:
 *              nginx's postpone filter wakes us -------------+
 *
 * Counters are shown only where the zone is the one to be shown when the
 * first of them is read and still when the last one is: while another process
 * loads it, or another zone has taken its place, they could be lower than
 * what was shown before.  A reply that lost its right half-way is not ended.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_flow_exporter_module.h"
#include "core/flow_render.h"


/* Memory of a scrape, whatever the number of series. */

#define NGX_HTTP_FLOW_EXPORTER_BUFFERS      2
#define NGX_HTTP_FLOW_EXPORTER_BUFFER_SIZE  (64 * 1024)

/* No scrape looks at the zone for longer, milliseconds. */

#define NGX_HTTP_FLOW_EXPORTER_SCRAPE_MAX   120000


typedef struct {
    ngx_http_flow_exporter_t  *exporter;
    flow_zone_t               *zone;
    flow_render_t              render;
    uint32_t                   load;       /* of the zone, at the start */
    ngx_chain_t               *free;
    ngx_chain_t               *busy;
    volatile ngx_cycle_t      *cycle;      /* that the zone belongs to */
    ngx_msec_t                 deadline;
    unsigned                   started:1;  /* its turn has come */
    unsigned                   complete:1; /* all is rendered */
} ngx_http_flow_exporter_ctx_t;


static ngx_int_t ngx_http_flow_exporter_metrics_header(ngx_http_request_t *r);
static ngx_int_t ngx_http_flow_exporter_metrics_body(ngx_http_request_t *r,
    ngx_http_flow_exporter_t *exporter, flow_zone_t *zone);
static ngx_http_flow_exporter_ctx_t *ngx_http_flow_exporter_metrics_create(
    ngx_http_request_t *r, ngx_http_flow_exporter_t *exporter,
    flow_zone_t *zone);
static void ngx_http_flow_exporter_metrics_write_handler(
    ngx_http_request_t *r);
static void ngx_http_flow_exporter_metrics_finalize(ngx_http_request_t *r,
    ngx_int_t rc);
static ngx_int_t ngx_http_flow_exporter_metrics_check(ngx_http_request_t *r,
    ngx_http_flow_exporter_ctx_t *ctx);
static void ngx_http_flow_exporter_metrics_begin(
    ngx_http_flow_exporter_ctx_t *ctx);
static ngx_int_t ngx_http_flow_exporter_metrics_end(ngx_http_request_t *r,
    ngx_http_flow_exporter_ctx_t *ctx);
static ngx_int_t ngx_http_flow_exporter_metrics_send(ngx_http_request_t *r,
    ngx_http_flow_exporter_ctx_t *ctx);
static ngx_int_t ngx_http_flow_exporter_metrics_fill(ngx_http_request_t *r,
    ngx_http_flow_exporter_ctx_t *ctx, ngx_chain_t **out);
static ngx_chain_t *ngx_http_flow_exporter_metrics_last(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_flow_exporter_metrics_wait(ngx_http_request_t *r,
    ngx_http_flow_exporter_ctx_t *ctx);
static void ngx_http_flow_exporter_metrics_abort(ngx_http_request_t *r,
    ngx_int_t rc);


ngx_int_t
ngx_http_flow_exporter_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    flow_zone_t                        *zone;
    ngx_http_flow_exporter_loc_conf_t  *flcf;

    rc = ngx_http_flow_exporter_begin(r, &zone);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_flow_exporter_metrics_header(r);

    /* the body of a background subrequest would never be sent */

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only || r->background) {
        return rc;
    }

    flcf = ngx_http_get_module_loc_conf(r, ngx_http_flow_exporter_module);

    return ngx_http_flow_exporter_metrics_body(r, flcf->exporter, zone);
}


static ngx_int_t
ngx_http_flow_exporter_metrics_body(ngx_http_request_t *r,
    ngx_http_flow_exporter_t *exporter, flow_zone_t *zone)
{
    ngx_http_flow_exporter_ctx_t  *ctx;

    ctx = ngx_http_flow_exporter_metrics_create(r, exporter, zone);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_flow_exporter_module);

    if (!r->discard_body) {
        r->read_event_handler = ngx_http_test_reading;
    }

    r->write_event_handler = ngx_http_flow_exporter_metrics_write_handler;

    r->main->count++;
    ngx_http_flow_exporter_metrics_write_handler(r);

    return NGX_DONE;
}


/*
 * Filters compare the type up to its first parameter; the header filter adds
 * a charset only to a type without parameters.
 */

static ngx_int_t
ngx_http_flow_exporter_metrics_header(ngx_http_request_t *r)
{
    r->headers_out.status = NGX_HTTP_OK;

    ngx_str_set(&r->headers_out.content_type,
                "text/plain; version=0.0.4; charset=utf-8");
    r->headers_out.content_type_len = sizeof("text/plain") - 1;
    r->headers_out.content_type_lowcase = NULL;

    ngx_str_set(&r->headers_out.charset, "utf-8");

    return ngx_http_send_header(r);
}


static ngx_http_flow_exporter_ctx_t *
ngx_http_flow_exporter_metrics_create(ngx_http_request_t *r,
    ngx_http_flow_exporter_t *exporter, flow_zone_t *zone)
{
    ngx_buf_t                     *b;
    ngx_uint_t                     i;
    ngx_chain_t                   *cl;
    ngx_http_flow_exporter_ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_flow_exporter_ctx_t));
    if (ctx == NULL) {
        return NULL;
    }

    for (i = 0; i < NGX_HTTP_FLOW_EXPORTER_BUFFERS; i++) {

        b = ngx_create_temp_buf(r->pool, NGX_HTTP_FLOW_EXPORTER_BUFFER_SIZE);
        if (b == NULL) {
            return NULL;
        }

        cl = ngx_alloc_chain_link(r->pool);
        if (cl == NULL) {
            return NULL;
        }

        b->tag = (ngx_buf_tag_t) &ngx_http_flow_exporter_module;
        b->recycled = 1;

        cl->buf = b;
        cl->next = ctx->free;
        ctx->free = cl;
    }

    ctx->exporter = exporter;
    ctx->zone = zone;
    ctx->cycle = ngx_cycle;

    return ctx;
}


static void
ngx_http_flow_exporter_metrics_write_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_connection_t              *c;
    ngx_http_flow_exporter_ctx_t  *ctx;

    c = r->connection;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "http flow exporter write handler: \"%V?%V\"",
                   &r->uri, &r->args);

    if (r != c->data) {
        return;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_flow_exporter_module);

    rc = ngx_http_flow_exporter_metrics_check(r, ctx);

    if (rc != NGX_OK) {
        ngx_http_flow_exporter_metrics_abort(r, rc);
        return;
    }

    if (!c->write->delayed) {

        rc = ngx_http_flow_exporter_metrics_send(r, ctx);

        if (rc == NGX_ERROR) {
            ngx_http_flow_exporter_metrics_abort(r, rc);
            return;
        }

        if (ctx->complete) {
            ngx_http_flow_exporter_metrics_finalize(r, rc);
            return;
        }

        if (r != c->data) {
            return;
        }
    }

    if (ngx_http_flow_exporter_metrics_wait(r, ctx) != NGX_OK) {
        ngx_http_flow_exporter_metrics_abort(r, NGX_ERROR);
    }
}


/* A timer that stays belongs to "limit_rate". */

static void
ngx_http_flow_exporter_metrics_finalize(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_event_t  *wev;

    wev = r->connection->write;

    if (wev->timer_set && !wev->delayed) {
        ngx_del_timer(wev);
    }

    ngx_http_finalize_request(r, rc);
}


/* Whether the scrape may go on; where not, how the request ends. */

static ngx_int_t
ngx_http_flow_exporter_metrics_check(ngx_http_request_t *r,
    ngx_http_flow_exporter_ctx_t *ctx)
{
    ngx_connection_t  *c;

    c = r->connection;

    /*
     * a reload in single process mode unmaps a zone that is used no longer,
     * and closes the log of the connections that it finds
     */

    if (ctx->cycle != ngx_cycle) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "flow exporter \"%V\": scrape was cut off by a reload",
                      &ctx->exporter->name);
        return NGX_ERROR;
    }

    if (!ctx->started) {
        ngx_http_flow_exporter_metrics_begin(ctx);
    }

    if ((ngx_msec_int_t) (ctx->deadline - ngx_current_msec) <= 0) {
        ngx_log_error(NGX_LOG_WARN, c->log, 0,
                      "flow exporter \"%V\": scrape was cut off after "
                      "%d seconds", &ctx->exporter->name,
                      NGX_HTTP_FLOW_EXPORTER_SCRAPE_MAX / 1000);
        return NGX_ERROR;
    }

    if (c->write->timedout) {
        ngx_log_error(NGX_LOG_INFO, c->log, NGX_ETIMEDOUT,
                      "client timed out");
        c->timedout = 1;
        return NGX_HTTP_REQUEST_TIME_OUT;
    }

    return NGX_OK;
}


static void
ngx_http_flow_exporter_metrics_begin(ngx_http_flow_exporter_ctx_t *ctx)
{
    ctx->started = 1;
    ctx->deadline = ngx_current_msec + NGX_HTTP_FLOW_EXPORTER_SCRAPE_MAX;

    /* a writer that loads the zone clears "live" before it counts the load */

    ctx->load = atomic_load_explicit(&ctx->zone->load, memory_order_acquire);

    flow_render_start(&ctx->render, ctx->zone, &ctx->exporter->render,
                      ngx_http_flow_exporter_shown(ctx->exporter, ctx->zone));
}


/* Whether what was rendered, up to now, may be taken for the whole. */

static ngx_int_t
ngx_http_flow_exporter_metrics_end(ngx_http_request_t *r,
    ngx_http_flow_exporter_ctx_t *ctx)
{
    if (!ctx->render.shown) {
        return NGX_OK;
    }

    /* the counters were read before what tells whether they were right */

    atomic_thread_fence(memory_order_acquire);

    if (ngx_http_flow_exporter_shown(ctx->exporter, ctx->zone)
        && atomic_load_explicit(&ctx->zone->load, memory_order_relaxed)
           == ctx->load)
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "flow exporter \"%V\": scrape was cut off, its zone is no "
                  "longer the one to be shown", &ctx->exporter->name);

    return NGX_ERROR;
}


/* At most one buffer's worth of work. */

static ngx_int_t
ngx_http_flow_exporter_metrics_send(ngx_http_request_t *r,
    ngx_http_flow_exporter_ctx_t *ctx)
{
    ngx_int_t     rc;
    ngx_chain_t  *out;

    out = NULL;

    if (ctx->free) {
        rc = ngx_http_flow_exporter_metrics_fill(r, ctx, &out);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (out == NULL && ctx->busy == NULL && !r->connection->buffered) {
        return NGX_OK;
    }

    rc = ngx_http_output_filter(r, out);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_chain_update_chains(r->pool, &ctx->free, &ctx->busy, &out,
                            (ngx_buf_tag_t) &ngx_http_flow_exporter_module);

    return rc;
}


static ngx_int_t
ngx_http_flow_exporter_metrics_fill(ngx_http_request_t *r,
    ngx_http_flow_exporter_ctx_t *ctx, ngx_chain_t **out)
{
    int           rc;
    size_t        written;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ctx->free;
    b = cl->buf;

    rc = flow_render_fill(&ctx->render, (char *) b->start, b->end - b->start,
                          &written);

    if (rc == FLOW_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "flow exporter \"%V\": a line is too long",
                      &ctx->exporter->name);
        return NGX_ERROR;
    }

    if (written) {
        b->pos = b->start;
        b->last = b->start + written;

        ctx->free = cl->next;
        cl->next = NULL;

        *out = cl;
        out = &cl->next;
    }

    if (rc == FLOW_OK) {

        if (ngx_http_flow_exporter_metrics_end(r, ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        ctx->complete = 1;

        *out = ngx_http_flow_exporter_metrics_last(r);

        if (*out == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* The mark of the reply's end, as ngx_http_send_special() makes it. */

static ngx_chain_t *
ngx_http_flow_exporter_metrics_last(ngx_http_request_t *r)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NULL;
    }

    if (r == r->main && !r->post_action) {
        b->last_buf = 1;

    } else {
        b->sync = 1;
    }

    b->last_in_chain = 1;

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NULL;
    }

    cl->buf = b;
    cl->next = NULL;

    return cl;
}


/* Sees to it that the write handler is called again. */

static ngx_int_t
ngx_http_flow_exporter_metrics_wait(ngx_http_request_t *r,
    ngx_http_flow_exporter_ctx_t *ctx)
{
    ngx_msec_t                 timeout, rest;
    ngx_event_t               *wev;
    ngx_http_core_loc_conf_t  *clcf;

    wev = r->connection->write;
    clcf = ngx_http_get_module_loc_conf(r->main, ngx_http_core_module);

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        return NGX_ERROR;
    }

    /* "limit_rate" has set a timer of its own */

    if (wev->delayed) {
        return NGX_OK;
    }

    /* also before the next turn: a worker without timers may exit */

    rest = ctx->deadline - ngx_current_msec;
    timeout = ngx_min(clcf->send_timeout, rest);

    ngx_add_timer(wev, timeout);

    if (wev->ready && ctx->free) {
        ngx_post_event(wev, &ngx_posted_next_events);
    }

    return NGX_OK;
}


/*
 * A part of a reply must not look like the whole.  Without chunks its end is
 * the end of the connection, which is reset instead.
 */

static void
ngx_http_flow_exporter_metrics_abort(ngx_http_request_t *r, ngx_int_t rc)
{
    struct linger      linger;
    ngx_connection_t  *c;

    c = r->connection;

    if (r->main->http_version < NGX_HTTP_VERSION_20 && !r->main->chunked) {

        linger.l_onoff = 1;
        linger.l_linger = 0;

        if (setsockopt(c->fd, SOL_SOCKET, SO_LINGER,
                       (const void *) &linger, sizeof(struct linger)) == -1)
        {
            ngx_log_error(NGX_LOG_ALERT, c->log, ngx_socket_errno,
                          "setsockopt(SO_LINGER) failed");
        }

        /* TLS ends without its close notify */

        c->timedout = 1;
    }

    ngx_http_finalize_request(r, rc);
}
