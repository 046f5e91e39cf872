/* The one-time cost of castalia in a program: loading the library, and a client with its first
 * namespace. Prints nanoseconds. */
#include <castalia.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void *look_up(void *library, const char *name) {
    void *function = dlsym(library, name);
    if (function == NULL) abort();
    return function;
}

int main(void) {
    char answer[64];
    puts("publish application n 0");
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) == NULL) return 1;
    double begun = now();
    void *library = dlopen("libcastalia.so.1", RTLD_NOW);
    if (library == NULL) abort();
    double loaded = now();
    CastaliaClient client;
    CastaliaConfig config;
    __typeof__(&castalia_settings_from_env) from_env = look_up(library, "castalia_settings_from_env");
    __typeof__(&castalia_client_new) client_new = look_up(library, "castalia_client_new");
    __typeof__(&castalia_client_config) client_config = look_up(library, "castalia_client_config");
    __typeof__(&castalia_client_close) client_close = look_up(library, "castalia_client_close");
    if (client_new(from_env(), &client) != NULL) return 1;
    if (client_config(client, castalia_str("application"), 20000, &config) != NULL) return 1;
    double opened = now();
    fprintf(stderr, "c-import %.0f\nc-start %.0f\n", loaded - begun, opened - loaded);
    client_close(client, 5000);
    return 0;
}
