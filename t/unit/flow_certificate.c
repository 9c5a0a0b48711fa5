/*
 * Each error of OpenSSL's refuses, in words; none lets pass.
 */

#include <string.h>

#include "flow_certificate.h"
#include "tap.h"


static int
verify(int error, char *text, size_t size)
{
    return flow_certificate_verify(NULL, "kafka.example.net:9093", 1, &error,
                                   0, "", 0, text, size, NULL);
}


int
main(void)
{
    int   error, refused = 0, said = 0;
    char  text[64], small[8];

    text[0] = '\0';
    ok(verify(0, text, sizeof(text)) == 1 && text[0] == '\0',
       "no error: it is taken");

    for (error = 1; error < 200; error++) {
        memset(text, 0, sizeof(text));
        refused += verify(error, text, sizeof(text)) == 0;
        said += text[0] != '\0' && text[sizeof(text) - 1] == '\0';
    }

    ok(refused == 199, "any error: it is refused");
    ok(said == 199, "and something is said");

    (void) verify(10, text, sizeof(text));
    ok(strcmp(text, "it has expired") == 0, "expired");

    (void) verify(62, text, sizeof(text));
    ok(strcmp(text, "it is not for this host name") == 0, "another host");

    (void) verify(199, text, sizeof(text));
    ok(strstr(text, "199") != NULL, "an error without words of ours");

    memset(small, 'x', sizeof(small));
    (void) verify(10, small, sizeof(small) - 1);
    ok(strcmp(small, "it has") == 0 && small[7] == 'x', "room is kept to");

    return done();
}
