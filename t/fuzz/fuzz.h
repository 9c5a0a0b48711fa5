/*
 * What the fuzz targets share.  Each is a function that gets any bytes at all
 * and ends the process where what must always hold does not: libFuzzer calls
 * it ("make fuzz"), or replay.c with the files of a corpus ("make test").
 */

#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static inline void
require(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "does not hold: %s\n", what);
        abort();
    }
}


#endif /* FUZZ_H */
