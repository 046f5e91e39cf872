/* Checks of the C and C++ tests: a check that fails prints its location and ends the program. */
#ifndef CHECK_H
#define CHECK_H

#include "castalia.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);     \
            exit(1);                                                                           \
        }                                                                                      \
    } while (0)

#define CHECK_TEXT(text, expected) check_text(__FILE__, __LINE__, text, expected)
#define OK(call) check_code(__FILE__, __LINE__, call, 0)
#define FAILS(call, code) check_code(__FILE__, __LINE__, call, code)

/* Waits until a condition holds, for a minute or more. */
#define WAIT_FOR(condition)                                                                    \
    do {                                                                                       \
        int rounds = 0;                                                                        \
        while (!(condition) && rounds++ < 60000) check_pause();                                \
        CHECK(condition);                                                                      \
    } while (0)

static inline void check_text(const char *file, int line, CastaliaStr text, const char *expected) {
    if (text.ptr == NULL || text.len != strlen(expected) || memcmp(text.ptr, expected, text.len)) {
        fprintf(stderr, "%s:%d: `%.*s` is not `%s`\n", file, line, (int)text.len, text.ptr, expected);
        exit(1);
    }
}

static inline void check_code(const char *file, int line, CastaliaError *error, int32_t code) {
    if (castalia_error_code(error) != code) {
        CastaliaStr message = castalia_error_message(error);
        fprintf(stderr, "%s:%d: code %d is not %d: %.*s\n", file, line, castalia_error_code(error),
                code, (int)message.len, message.ptr);
        exit(1);
    }
    castalia_error_release(error);
}

static inline void check_pause(void) {
    struct timespec millisecond = {0, 1000000};
    nanosleep(&millisecond, NULL);
}

#endif
