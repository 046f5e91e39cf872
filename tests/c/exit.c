/* T48, C114: the program exits with its own exit code while events arrive and nothing was closed.
 * */
#include "client.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_int events;

static int32_t count_event(void *user_data, const CastaliaEvent *event) {
    (void)user_data, (void)event;
    atomic_fetch_add(&events, 1);
    return 0;
}

static void *publish_for_ever(void *argument) {
    char line[64], answer[4096];
    (void)argument;
    for (int i = 1;; i++) {
        snprintf(line, sizeof line, "publish application n %d\n", i);
        if (fputs(line, stdout) < 0 || fflush(stdout) != 0 || fgets(answer, sizeof answer, stdin) == NULL) return NULL;
    }
}

int main(void) {
    pthread_t publisher;
    CastaliaSubscription subscription;
    order("publish application n 0");
    CastaliaConfig config = config_open(client_new(), "application");
    OK(castalia_config_on_change(config, NULL, count_event, NULL, NULL, &subscription));
    order("held 1");
    CHECK(pthread_create(&publisher, NULL, publish_for_ever, NULL) == 0);
    WAIT_FOR(atomic_load(&events) > 2);
    /* quick_exit runs no exit handlers, which would wait for the publisher's lock on standard
     * output. */
    quick_exit(7);
}
