/*
 * Locations that answer for an exporter: the directives "flow_exporter_metrics"
 * and "flow_exporter_status", which exporter a location means, and how every
 * answer begins.
 */

#include "ngx_http_flow_exporter_conf.h"


static char *ngx_http_flow_exporter_location(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_http_flow_exporter_loc_conf_t *flcf,
    ngx_http_handler_pt handler);
static ngx_int_t ngx_http_flow_exporter_lag_limit(ngx_conf_t *cf,
    ngx_http_flow_exporter_loc_conf_t *flcf, ngx_str_t *value);


ngx_int_t
ngx_http_flow_exporter_begin(ngx_http_request_t *r, flow_zone_t **zone)
{
    ngx_int_t                           rc;
    ngx_http_flow_exporter_loc_conf_t  *flcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    flcf = ngx_http_get_module_loc_conf(r, ngx_http_flow_exporter_module);

    *zone = ngx_http_flow_exporter_zone(flcf->exporter);

    if (*zone == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "flow exporter \"%V\": zone is not available",
                      &flcf->exporter->name);
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    return NGX_OK;
}


void *
ngx_http_flow_exporter_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_flow_exporter_loc_conf_t));
}


/* "if" and "limit_except" blocks are locations of their own. */

char *
ngx_http_flow_exporter_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_flow_exporter_loc_conf_t *prev = parent;
    ngx_http_flow_exporter_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->noname && clcf->handler == NULL && prev->exporter != NULL) {
        conf->exporter = prev->exporter;
        conf->lag_limit = prev->lag_limit;
        clcf->handler = prev->handler;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_flow_exporter_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_flow_exporter_loc_conf_t *flcf = conf;

    char       *rv;
    ngx_str_t  *value;

    rv = ngx_http_flow_exporter_location(cf, cmd, flcf,
                                       ngx_http_flow_exporter_metrics_handler);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2) {
        flcf->name = value[1];
    }

    return NGX_CONF_OK;
}


char *
ngx_http_flow_exporter_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_flow_exporter_loc_conf_t *flcf = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    rv = ngx_http_flow_exporter_location(cf, cmd, flcf,
                                        ngx_http_flow_exporter_status_handler);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "lag_limit=", 10) == 0) {

            if (ngx_http_flow_exporter_lag_limit(cf, flcf, &value[i])
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (i == 1) {
            flcf->name = value[1];
            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\"",
                           &value[i]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* What a location has, whatever it answers with. */

static char *
ngx_http_flow_exporter_location(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_flow_exporter_loc_conf_t *flcf, ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t             *clcf;
    ngx_http_flow_exporter_loc_conf_t   **location;
    ngx_http_flow_exporter_main_conf_t   *fmcf;

    if (flcf->handler == handler) {
        return "is duplicate";
    }

    if (flcf->handler != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" conflicts with \"%V\"", &cmd->name,
                           &flcf->directive);
        return NGX_CONF_ERROR;
    }

    flcf->handler = handler;
    flcf->directive = cmd->name;
    flcf->file = cf->conf_file->file.name;
    flcf->line = cf->conf_file->line;

    fmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_flow_exporter_module);

    location = ngx_array_push(&fmcf->locations);
    if (location == NULL) {
        return NGX_CONF_ERROR;
    }

    *location = flcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_flow_exporter_lag_limit(ngx_conf_t *cf,
    ngx_http_flow_exporter_loc_conf_t *flcf, ngx_str_t *value)
{
    off_t  limit;

    if (flcf->lag_limit != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate \"lag_limit\"");
        return NGX_ERROR;
    }

    limit = ngx_atoof(value->data + 10, value->len - 10);

    if (limit == NGX_ERROR || limit == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid lag_limit value \"%V\"", value);
        return NGX_ERROR;
    }

    flcf->lag_limit = (uint64_t) limit;

    return NGX_OK;
}


/* Without a name the only exporter is meant. */

ngx_int_t
ngx_http_flow_exporter_find(ngx_conf_t *cf,
    ngx_http_flow_exporter_main_conf_t *fmcf,
    ngx_http_flow_exporter_loc_conf_t *flcf)
{
    ngx_uint_t                  i;
    ngx_http_flow_exporter_t  **exporters;

    exporters = fmcf->exporters.elts;

    if (flcf->name.len == 0) {

        if (fmcf->exporters.nelts == 1) {
            flcf->exporter = exporters[0];
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      fmcf->exporters.nelts == 0
                      ? "\"%V\" without any \"flow_exporter\" block in %V:%ui"
                      : "\"%V\" must name one of several \"flow_exporter\" "
                        "blocks in %V:%ui",
                      &flcf->directive, &flcf->file, flcf->line);
        return NGX_ERROR;
    }

    for (i = 0; i < fmcf->exporters.nelts; i++) {
        if (exporters[i]->name.len == flcf->name.len
            && ngx_memcmp(exporters[i]->name.data, flcf->name.data,
                          flcf->name.len) == 0)
        {
            flcf->exporter = exporters[i];
            return NGX_OK;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "unknown flow exporter \"%V\" in %V:%ui",
                  &flcf->name, &flcf->file, flcf->line);

    return NGX_ERROR;
}
