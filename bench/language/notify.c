/* From a publish to the listener in C: the median of many rounds, each with a parked poll. Prints
 * nanoseconds. */
#include "../../tests/c/client.h"

#include <semaphore.h>
#include <time.h>

enum { ROUNDS = 300 };

static sem_t told;
static double told_at;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int32_t on_change(void *user_data, const CastaliaEvent *event) {
    (void)user_data;
    (void)event;
    told_at = now();
    return sem_post(&told);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void) {
    double times[ROUNDS];
    CastaliaSubscription subscription;
    sem_init(&told, 0, 0);
    order("publish application n 0");
    CastaliaClient client = client_new();
    CastaliaConfig config = config_open(client, "application");
    OK(castalia_config_on_change(config, NULL, on_change, NULL, NULL, &subscription));
    for (int round = 0; round < ROUNDS; round++) {
        char line[64];
        order("held 1");
        snprintf(line, sizeof line, "publish application n %d", round + 1);
        double begun = now();
        order(line);
        while (sem_wait(&told) != 0) {
        }
        times[round] = told_at - begun;
    }
    qsort(times, ROUNDS, sizeof *times, ascending);
    fprintf(stderr, "c-notify %.0f\n", times[ROUNDS / 2]);
    castalia_client_close(client, 5000);
    return 0;
}
