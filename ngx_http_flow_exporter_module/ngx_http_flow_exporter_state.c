/*
 * The state directory and the lease files in it: made by the master, owned by
 * the user of the workers.
 */

#include "ngx_http_flow_exporter_process.h"
#include "core/flow_lease.h"
#include "core/flow_store.h"


#define NGX_HTTP_FLOW_EXPORTER_STATE_PATH  "/var/lib/nginx-flow-exporter"

/* Beside nginx's temporary paths, when the master is not root. */

#define NGX_HTTP_FLOW_EXPORTER_STATE_DIR   "flow_exporter"


typedef struct {
    uid_t  user;              /* (uid_t) -1: leave the owner */
    gid_t  group;
} ngx_http_flow_exporter_owner_t;


static ngx_int_t ngx_http_flow_exporter_make_dir(ngx_cycle_t *cycle,
    ngx_str_t *dir, ngx_http_flow_exporter_owner_t *owner);
static void ngx_http_flow_exporter_prepare_lease(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_t *exporter, ngx_str_t *dir,
    ngx_http_flow_exporter_owner_t *owner);
static ngx_uint_t ngx_http_flow_exporter_has_lease(
    ngx_http_flow_exporter_t *exporter);
static void ngx_http_flow_exporter_give_files(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_t *exporter, ngx_http_flow_exporter_owner_t *owner);
static ngx_int_t ngx_http_flow_exporter_try_lease(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_t *exporter, ngx_str_t *dir, char *prefix,
    ngx_http_flow_exporter_owner_t *owner);
static void ngx_http_flow_exporter_dirname(ngx_str_t *path);


void
ngx_http_flow_exporter_prepare_state(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_main_conf_t *fmcf)
{
    ngx_str_t                        dir;
    ngx_uint_t                       i;
    ngx_core_conf_t                 *ccf;
    ngx_http_flow_exporter_t       **exporters;
    ngx_http_flow_exporter_owner_t   owner;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    owner.user = (uid_t) -1;
    owner.group = (gid_t) -1;

    if (geteuid() == 0 && ccf->master) {
        owner.user = ccf->user;
        owner.group = ccf->group;
    }

    ngx_str_null(&dir);

    if (!fmcf->state_off
        && (ngx_http_flow_exporter_state_dir(cycle, fmcf, &dir) != NGX_OK
            || ngx_http_flow_exporter_make_dir(cycle, &dir, &owner)
               != NGX_OK))
    {
        ngx_str_null(&dir);
    }

    exporters = fmcf->exporters.elts;

    for (i = 0; i < fmcf->exporters.nelts; i++) {
        ngx_http_flow_exporter_prepare_lease(cycle, exporters[i], &dir,
                                             &owner);
    }
}


ngx_int_t
ngx_http_flow_exporter_state_dir(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_main_conf_t *fmcf, ngx_str_t *dir)
{
    ngx_str_t                  temp;
    ngx_http_conf_ctx_t       *ctx;
    ngx_http_core_loc_conf_t  *clcf;

    if (fmcf->state_path.len != 0) {
        *dir = fmcf->state_path;
        return NGX_OK;
    }

    if (geteuid() == 0) {
        ngx_str_set(dir, NGX_HTTP_FLOW_EXPORTER_STATE_PATH);
        return NGX_OK;
    }

    ctx = (ngx_http_conf_ctx_t *) cycle->conf_ctx[ngx_http_module.index];
    clcf = ctx->loc_conf[ngx_http_core_module.ctx_index];

    if (clcf->client_body_temp_path != NULL) {
        temp = clcf->client_body_temp_path->name;

    } else {
        ngx_str_set(&temp, NGX_HTTP_CLIENT_TEMP_PATH);

        if (ngx_conf_full_name(cycle, &temp, 0) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_http_flow_exporter_dirname(&temp);

    dir->len = temp.len + sizeof("/" NGX_HTTP_FLOW_EXPORTER_STATE_DIR) - 1;
    dir->data = ngx_pnalloc(cycle->pool, dir->len + 1);
    if (dir->data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(dir->data, "%V/" NGX_HTTP_FLOW_EXPORTER_STATE_DIR "%Z",
                &temp);

    return NGX_OK;
}


/*
 * Only a directory that was made here is given away: freshly made, or left by
 * a former "user", who owns it.
 */

static ngx_int_t
ngx_http_flow_exporter_make_dir(ngx_cycle_t *cycle, ngx_str_t *dir,
    ngx_http_flow_exporter_owner_t *owner)
{
    ngx_uint_t       made;
    ngx_file_info_t  info;

    made = 1;

    if (ngx_create_dir(dir->data, 0700) == NGX_FILE_ERROR) {

        if (ngx_errno != NGX_EEXIST) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                          "flow exporter: " ngx_create_dir_n
                          " \"%V\" failed", dir);
            return NGX_DECLINED;
        }

        made = 0;
    }

    if (owner->user == (uid_t) -1) {
        return NGX_OK;
    }

    if (ngx_file_info(dir->data, &info) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                      "flow exporter: " ngx_file_info_n
                      " \"%V\" failed", dir);
        return NGX_DECLINED;
    }

    if (!made
        && (info.st_uid == 0
            || info.st_uid == owner->user
            || (info.st_mode & 0777) != 0700))
    {
        return NGX_OK;
    }

    if (chown((const char *) dir->data, owner->user, owner->group) == -1) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                      "flow exporter: chown() \"%V\" failed", dir);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* In the state directory, else beside the pid file, else nowhere. */

