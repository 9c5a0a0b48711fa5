/*
 * Random numbers that a printed seed brings back (xorshift64).
 */

#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "tap.h"


static uint64_t  random_state;


/* Begins with the seed in the first argument, or with the clock's. */

static inline void
random_begin(int argc, char **argv)
{
    random_state = argc > 1 ? strtoull(argv[1], NULL, 10)
                            : (uint64_t) time(NULL);
    random_state += random_state == 0;

    note("seed %llu", (unsigned long long) random_state);
}


static inline uint64_t
random_below(uint64_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;

    return (random_state >> 11) % limit;
}


#endif /* RANDOM_H */
