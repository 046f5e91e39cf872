/* Communicates with castalia-scripted, which started this program: commands go to standard output,
 * answers come from standard input. */
#ifndef SCRIPTED_H
#define SCRIPTED_H

#include "check.h"

/* Sends a command and waits until it was carried out. */
static inline void order(const char *words) {
    char answer[4096];
    printf("%s\n", words);
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) == NULL || strncmp(answer, "ok", 2) != 0) {
        fprintf(stderr, "order `%s` failed: %s\n", words, answer);
        exit(1);
    }
}

#endif