static void
ngx_http_flow_exporter_prepare_lease(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_t *exporter, ngx_str_t *dir,
    ngx_http_flow_exporter_owner_t *owner)
{
    ngx_str_t         pid;
    ngx_core_conf_t  *ccf;

    if (dir->len != 0
        && (ngx_http_flow_exporter_try_lease(cycle, exporter, dir, "", owner)
            == NGX_OK
            || ngx_http_flow_exporter_has_lease(exporter)))
    {
        exporter->conf->state = *dir;
        ngx_http_flow_exporter_give_files(cycle, exporter, owner);
        return;
    }

    ngx_str_null(&exporter->conf->state);

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    pid = ccf->pid;
    ngx_http_flow_exporter_dirname(&pid);

    if (ngx_http_flow_exporter_try_lease(cycle, exporter, &pid,
                                     NGX_HTTP_FLOW_EXPORTER_STATE_DIR ".",
                                     owner)
        == NGX_OK)
    {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "flow exporter \"%V\": its lease file is \"%V\"",
                      &exporter->name, &exporter->conf->lease);
        return;
    }

    ngx_str_null(&exporter->conf->lease);

    ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                  "flow exporter \"%V\": no place for a lease file, "
                  "nothing is consumed", &exporter->name);
}


/*
 * Where counting has begun with a lease, one elsewhere would have it begin
 * anew, beside whoever holds the first.
 */

static ngx_uint_t
ngx_http_flow_exporter_has_lease(ngx_http_flow_exporter_t *exporter)
{
    ngx_str_t        *lease;
    ngx_file_info_t   info;

    lease = &exporter->conf->lease;

    return lease->len != 0
           && ngx_link_info(lease->data, &info) != NGX_FILE_ERROR
           && ngx_is_file(&info);
}


/* Of a former "user", too. */

static void
ngx_http_flow_exporter_give_files(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_t *exporter, ngx_http_flow_exporter_owner_t *owner)
{
    flow_error_t  error;

    if (owner->user != (uid_t) -1
        && flow_store_give((const char *) exporter->conf->state.data,
                           (const char *) exporter->name.data, owner->user,
                           owner->group, &error)
           != FLOW_OK)
    {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "flow exporter \"%V\": %s",
                      &exporter->name, error.text);
    }
}


static ngx_int_t
ngx_http_flow_exporter_try_lease(ngx_cycle_t *cycle,
    ngx_http_flow_exporter_t *exporter, ngx_str_t *dir, char *prefix,
    ngx_http_flow_exporter_owner_t *owner)
{
    ngx_str_t     *lease;
    flow_error_t   error;

    lease = &exporter->conf->lease;

    lease->len = dir->len + ngx_strlen(prefix) + exporter->name.len
                 + sizeof("/.lease") - 1;
    lease->data = ngx_pnalloc(cycle->pool, lease->len + 1);
    if (lease->data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(lease->data, "%V/%s%V.lease%Z", dir, prefix, &exporter->name);

    if (flow_lease_prepare((const char *) lease->data, owner->user,
                           owner->group, &error)
        != FLOW_OK)
    {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "flow exporter \"%V\": %s", &exporter->name, error.text);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_http_flow_exporter_dirname(ngx_str_t *path)
{
    while (path->len > 1 && path->data[path->len - 1] == '/') {
        path->len--;
    }

    while (path->len > 1 && path->data[path->len - 1] != '/') {
        path->len--;
    }

    while (path->len > 1 && path->data[path->len - 1] == '/') {
        path->len--;
    }
}
