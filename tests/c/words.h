/* Lines of percent-encoded words, as the contract runner writes and reads them. */
#ifndef WORDS_H
#define WORDS_H

#include "castalia.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 64 };

typedef struct {
    CastaliaStr words[MOST_WORDS];
    int count;
    char *line;
} Words;

static inline int words_is(const Words *words, int index, const char *text) {
    return index < words->count && words->words[index].len == strlen(text) &&
           memcmp(words->words[index].ptr, text, strlen(text)) == 0;
}

/* Reads a line; 0 at the end of the input. The words are valid until words_free. */
static inline int words_read(Words *words) {
    size_t capacity = 0;
    words->line = NULL;
    words->count = 0;
    if (getline(&words->line, &capacity, stdin) < 0) {
        free(words->line);
        return 0;
    }
    /* Decoding never makes a word longer, so it is done in place. */
    char *from = words->line, *to = words->line, *start = words->line;
    for (;; from++) {
        if (*from == ' ' || *from == '\n' || *from == '\0') {
            if (words->count == MOST_WORDS) abort();
            words->words[words->count].ptr = start;
            words->words[words->count++].len = (size_t)(to - start);
            if (*from != ' ') return 1;
            *to++ = ' ';
            start = to;
        } else if (*from == '%') {
            char hex[3] = {from[1], from[2], 0};
            *to++ = (char)strtol(hex, NULL, 16);
            from += 2;
        } else {
            *to++ = *from;
        }
    }
}

static inline void words_free(Words *words) { free(words->line); }

/* Writes one more word of an answer. */
static inline void words_write(CastaliaStr word) {
    putchar(' ');
    for (size_t i = 0; i < word.len; i++) printf("%%%02X", (unsigned char)word.ptr[i]);
}

#endif
