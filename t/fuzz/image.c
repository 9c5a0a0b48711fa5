/*
 * Any bytes as an image, and as redo records that follow it: what is accepted
 * lies within the zone, which can be counted in, shown, and made an image of
 * that makes the same zone again; as a journal it is no worse.
 */

#include "flow_image.h"
#include "flow_journal.h"
#include "flow_render.h"
#include "flow_zone_writer.h"
#include "fuzz.h"
#include "state.h"


static _Alignas(64) char  memory[ZONE_SIZE];
static _Alignas(64) char  other_memory[ZONE_SIZE];


/* One image or record after another; false at the first that is refused. */

static bool
apply(flow_zone_t *zone, const char *bytes, size_t size)
{
    size_t            at;
    flow_error_t      error;
    flow_redo_head_t  head;

    for (at = 0; at < size; at += (size_t) head.length) {

        if (flow_redo_head(bytes + at, size - at, &head) != FLOW_OK
            || !flow_redo_is_whole(bytes + at, size - at))
        {
            return false;
        }

        error.text[0] = '\0';

        if (flow_journal_check(zone, bytes + at, &error) != FLOW_OK) {
            require(error.text[0] != '\0', "a refusal has a sentence");
            return false;
        }

        flow_journal_replay(zone, bytes + at);
        require(flow_zone_is_sound(zone), "tables are within the zone");
    }

    return true;
}


static void
render(const flow_zone_t *zone)
{
    int            rc;
    size_t         written;
    flow_render_t  now;

    static char                      buffer[16 * 1024];
    static const flow_render_conf_t  conf = {
        flow_string("default"), flow_string("1"), flow_string("1"),
        flow_string("1")
    };

    flow_render_start(&now, zone, &conf, true);

    do {
        rc = flow_render_fill(&now, buffer, sizeof(buffer), &written);
        require(rc != FLOW_ERROR, "a line fits the buffer");
    } while (rc == FLOW_AGAIN);
}


/* Whoever takes the zone over goes on with it. */

static void
count(flow_zone_t *zone)
{
    uint32_t             host;
    flow_str_t           name = flow_string("edge");
    flow_error_t         error;
    flow_zone_death_t    death;
    flow_zone_writer_t  *writer;

    flow_zone_look_back(zone, &death);
    writer = flow_zone_writer_create(zone, &error);

    if (writer == NULL) {
        return;
    }

    (void) flow_zone_claim_topic(writer, name);
    host = flow_zone_claim_host(writer, name);

    if (host != FLOW_ZONE_NONE) {
        (void) flow_zone_claim_series(writer, FLOW_TRANSIT, 1, 2, host, NULL);
    }

    flow_zone_writer_destroy(writer);
}


static void
compare_images(const flow_zone_t *zone)
{
    char              *image, *again;
    flow_zone_t       *other;
    flow_error_t       error;
    flow_redo_head_t   head;

    image = flow_image_create(zone);
    require(image != NULL
            && flow_redo_head(image, FLOW_REDO_HEAD, &head) == FLOW_OK,
            "a zone makes an image");

    other = fresh_zone(other_memory);
    require(flow_journal_check(other, image, &error) == FLOW_OK,
            "which can be loaded");
    flow_journal_replay(other, image);

    again = flow_image_create(other);
    require(again != NULL && memcmp(image, again, (size_t) head.length) == 0,
            "and makes the same image");

    free(image);
    free(again);
}


/* The same bytes left in a journal that is full, as by a death. */

static void
recover(const char *bytes, size_t size)
{
    flow_zone_t   *zone;
    flow_error_t   error;

    zone = fresh_zone(memory);

    if (size > zone->capacity.journal_bytes) {
        return;
    }

    memcpy(flow_zone_journal(zone), bytes, size);
    zone->journal = FLOW_JOURNAL_FULL;

    if (flow_journal_recover(zone, &error) == FLOW_OK) {
        require(zone->journal == FLOW_JOURNAL_EMPTY
                && flow_zone_is_sound(zone), "a journal is applied");
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char         *bytes;
    flow_zone_t  *zone;

    bytes = malloc(size + 1);
    require(bytes != NULL, "memory suffices");

    if (size != 0) {
        memcpy(bytes, data, size);
    }

    fix_checksums(bytes, size, true);
    zone = fresh_zone(memory);

    if (apply(zone, bytes, size)) {
        render(zone);
        compare_images(zone);
        count(zone);
    }

    recover(bytes, size);

    free(bytes);

    return 0;
}
