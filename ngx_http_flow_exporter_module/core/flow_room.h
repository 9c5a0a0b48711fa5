/*
 * Memory for a JSON parser that does not check its allocations: all of it is
 * obtained beforehand, so that none can fail in the middle of a message.
 *
 *   | size block | size block | size block ...          | free     |
 *   data                                                used       size
 *
 * Blocks are never given back one by one; a new parser begins with an empty
 * room.
 */

#ifndef FLOW_ROOM_H
#define FLOW_ROOM_H

#include "flow_record.h"


/* All zeros: a room without memory. */

typedef struct {
    char    *data;
    size_t   size;
    size_t   used;
    size_t   message_len;    /* of the longest message there is room for */
} flow_room_t;


/*
 * Sees to it that a parser finds room for messages of "len" bytes.  FLOW_OK:
 * it does; FLOW_AGAIN: it does, in an empty room, and the old blocks are no
 * more; FLOW_ERROR if memory is short.
 */

int flow_room_reserve(flow_room_t *room, size_t len) FLOW_MUST_CHECK;

void flow_room_empty(flow_room_t *room);
void flow_room_destroy(flow_room_t *room);

/* malloc(), realloc() and free() of the room at "ctx". */

void *flow_room_allocate(void *ctx, size_t size);
void *flow_room_reallocate(void *ctx, void *block, size_t size);
void flow_room_free(void *ctx, void *block);


#endif /* FLOW_ROOM_H */
