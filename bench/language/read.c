/* One read in C: borrowed from a held snapshot, copied from it, and borrowed from a snapshot of its own. Prints nanoseconds. */
#include "../../tests/c/client.h"

#include <time.h>

enum { KEYS = 1000, READS = 2000000, ROUNDS = 25 };

static CastaliaConfig config;
static const CastaliaSnapshot *held;
static char keys[KEYS][32];

static void borrowed(CastaliaStr key) {
    CastaliaStr value;
    int32_t found;
    castalia_error_release(castalia_snapshot_get(held, key, &value, &found));
    __asm__ volatile("" ::"r"(&value), "r"(&found) : "memory");
}

static void copied(CastaliaStr key) {
    char buffer[64];
    CastaliaStr value;
    int32_t found;
    castalia_error_release(castalia_snapshot_get(held, key, &value, &found));
    if (!found || value.len >= sizeof buffer) abort();
    memcpy(buffer, value.ptr, value.len);
    buffer[value.len] = '\0';
    __asm__ volatile("" ::"r"(buffer), "r"(&found) : "memory");
}

static void acquired(CastaliaStr key) {
    const CastaliaSnapshot *snapshot;
    CastaliaStr value;
    int32_t found;
    castalia_error_release(castalia_config_snapshot(config, &snapshot));
    castalia_error_release(castalia_snapshot_get(snapshot, key, &value, &found));
    __asm__ volatile("" ::"r"(&value), "r"(&found) : "memory");
    castalia_snapshot_release(snapshot);
}

static void report(const char *name, void (*read)(CastaliaStr)) {
    double fastest = 1e9;
    CastaliaStr views[KEYS];
    for (int i = 0; i < KEYS; i++) views[i] = castalia_str(keys[i]);
    for (int round = 0; round < ROUNDS; round++) {
        struct timespec start, end;
        int index = 0;
        clock_gettime(CLOCK_MONOTONIC, &start);
        for (int i = 0; i < READS; i++) {
            index = (index + 617) % KEYS;
            read(views[index]);
        }
        clock_gettime(CLOCK_MONOTONIC, &end);
        double time = ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / READS;
        if (time < fastest) fastest = time;
    }
    fprintf(stderr, "%s %.1f\n", name, fastest);
}

int main(void) {
    printf("publish application");
    for (int i = 0; i < KEYS; i++) {
        snprintf(keys[i], sizeof keys[i], "some.longer.key.%d", i);
        printf(" %s %s", keys[i], keys[i]);
    }
    order("");
    CastaliaClient client = client_new();
    config = config_open(client, "application");
    held = snapshot_of(config);
    report("c-borrowed", borrowed);
    report("c-copied", copied);
    report("c-acquired", acquired);
    castalia_snapshot_release(held);
    castalia_client_close(client, 5000);
    return 0;
}
