/*
 * Whether a zone has room for what the state files have.  "nginx -t" refuses
 * one that has not: the files could not be loaded, and nothing be counted.
 */

#include "ngx_http_flow_exporter_conf.h"
#include "core/flow_needs.h"
#include "core/flow_store_look.h"
#include "core/flow_text.h"


#define NGX_HTTP_FLOW_EXPORTER_MEGABYTE  (1024 * 1024)

/* The largest zone that is thought of, in megabytes: the largest image. */

#define NGX_HTTP_FLOW_EXPORTER_ZONE_MAX  ((size_t) (FLOW_REDO_MAX >> 20))


static ngx_int_t ngx_http_flow_exporter_read_needs(const char *dir,
    const char *name, flow_zone_capacity_t *needs);
static ngx_uint_t ngx_http_flow_exporter_is_room(size_t size,
    const flow_zone_capacity_t *needs, flow_needs_lack_t *lack);
static size_t ngx_http_flow_exporter_least(const flow_zone_capacity_t *needs);


ngx_int_t
ngx_http_flow_exporter_check_rooms(ngx_conf_t *cf)
{
    ngx_str_t                             dir;
    ngx_uint_t                            i;
    flow_error_t                          error;
    ngx_http_flow_exporter_t            **exporters;
    ngx_http_flow_exporter_main_conf_t   *fmcf;

    fmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_flow_exporter_module);

    if (fmcf->exporters.nelts == 0 || fmcf->state_off) {
        return NGX_OK;
    }

    if (ngx_http_flow_exporter_state_dir(cf->cycle, fmcf, &dir) != NGX_OK) {
        return NGX_ERROR;
    }

    exporters = fmcf->exporters.elts;

    for (i = 0; i < fmcf->exporters.nelts; i++) {

        if (ngx_http_flow_exporter_check_room(exporters[i], &dir, &error)
            != NGX_OK)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s in %V:%ui",
                          error.text, &exporters[i]->conf->file,
                          exporters[i]->conf->line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_flow_exporter_check_room(ngx_http_flow_exporter_t *exporter,
    ngx_str_t *dir, flow_error_t *error)
{
    flow_needs_lack_t     lack;
    flow_zone_capacity_t  needs;

    if (ngx_http_flow_exporter_read_needs((const char *) dir->data,
                                          (const char *) exporter->name.data,
                                          &needs)
        != NGX_OK
        || ngx_http_flow_exporter_is_room(exporter->conf->zone_size, &needs,
                                          &lack))
    {
        return NGX_OK;
    }

    flow_error_set(error, "zone of %zuk is too small for flow exporter "
                   "\"%s\": its state files in \"%s\" have %llu %s, and it "
                   "has room for %llu; it must be at least %zum",
                   exporter->conf->zone_size / 1024,
                   (const char *) exporter->name.data,
                   (const char *) dir->data,
                   (unsigned long long) lack.needed, lack.name,
                   (unsigned long long) lack.room,
                   ngx_http_flow_exporter_least(&needs));

    return NGX_DECLINED;
}


/*
 * NGX_DECLINED: there are none, or they cannot be read, which is for the
 * dedicated process to say.
 */

static ngx_int_t
ngx_http_flow_exporter_read_needs(const char *dir, const char *name,
    flow_zone_capacity_t *needs)
{
    ngx_int_t      rc;
    flow_error_t   ignored;
    flow_store_t  *store;

    ngx_memzero(needs, sizeof(flow_zone_capacity_t));

    store = flow_store_open(dir, name, &ignored);
    if (store == NULL) {
        return NGX_DECLINED;
    }

    rc = flow_store_look(store, &ignored) == FLOW_OK
         && flow_needs_read(store, needs, &ignored) == FLOW_OK
         ? NGX_OK : NGX_DECLINED;

    flow_store_close(store);

    return rc;
}


static ngx_uint_t
ngx_http_flow_exporter_is_room(size_t size, const flow_zone_capacity_t *needs,
    flow_needs_lack_t *lack)
{
    flow_zone_capacity_t  capacity;

    if (flow_zone_capacity(ngx_http_flow_exporter_zone_size(size), &capacity)
        != FLOW_OK)
    {
        ngx_memzero(&capacity, sizeof(flow_zone_capacity_t));
    }

    return flow_needs_fit(needs, &capacity, lack);
}


/* In megabytes. */

static size_t
ngx_http_flow_exporter_least(const flow_zone_capacity_t *needs)
{
    size_t             low, high, middle;
    flow_needs_lack_t  lack;

    low = 1;
    high = NGX_HTTP_FLOW_EXPORTER_ZONE_MAX;

    while (low < high) {
        middle = (low + high) / 2;

        if (ngx_http_flow_exporter_is_room(
                middle * NGX_HTTP_FLOW_EXPORTER_MEGABYTE, needs, &lack))
        {
            high = middle;

        } else {
            low = middle + 1;
        }
    }

    return low;
}
