/*
 * What the files of the glue share: exporters as the configuration names
 * them, and the way to their zones.  The dedicated process has a header of
 * its own.
 */

#ifndef NGX_HTTP_FLOW_EXPORTER_MODULE_H
#define NGX_HTTP_FLOW_EXPORTER_MODULE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "core/flow_render.h"
#include "core/flow_version.h"


#define NGX_HTTP_FLOW_EXPORTER_VERSION  FLOW_VERSION


/* The directives of a block that only the dedicated process needs. */

typedef struct ngx_http_flow_exporter_conf_s  ngx_http_flow_exporter_conf_t;


/* One "flow_exporter" block; lives as long as its cycle. */

typedef struct {
    ngx_str_t                       name;
    ngx_shm_zone_t                 *shm_zone;
    flow_render_conf_t              render;
    ngx_http_flow_exporter_conf_t  *conf;
} ngx_http_flow_exporter_t;


typedef struct {
    ngx_array_t                     exporters;  /* ngx_http_flow_exporter_t * */
    ngx_array_t                     locations;  /* ..._loc_conf_t * */
    ngx_str_t                       state_path; /* len 0: default */
    ngx_uint_t                      state_off;  /* unsigned  state_off:1; */
} ngx_http_flow_exporter_main_conf_t;


/*
 * A location with "flow_exporter_metrics" or "flow_exporter_status", and where
 * that was written.
 */

typedef struct {
    ngx_http_flow_exporter_t       *exporter;
    ngx_http_handler_pt             handler;
    uint64_t                        lag_limit;  /* 0: none */
    ngx_str_t                       directive;
    ngx_str_t                       name;
    ngx_str_t                       file;
    ngx_uint_t                      line;
} ngx_http_flow_exporter_loc_conf_t;


extern ngx_module_t  ngx_http_flow_exporter_module;


/* The exporter's zone, or NULL if there is none; never kept in a static. */

flow_zone_t *ngx_http_flow_exporter_zone(ngx_http_flow_exporter_t *exporter);

/*
 * Whether the counters of the exporter's zone may be shown now: the zone is
 * live, and it is the one that the lease names.  Reads the lease file.
 */

ngx_uint_t ngx_http_flow_exporter_shown(ngx_http_flow_exporter_t *exporter,
    const flow_zone_t *zone);

/* Process id of the lease's holder, or of the last one; 0: not known. */

ngx_pid_t ngx_http_flow_exporter_holder(ngx_http_flow_exporter_t *exporter);

/*
 * How every answer of an exporter begins: looks at the method, discards the
 * body.  NGX_OK and the zone of the location's exporter, or how the request
 * ends.
 */

ngx_int_t ngx_http_flow_exporter_begin(ngx_http_request_t *r,
    flow_zone_t **zone);

/* Content handlers of "flow_exporter_metrics" and "flow_exporter_status". */

ngx_int_t ngx_http_flow_exporter_metrics_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_flow_exporter_status_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_FLOW_EXPORTER_MODULE_H */
