/* Listeners: in order, off the network path, free to call anything, and silent after cancel. */
#include "client.h"

#include <pthread.h>
#include <stdatomic.h>

static CastaliaClient client;
static CastaliaConfig config;
static int published;

static void publish(void) {
    char line[64];
    snprintf(line, sizeof line, "publish application n %d", ++published);
    order(line);
}

static CastaliaSubscription listen_with(CastaliaListener listener, void *user_data, CastaliaRelease release) {
    CastaliaSubscription subscription;
    OK(castalia_config_on_change(config, NULL, listener, user_data, release, &subscription));
    return subscription;
}

static void count_release(void *user_data) { atomic_fetch_add((atomic_int *)user_data, 1); }

typedef struct {
    atomic_ullong last;
    atomic_int calls, running;
} Order;

static int32_t check_order(void *user_data, const CastaliaEvent *event) {
    Order *seen = user_data;
    CastaliaRecord *about = castalia_event_about(event);
    unsigned long long sequence = (unsigned long long)number_of(about, "sequence");
    CHECK(atomic_fetch_add(&seen->running, 1) == 0);
    CHECK(sequence > atomic_load(&seen->last));
    CHECK(sequence - (unsigned long long)number_of(about, "coalesced") == atomic_load(&seen->last) + 1);
    castalia_record_release(about);
    atomic_store(&seen->last, sequence);
    atomic_fetch_add(&seen->calls, 1);
    atomic_fetch_sub(&seen->running, 1);
    return 0;
}

static int32_t fail(void *user_data, const CastaliaEvent *event) {
    (void)event;
    atomic_fetch_add((atomic_int *)user_data, 1);
    return 1;
}

/* T03, T22: a failing listener affects no other, and each sees a rising sequence without unreported
 * gaps. */
static void events_come_in_order_beside_a_failing_listener(void) {
    Order seen = {0};
    atomic_int failures = 0;
    CastaliaSubscription failing = listen_with(fail, &failures, NULL);
    CastaliaSubscription ordered = listen_with(check_order, &seen, NULL);
    for (int i = 0; i < 10000; i++) publish();
    WAIT_FOR(long_of(config, "n", 0) == published);
    WAIT_FOR(atomic_load(&seen.calls) == atomic_load(&failures) && atomic_load(&seen.calls) > 1);
    castalia_subscription_cancel(failing);
    castalia_subscription_cancel(ordered);
}

static void *read_often(void *argument) {
    const CastaliaStr key = castalia_str("n");
    while (!atomic_load((atomic_int *)argument)) {
        const CastaliaSnapshot *snapshot = snapshot_of(config);
        CastaliaStr before, after;
        int32_t found = 0;
        OK(castalia_snapshot_get(snapshot, key, &before, &found));
        CHECK(found == 1);
        char *copy = strndup(before.ptr, before.len);
        OK(castalia_snapshot_get(snapshot, key, &after, &found));
        CHECK(after.ptr == before.ptr && memcmp(copy, after.ptr, after.len) == 0);
        free(copy);
        castalia_snapshot_release(snapshot);
    }
    return NULL;
}

/* T09: readers hold views while the namespace changes a thousand times. */
static void views_live_as_long_as_their_snapshot(void) {
    pthread_t readers[8];
    atomic_int done = 0;
    for (int i = 0; i < 8; i++) CHECK(pthread_create(&readers[i], NULL, read_often, &done) == 0);
    for (int i = 0; i < 1000; i++) publish();
    WAIT_FOR(long_of(config, "n", 0) == published);
    atomic_store(&done, 1);
    for (int i = 0; i < 8; i++) pthread_join(readers[i], NULL);
}

typedef struct {
    atomic_int live;
    atomic_int *released;
} Counted;

static int32_t use_counted(void *user_data, const CastaliaEvent *event) {
    (void)event;
    CHECK(atomic_load(&((Counted *)user_data)->live) == 1);
    return 0;
}

static void free_counted(void *user_data) {
    Counted *counted = user_data;
    atomic_fetch_sub(&counted->live, 1);
    atomic_fetch_add(counted->released, 1);
    free(counted);
}

