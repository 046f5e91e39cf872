/* Talks to castalia-scripted, which started this program: orders go out by standard output, answers come by standard input. */
#ifndef SCRIPTED_H
#define SCRIPTED_H

#include "check.h"

/* Gives an order and waits until it was carried out. */
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
