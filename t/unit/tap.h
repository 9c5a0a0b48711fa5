/*
 * The few words of TAP (Test Anything Protocol) that the unit tests need;
 * prove reads what they print.
 */

#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>


static unsigned  tap_tests;
static unsigned  tap_failures;


/* One result; "format" says what a user relies on. */

__attribute__((format(printf, 2, 3)))
static inline bool
ok(bool passed, const char *format, ...)
{
    va_list  args;

    tap_tests++;

    if (!passed) {
        tap_failures++;
    }

    printf("%sok %u - ", passed ? "" : "not ", tap_tests);

    va_start(args, format);
    vprintf(format, args);
    va_end(args);

    printf("\n");
    fflush(stdout);

    return passed;
}


/* A remark beside the results, such as a seed. */

__attribute__((format(printf, 1, 2)))
static inline void
note(const char *format, ...)
{
    va_list  args;

    printf("# ");

    va_start(args, format);
    vprintf(format, args);
    va_end(args);

    printf("\n");
}


/* The plan, after the last result; the exit status of main(). */

static inline int
done(void)
{
    printf("1..%u\n", tap_tests);

    return tap_failures == 0 && tap_tests != 0 ? 0 : 1;
}


#endif /* TAP_H */
