/*
 * The module as nginx sees it: its directives outside the block, and the path
 * whose "manager" makes nginx start the dedicated process.
 */

#include "ngx_http_flow_exporter_conf.h"
#include "ngx_http_flow_exporter_process.h"


/* What the manager asks nginx for: the next call in an hour, as others do. */

#define NGX_HTTP_FLOW_EXPORTER_MANAGER_NEXT  (60 * 60 * 1000)


static void *ngx_http_flow_exporter_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_flow_exporter_init_main_conf(ngx_conf_t *cf,
    void *conf);
static char *ngx_http_flow_exporter_state_path(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_flow_exporter_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_flow_exporter_init_process(ngx_cycle_t *cycle);
static void ngx_http_flow_exporter_exit_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_flow_exporter_add_manager(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_main_conf_t *fmcf);
static ngx_msec_t ngx_http_flow_exporter_manager(void *data);
static ngx_http_flow_exporter_main_conf_t *
    ngx_http_flow_exporter_get_main_conf(ngx_cycle_t *cycle);
static ngx_uint_t ngx_http_flow_exporter_is_single(ngx_cycle_t *cycle);


static ngx_command_t  ngx_http_flow_exporter_commands[] = {

    { ngx_string("flow_exporter"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_flow_exporter_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("flow_exporter_state_path"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_flow_exporter_state_path,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("flow_exporter_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_flow_exporter_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("flow_exporter_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE12,
      ngx_http_flow_exporter_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_flow_exporter_module_ctx = {
    NULL,                                    /* preconfiguration */
    ngx_http_flow_exporter_check_rooms,      /* postconfiguration */

    ngx_http_flow_exporter_create_main_conf, /* create main configuration */
    ngx_http_flow_exporter_init_main_conf,   /* init main configuration */

    NULL,                                    /* create server configuration */
    NULL,                                    /* merge server configuration */

    ngx_http_flow_exporter_create_loc_conf,  /* create location configuration */
    ngx_http_flow_exporter_merge_loc_conf    /* merge location configuration */
};


ngx_module_t  ngx_http_flow_exporter_module = {
    NGX_MODULE_V1,
    &ngx_http_flow_exporter_module_ctx,      /* module context */
    ngx_http_flow_exporter_commands,         /* module directives */
    NGX_HTTP_MODULE,                         /* module type */
    NULL,                                    /* init master */
    ngx_http_flow_exporter_init_module,      /* init module */
    ngx_http_flow_exporter_init_process,     /* init process */
    NULL,                                    /* init thread */
    NULL,                                    /* exit thread */
    ngx_http_flow_exporter_exit_process,     /* exit process */
    NULL,                                    /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_flow_exporter_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_flow_exporter_main_conf_t  *fmcf;

    fmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_flow_exporter_main_conf_t));
    if (fmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&fmcf->exporters, cf->pool, 1,
                       sizeof(ngx_http_flow_exporter_t *))
        != NGX_OK
        || ngx_array_init(&fmcf->locations, cf->pool, 1,
                          sizeof(ngx_http_flow_exporter_loc_conf_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return fmcf;
}


/* All of "http" has been read: blocks get zones, and locations blocks. */

static char *
ngx_http_flow_exporter_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_flow_exporter_main_conf_t *fmcf = conf;

    ngx_uint_t                           i;
    ngx_http_flow_exporter_t           **exporters;
    ngx_http_flow_exporter_loc_conf_t  **flcf;

    exporters = fmcf->exporters.elts;

    for (i = 0; i < fmcf->exporters.nelts; i++) {
        if (ngx_http_flow_exporter_add_zone(cf, fmcf, exporters[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        if (fmcf->state_off && exporters[i]->conf->expire != 0) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "\"expire\" of flow exporter \"%V\" has no "
                               "effect with \"flow_exporter_state_path off\"",
                               &exporters[i]->name);
        }
    }

    flcf = fmcf->locations.elts;

    for (i = 0; i < fmcf->locations.nelts; i++) {
        if (ngx_http_flow_exporter_find(cf, fmcf, flcf[i]) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_flow_exporter_state_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_flow_exporter_main_conf_t *fmcf = conf;

    ngx_str_t  *value;

    if (fmcf->state_path.len != 0 || fmcf->state_off) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        fmcf->state_off = 1;
        return NGX_CONF_OK;
    }

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid path \"%V\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    fmcf->state_path = value[1];

    if (ngx_conf_full_name(cf->cycle, &fmcf->state_path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* The commit point of a cycle: from here on it will run. */

static ngx_int_t
ngx_http_flow_exporter_init_module(ngx_cycle_t *cycle)
{
    ngx_uint_t                           running;
    ngx_http_flow_exporter_main_conf_t  *fmcf;

    if (ngx_test_config) {
        return NGX_OK;
    }

    /* the old cycle's zones are unmapped soon */

    running = ngx_http_flow_exporter_stop();

    fmcf = ngx_http_flow_exporter_get_main_conf(cycle);

    if (fmcf == NULL || fmcf->exporters.nelts == 0) {
        return NGX_OK;
    }

    ngx_http_flow_exporter_prepare_state(cycle, fmcf);

    if (ngx_http_flow_exporter_is_single(cycle)) {

        /* at the first start init_process does it, with events set up */

        if (running) {
            ngx_http_flow_exporter_start(cycle, fmcf);
        }

        return NGX_OK;
    }

    return ngx_http_flow_exporter_add_manager(cycle, fmcf);
}


/*
 * Runs in workers and helpers alike, where nothing is to be done: the
 * dedicated process starts from the manager.
 */

static ngx_int_t
ngx_http_flow_exporter_init_process(ngx_cycle_t *cycle)
{
    ngx_http_flow_exporter_main_conf_t  *fmcf;

    if (ngx_process != NGX_PROCESS_SINGLE) {
        return NGX_OK;
    }

    fmcf = ngx_http_flow_exporter_get_main_conf(cycle);

    if (fmcf != NULL && fmcf->exporters.nelts != 0) {
        ngx_http_flow_exporter_start(cycle, fmcf);
    }

    return NGX_OK;
}


/*
 * Single process mode: what is consumed there needs the cycle, which is freed
 * before exit().  Workers have nothing to finish.
 */

static void
ngx_http_flow_exporter_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_flow_exporter_finish();
}


/*
 * Not ngx_add_path(), which would have nginx create and chown a directory,
 * even for "nginx -t".
 */

static ngx_int_t
ngx_http_flow_exporter_add_manager(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_main_conf_t *fmcf)
{
    ngx_path_t  *path, **slot;

    path = ngx_pcalloc(cycle->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&path->name, "flow exporter");
    path->manager = ngx_http_flow_exporter_manager;
    path->data = fmcf;

    slot = ngx_array_push(&cycle->paths);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = path;

    return NGX_OK;
}


/* Called in nginx's manager process only: that one is ours, or shared. */

static ngx_msec_t
ngx_http_flow_exporter_manager(void *data)
{
    ngx_http_flow_exporter_main_conf_t *fmcf = data;

    static ngx_uint_t   started;

    ngx_uint_t    i, others;
    ngx_path_t  **path;

    if (started) {
        return NGX_HTTP_FLOW_EXPORTER_MANAGER_NEXT;
    }

    started = 1;
    others = 0;

    path = ngx_cycle->paths.elts;
    for (i = 0; i < ngx_cycle->paths.nelts; i++) {
        if (path[i]->manager != NULL
            && path[i]->manager != ngx_http_flow_exporter_manager)
        {
            others = 1;
        }
    }

    if (!others) {
        ngx_setproctitle("flow exporter process");
    }

    ngx_http_flow_exporter_start((ngx_cycle_t *) ngx_cycle, fmcf);

    return NGX_HTTP_FLOW_EXPORTER_MANAGER_NEXT;
}


static ngx_http_flow_exporter_main_conf_t *
ngx_http_flow_exporter_get_main_conf(ngx_cycle_t *cycle)
{
    return ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_flow_exporter_module);
}


static ngx_uint_t
ngx_http_flow_exporter_is_single(ngx_cycle_t *cycle)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    return !ccf->master;
}