static void *subscribe_and_cancel(void *argument) {
    for (int i = 0; i < 500; i++) {
        Counted *counted = malloc(sizeof *counted);
        atomic_init(&counted->live, 1);
        counted->released = argument;
        int before = atomic_load(counted->released);
        castalia_subscription_cancel(listen_with(use_counted, counted, free_counted));
        CHECK(atomic_load((atomic_int *)argument) > before);
    }
    return NULL;
}

/* T15: after cancelling, no call runs and the data has been released, exactly once. */
static void cancelling_leaves_nothing_behind(void) {
    pthread_t threads[4];
    atomic_int released = 0;
    for (int i = 0; i < 4; i++) CHECK(pthread_create(&threads[i], NULL, subscribe_and_cancel, &released) == 0);
    for (int i = 0; i < 500; i++) publish();
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    CHECK(atomic_load(&released) == 4 * 500);
}

typedef struct {
    CastaliaSubscription own;
    atomic_int calls, released;
} Reentrant;

static int32_t call_everything(void *user_data, const CastaliaEvent *event) {
    Reentrant *self = user_data;
    CastaliaConfig again, fresh;
    CastaliaChange change;
    CHECK(castalia_event_change(event, 0, &change));
    CHECK_TEXT(change.key, "n");
    CHECK(long_of(config, "n", 0) > 0);
    OK(castalia_client_config(client, castalia_str("application"), 90000, &again));
    castalia_config_close(again);
    FAILS(castalia_client_config(client, castalia_str("fresh"), 90000, &fresh), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_config_refresh(config, 60000), CASTALIA_INVALID_ARGUMENT);
    castalia_subscription_cancel(listen_with(use_counted, NULL, NULL));
    castalia_subscription_cancel(self->own);
    CHECK(atomic_load(&self->released) == 0);
    atomic_fetch_add(&self->calls, 1);
    return 0;
}

static void release_reentrant(void *user_data) { atomic_fetch_add(&((Reentrant *)user_data)->released, 1); }

/* T17, T51: a listener may call anything; blocking calls are refused there, and a cancel in it does
 * not wait. */
static void a_listener_may_call_anything(void) {
    Reentrant self = {0};
    WAIT_FOR(long_of(config, "n", 0) == published);
    self.own = listen_with(call_everything, &self, release_reentrant);
    order("held 1");
    publish();
    WAIT_FOR(atomic_load(&self.released) == 1);
    publish();
    WAIT_FOR(long_of(config, "n", 0) == published);
    CHECK(atomic_load(&self.calls) == 1);
}

typedef struct {
    atomic_int entered, leave;
    char thread[16];
} Slow;

static int32_t wait_to_leave(void *user_data, const CastaliaEvent *event) {
    Slow *slow = user_data;
    (void)event;
    pthread_getname_np(pthread_self(), slow->thread, sizeof slow->thread);
    atomic_store(&slow->entered, 1);
    while (!atomic_load(&slow->leave)) check_pause();
    return 0;
}

/* T16, T18: a listener that does not return blocks no other; its thread has the name of the
 * library. */
static void a_slow_listener_delays_nobody(void) {
    Slow slow = {0};
    Order other = {0};
    order("publish second m 1");
    CastaliaConfig second = config_open(client, "second");
    CastaliaSubscription stuck = listen_with(wait_to_leave, &slow, NULL);
    publish();
    WAIT_FOR(atomic_load(&slow.entered));
    CHECK(strncmp(slow.thread, "castalia", 8) == 0);
    CastaliaSubscription quick;
    OK(castalia_config_on_change(second, NULL, check_order, &other, NULL, &quick));
    order("publish second m 2");
    WAIT_FOR(atomic_load(&other.calls) == 1);
    CHECK(long_of(second, "m", 0) == 2);
    atomic_store(&slow.leave, 1);
    castalia_subscription_cancel(stuck);
    castalia_subscription_cancel(quick);
    castalia_config_release(second);
}

static int is(CastaliaStr text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.ptr, expected, text.len) == 0;
}

/* Counts records with a field for the key. */
static atomic_int named;

