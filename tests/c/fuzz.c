/* SEC-34: random calls with random handles and texts from four threads. `fuzz SECONDS SEED`; each
 * call returns, the sanitizers report nothing, and in the end every user_data was released. */
#include "client.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 4, POOL = 16, CLIENTS = 6, ALL = 1 << 20 };

/* Handles that were returned, open or closed; shared by all threads. */
static _Atomic uint64_t clients[POOL], configs[POOL], files[POOL], subscriptions[POOL];
/* All clients, to be closed at the end. */
static CastaliaClient all[ALL];
static atomic_int made_clients;
static atomic_int live_clients, registered, released, calls;
static atomic_long end;

static int32_t on_change(void *user_data, const CastaliaEvent *event) {
    (void)user_data;
    CastaliaChange change;
    for (size_t i = 0; castalia_event_change(event, i, &change); i++) CHECK(change.key.ptr != NULL);
    castalia_record_release(castalia_event_about(event));
    castalia_snapshot_release(castalia_event_snapshot(event));
    castalia_event_release(castalia_event_retain(event));
    return 0;
}

static void on_release(void *user_data) {
    (void)user_data;
    atomic_fetch_add(&released, 1);
}

/* Listeners own nothing but a count of their releases. */
static void note(CastaliaError *error, CastaliaSubscription made) {
    atomic_fetch_add(&registered, 1);
    if (error == NULL) atomic_store(&subscriptions[made.id % POOL], made.id);
    castalia_error_release(error);
}

static uint64_t next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Usually a handle that was returned, otherwise a random number. */
static uint64_t handle(_Atomic uint64_t *pool, uint64_t *state) {
    uint64_t random = next(state);
    if (random % 8 == 0) return next(state);
    return atomic_load(&pool[random / 8 % POOL]) + (random % 64 == 1);
}

static CastaliaStr text(uint64_t *state) {
    static const char *const texts[] = {"application", "n",  "",       "app.yaml", "a/../b", "\xff\xfe",   "a\0b",
                                        "\xe4\xb8\x8a", " x ", "apollo", "n.json",   "%00",    "application"};
    uint64_t random = next(state);
    if (random % 16 == 0) return (CastaliaStr){NULL, random % 3};
    return castalia_str(texts[random % (sizeof texts / sizeof *texts)]);
}

static void drop(CastaliaError *error) {
    castalia_error_message(error);
    castalia_error_release(error);
}

static void read_some(const CastaliaSnapshot *snapshot, uint64_t *state) {
    CastaliaStr key = text(state), value;
    int32_t found, small;
    int64_t large;
    double real;
    CastaliaRecord *list = NULL;
    drop(castalia_snapshot_get(snapshot, key, &value, &found));
    drop(castalia_snapshot_get_int(snapshot, key, &small, &found));
    drop(castalia_snapshot_get_date(snapshot, key, &large, NULL));
    drop(castalia_snapshot_get_double(snapshot, key, &real, &found));
    castalia_snapshot_entry(snapshot, next(state) % 4, &key, &value);
    castalia_record_release(castalia_snapshot_about(snapshot));
    drop(castalia_snapshot_malformed(snapshot, key));
    drop(castalia_snapshot_get_list(snapshot, text(state), text(state), next(state) % 2, &list, &found));
    castalia_record_text(castalia_record_item(list, next(state) % 4));
    castalia_record_release(list);
    castalia_snapshot_release(snapshot);
}

static void make_client(uint64_t *state) {
    CastaliaClient client;
    if (atomic_fetch_add(&live_clients, 1) >= CLIENTS) {
        atomic_fetch_sub(&live_clients, 1);
        return;
    }
    CastaliaSettings *settings = castalia_settings_from_env();
    drop(castalia_settings_set(settings, text(state), text(state)));
    CastaliaError *error = castalia_client_new(settings, &client);
    if (error == NULL) {
        atomic_store(&clients[next(state) % POOL], client.id);
        all[atomic_fetch_add(&made_clients, 1) % ALL] = client;
    } else {
        atomic_fetch_sub(&live_clients, 1);
    }
    drop(error);
    castalia_settings_release(settings);
}

static void watch(CastaliaConfig config, uint64_t *state) {
    CastaliaSubscription made = {0};
    const CastaliaStr keys[] = {text(state), text(state)};
    const CastaliaFilter filter = {.keys = keys, .keys_len = next(state) % 3};
    note(castalia_config_on_change(config, next(state) % 2 ? &filter : NULL, on_change, &calls, on_release, &made), made);
}

