/*
 * The floor of decoding: yajl, set as the decoder has it, with callbacks that
 * do nothing.
 */

#ifndef BARE_YAJL_H
#define BARE_YAJL_H

#include <stdbool.h>
#include <yajl/yajl_parse.h>


static int
bare_nothing(void *data)
{
    (void) data;

    return 1;
}


static int
bare_boolean(void *data, int value)
{
    (void) data;
    (void) value;

    return 1;
}


static int
bare_number(void *data, const char *text, size_t len)
{
    (void) data;
    (void) text;
    (void) len;

    return 1;
}


static int
bare_string(void *data, const unsigned char *text, size_t len)
{
    (void) data;
    (void) text;
    (void) len;

    return 1;
}


static const yajl_callbacks  bare_callbacks = {
    .yajl_null = bare_nothing,
    .yajl_boolean = bare_boolean,
    .yajl_number = bare_number,
    .yajl_string = bare_string,
    .yajl_start_map = bare_nothing,
    .yajl_map_key = bare_string,
    .yajl_end_map = bare_nothing,
    .yajl_start_array = bare_nothing,
    .yajl_end_array = bare_nothing
};


static inline yajl_handle
bare_yajl_create(void)
{
    yajl_handle  handle;

    handle = yajl_alloc(&bare_callbacks, NULL, NULL);

    if (handle != NULL) {
        (void) yajl_config(handle, yajl_allow_multiple_values, 1);
        (void) yajl_config(handle, yajl_dont_validate_strings, 1);
    }

    return handle;
}


static inline bool
bare_yajl_parse(yajl_handle handle, const void *text, size_t len)
{
    return yajl_parse(handle, text, len) == yajl_status_ok;
}


#endif /* BARE_YAJL_H */
