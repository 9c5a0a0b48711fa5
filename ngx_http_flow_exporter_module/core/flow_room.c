/*
 * Memory for yajl, whose allocations must not fail: the decoder reserves room
 * before it hands a message over.
 */

#include "flow_room.h"

#include <stdlib.h>
#include <string.h>


/*
 * What yajl asks for: a handful of small blocks, and two buffers for a token
 * each, which begin with 2048 bytes and double while they are too small.  A
 * buffer and all that it was before take less than twice its size.
 */

#define FLOW_ROOM_SMALL_BLOCKS  4096
#define FLOW_ROOM_BUFFERS       2
#define FLOW_ROOM_BUFFER_MIN    2048

/* In a buffer, beside the message: a line feed after it, a closing zero. */

#define FLOW_ROOM_EXTRA         2


typedef struct {
    _Alignas(max_align_t) size_t  size;
} flow_room_block_t;


int
flow_room_reserve(flow_room_t *room, size_t len)
{
    size_t  buffer;

    if (room->data != NULL && len <= room->message_len) {
        return FLOW_OK;
    }

    if (len > SIZE_MAX / 16) {
        return FLOW_ERROR;
    }

    buffer = FLOW_ROOM_BUFFER_MIN;

    while (buffer < len + FLOW_ROOM_EXTRA) {
        buffer *= 2;
    }

    free(room->data);

    room->size = FLOW_ROOM_SMALL_BLOCKS + 2 * buffer * FLOW_ROOM_BUFFERS;
    room->used = 0;
    room->message_len = buffer - FLOW_ROOM_EXTRA;

    room->data = malloc(room->size);

    return (room->data != NULL) ? FLOW_AGAIN : FLOW_ERROR;
}


void
flow_room_empty(flow_room_t *room)
{
    room->used = 0;
}


void
flow_room_destroy(flow_room_t *room)
{
    free(room->data);
    room->data = NULL;
}


void *
flow_room_allocate(void *ctx, size_t size)
{
    size_t              free_size, taken;
    flow_room_t        *room = ctx;
    flow_room_block_t  *block;

    free_size = room->size - room->used;

    if (size > free_size) {
        return NULL;
    }

    /* a block's head has the size of an alignment, or several */

    taken = size + 2 * sizeof(flow_room_block_t) - 1;
    taken -= taken % sizeof(flow_room_block_t);

    if (taken > free_size) {
        return NULL;
    }

    block = (flow_room_block_t *) (void *) &room->data[room->used];
    block->size = size;

    room->used += taken;

    return block + 1;
}


void *
flow_room_reallocate(void *ctx, void *block, size_t size)
{
    size_t  old_size;
    void   *moved;

    moved = flow_room_allocate(ctx, size);

    if (moved != NULL && block != NULL) {
        old_size = ((const flow_room_block_t *) block - 1)->size;
        memcpy(moved, block, old_size < size ? old_size : size);
    }

    return moved;
}


void
flow_room_free(void *ctx, void *block)
{
    (void) ctx;
    (void) block;
}