static void look(CastaliaClient client, uint64_t *state) {
    const CastaliaRecord *one;
    CastaliaRecord *metrics = NULL, *settings = NULL, *told = NULL, *about = NULL, *none = NULL;
    drop(castalia_client_report(client, castalia_str("metrics"), &metrics));
    drop(castalia_client_report(client, castalia_str("metrics_text"), &told));
    drop(castalia_client_report(client, castalia_str("settings"), &settings));
    drop(castalia_client_report(client, castalia_str("about"), &about));
    drop(castalia_client_report(client, text(state), &none));
    drop(castalia_client_set_access_key(client, text(state), text(state)));
    const CastaliaRecord *namespaces = castalia_record_field(metrics, castalia_str("namespaces"));
    for (size_t i = 0; (one = castalia_record_item(namespaces, i)) != NULL; i++)
        castalia_record_text(castalia_record_field(castalia_record_field(one, castalia_str("last_error")), text(state)));
    castalia_record_number(castalia_record_field(metrics, text(state)), 0);
    castalia_record_field(about, castalia_record_name(about, next(state) % 16));
    castalia_record_release(metrics);
    castalia_record_release(told);
    castalia_record_release(about);
    castalia_record_release(settings);
}

static void call(uint64_t *state) {
    CastaliaClient client = {handle(clients, state)};
    CastaliaConfig config = {handle(configs, state)};
    CastaliaConfig file = {handle(files, state)};
    const CastaliaSnapshot *snapshot = NULL;
    CastaliaSubscription made = {0};
    CastaliaRecord *about = NULL;
    uint32_t patience = next(state) % 20;
    switch (next(state) % 17) {
    case 0: make_client(state); break;
    case 1:
        castalia_client_close(client, patience);
        if (atomic_load(&live_clients) > 0) atomic_fetch_sub(&live_clients, 1);
        break;
    case 2:
    case 3:
        drop(castalia_client_config(client, text(state), patience, &config));
        atomic_store(&configs[next(state) % POOL], config.id);
        break;
    case 4: drop(castalia_client_config_of(client, text(state), text(state), patience, &config)); break;
    case 5:
        drop(castalia_client_config_file(client, text(state), patience, &file));
        atomic_store(&files[next(state) % POOL], file.id);
        break;
    case 6:
    case 7:
        drop(castalia_config_snapshot(config, &snapshot));
        read_some(snapshot, state);
        break;
    case 8:
        drop(castalia_config_about(config, &about));
        castalia_record_release(about);
        break;
    case 9: drop(castalia_config_refresh(config, patience)); break;
    case 10: watch(config, state); break;
    case 11: note(castalia_config_on_change(file, NULL, on_change, &calls, on_release, &made), made); break;
    case 12: castalia_subscription_cancel((CastaliaSubscription){handle(subscriptions, state)}); break;
    case 13: next(state) % 4 ? look(client, state) : castalia_config_release(config); break;
    case 14: next(state) % 2 ? castalia_config_close(config) : castalia_config_close(file); break;
    case 15:
        drop(castalia_config_about(file, &about));
        castalia_record_release(about);
        break;
    default:
        drop(castalia_config_snapshot(file, &snapshot));
        castalia_snapshot_content(snapshot);
        castalia_snapshot_release(snapshot);
        if (next(state) % 4 == 0) castalia_config_release(file);
    }
}

static void *run(void *seed) {
    uint64_t state = *(uint64_t *)seed;
    while (time(NULL) < atomic_load(&end)) {
        call(&state);
        atomic_fetch_add(&calls, 1);
    }
    return NULL;
}

int main(int count, char **arguments) {
    pthread_t threads[THREADS];
    uint64_t seeds[THREADS];
    long seconds = count > 1 ? atol(arguments[1]) : 3;
    unsigned long seed = count > 2 ? strtoul(arguments[2], NULL, 10) : (unsigned long)time(NULL);
    order("publish application n 1 app true");
    atomic_store(&end, time(NULL) + seconds);
    for (int i = 0; i < THREADS; i++) {
        seeds[i] = (seed + 1) * 0x9e3779b97f4a7c15 + (uint64_t)i;
        CHECK(pthread_create(&threads[i], NULL, run, &seeds[i]) == 0);
    }
    for (int round = 0; time(NULL) < atomic_load(&end); round++) {
        char words[64];
        snprintf(words, sizeof words, "publish application n %d", round);
        order(words);
        nanosleep(&(struct timespec){0, 20000000}, NULL);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < atomic_load(&made_clients); i++) castalia_client_close(all[i], 60000);
    WAIT_FOR(atomic_load(&released) == atomic_load(&registered));
    fprintf(stderr, "fuzz: seed %lu, %d calls, %d clients, %d listeners, all released\n", seed, atomic_load(&calls),
            atomic_load(&made_clients), atomic_load(&registered));
    return 0;
}