static void log_and_read(void *user_data, const CastaliaRecord *record) {
    static const char *const levels[] = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"};
    const CastaliaRecord *fields = field_of(record, "fields");
    CastaliaStr target = text_of(record, "target"), name;
    int level = 0;
    CHECK(long_of(config, "n", 0) >= 0);
    while (level < 5 && !is(text_of(record, "level"), levels[level])) level++;
    CHECK(level < 5 && text_of(record, "text").len > 0);
    CHECK(target.len >= 8 && memcmp(target.ptr, "castalia", 8) == 0);
    for (size_t i = 0; (name = castalia_record_name(fields, i)).ptr != NULL; i++)
        if (is(name, "key") && is(castalia_record_text(castalia_record_field(fields, name)), "n"))
            atomic_fetch_add(&named, 1);
    atomic_fetch_add((atomic_int *)user_data, 1);
}

/* T21, F170: a logger that calls the client and reads the fields of a record separately. */
static void a_logger_may_call_the_client(void) {
    atomic_int records = 0, released = 0;
    OK(castalia_log_set(CASTALIA_STR("TRACE"), log_and_read, &records, NULL));
    order("fail config 500");
    CastaliaError *error = castalia_config_refresh(config, 60000);
    CHECK(error != NULL);
    castalia_error_release(error);
    WAIT_FOR(atomic_load(&records) > 0);
    const CastaliaSnapshot *snapshot = snapshot_of(config);
    FAILS(castalia_snapshot_malformed(snapshot, castalia_str("n")), CASTALIA_PARSE);
    castalia_snapshot_release(snapshot);
    CHECK(atomic_load(&named) == 1);
    order("fail config 200");
    OK(castalia_log_set(CASTALIA_STR("error"), NULL, &released, count_release));
    WAIT_FOR(atomic_load(&released) == 1);
}

static int32_t close_client(void *user_data, const CastaliaEvent *event) {
    (void)event;
    castalia_client_close(client, 60000);
    atomic_store((atomic_int *)user_data, 1);
    return 0;
}

/* T17, T50: closing in a listener starts the close and does not wait for it. */
static void a_listener_may_close_the_client(void) {
    atomic_int closed = 0;
    CastaliaSubscription subscription = listen_with(close_client, &closed, NULL);
    order("held 1");
    publish();
    WAIT_FOR(atomic_load(&closed));
    FAILS(castalia_config_refresh(config, 60000), CASTALIA_CLOSED);
    castalia_subscription_cancel(subscription);
}

/* Of the address sanitizer; not every compiler has its header. */
size_t __sanitizer_get_current_allocated_bytes(void);

enum { SUBSCRIPTIONS = 2000 };

/* Subscribes, closes the client, and cancels afterwards. */
static void subscribe_close_and_cancel(void) {
    static CastaliaSubscription subscriptions[SUBSCRIPTIONS];
    atomic_int released = 0;
    client = client_new();
    config = config_open(client, "application");
    for (int i = 0; i < SUBSCRIPTIONS; i++) subscriptions[i] = listen_with(fail, &released, count_release);
    castalia_client_close(client, 60000);
    WAIT_FOR(atomic_load(&released) == SUBSCRIPTIONS);
    for (int i = 0; i < SUBSCRIPTIONS; i++) castalia_subscription_cancel(subscriptions[i]);
    castalia_config_release(config);
    CHECK(atomic_load(&released) == SUBSCRIPTIONS);
}

/* Subscriptions outlive their client until they are cancelled, and leave nothing behind then. */
static void subscriptions_of_a_closed_client_are_freed(void) {
    /* The first client also allocates what later ones use again, such as the table of handles. */
    for (int i = 0; i < 2; i++) subscribe_close_and_cancel();
    const size_t before = __sanitizer_get_current_allocated_bytes();
    for (int i = 0; i < 4; i++) subscribe_close_and_cancel();
    /* Threads of the library may still be freeing what they had. */
    WAIT_FOR(__sanitizer_get_current_allocated_bytes() < before + 100 * SUBSCRIPTIONS);
}

int main(void) {
    publish();
    client = client_new();
    config = config_open(client, "application");
    order("held 1");
    events_come_in_order_beside_a_failing_listener();
    views_live_as_long_as_their_snapshot();
    cancelling_leaves_nothing_behind();
    a_listener_may_call_anything();
    a_slow_listener_delays_nobody();
    a_logger_may_call_the_client();
    a_listener_may_close_the_client();
    castalia_config_release(config);
    subscriptions_of_a_closed_client_are_freed();
    return 0;
}
