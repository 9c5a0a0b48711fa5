/*
 * A client that costs little: gets a page over and over, and reads it.
 *
 *   fetch PORT PATH TIMES      TIMES 0: until it is ended
 *
 * Prints bytes and seconds of each time.
 */

#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define ROOM  (256 * 1024)


static double
seconds(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}


/* Bytes of the reply, or -1. */

static long long
fetch(uint16_t port, const char *path)
{
    int                 fd, len;
    char                request[512];
    ssize_t             size;
    long long           bytes = 0;
    static char         room[ROOM];
    struct sockaddr_in  address = { .sin_family = AF_INET };

    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    len = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n"
                   "Host: localhost\r\nConnection: close\r\n\r\n", path);

    fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd == -1
        || connect(fd, (struct sockaddr *) &address, sizeof(address)) == -1
        || write(fd, request, (size_t) len) != len)
    {
        return -1;
    }

    while ((size = recv(fd, room, ROOM, 0)) > 0) {
        bytes += size;
    }

    close(fd);

    return size == 0 ? bytes : -1;
}


int
main(int argc, char **argv)
{
    long       i, times;
    double     begun;
    long long  bytes;

    if (argc != 4) {
        fprintf(stderr, "fetch: PORT PATH TIMES\n");
        return 2;
    }

    times = strtol(argv[3], NULL, 10);

    for (i = 0; times == 0 || i < times; i++) {
        begun = seconds();
        bytes = fetch((uint16_t) strtoul(argv[1], NULL, 10), argv[2]);

        if (bytes == -1) {
            perror("fetch");
            return 1;
        }

        printf("%lld %.6f\n", bytes, seconds() - begun);
    }

    return 0;
}
