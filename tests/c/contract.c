/* Executes the calls of the contract cases in C: one client, its namespaces and its listeners,
 * controlled by lines of text. */
#include "words.h"

#include <inttypes.h>
#include <pthread.h>

enum { MOST = 64, PATIENCE_MS = 70000 };

typedef struct {
    char name[64];
    CastaliaConfig config;
    /* The last values of a namespace that was closed. */
    const CastaliaSnapshot *last;
} Open;

typedef struct {
    char name[64];
    pthread_mutex_t mutex;
    pthread_cond_t more;
    const CastaliaEvent *events[1024];
    int taken, count, throws;
} Listener;

static CastaliaClient client;
static Open opened[MOST];
static Listener listeners[MOST];
static int opened_count, listener_count;

static void keep(char *name, CastaliaStr text) { snprintf(name, 64, "%.*s", (int)text.len, text.ptr); }

static Open *open_of(const Words *call) {
    static Open none;
    for (int i = opened_count - 1; i >= 0; i--)
        if (words_is(call, 1, opened[i].name)) return &opened[i];
    return &none;
}

static CastaliaConfig config_of(const Words *call) { return open_of(call)->config; }

static Listener *listener_of(const Words *call) {
    for (int i = listener_count - 1; i >= 0; i--)
        if (words_is(call, 1, listeners[i].name)) return &listeners[i];
    abort();
}

/* Writes the answer for a failed call; returns whether it failed. */
static int failed(CastaliaError *error) {
    if (error == NULL) return 0;
    printf("error");
    words_write(castalia_error_name(error));
    words_write(castalia_error_message(error));
    castalia_error_release(error);
    return 1;
}

static void write_text(const char *text) { words_write(castalia_str(text)); }

static void make_client(const Words *call) {
    CastaliaSettings *settings = castalia_settings_new();
    CastaliaError *error = NULL;
    for (int i = 1; i + 1 < call->count && error == NULL; i += 2)
        error = castalia_settings_set(settings, call->words[i], call->words[i + 1]);
    if (error == NULL) error = castalia_client_new(settings, &client);
    castalia_settings_release(settings);
    if (!failed(error)) printf("ok");
}

static void open_namespace(const Words *call) {
    CastaliaConfig config;
    if (failed(castalia_client_config_of(client, call->words[1], call->words[2], PATIENCE_MS, &config))) return;
    keep(opened[opened_count].name, call->words[2]);
    opened[opened_count++].config = config;
    printf("ok");
}

static void close_namespace(const Words *call) {
    Open *open = open_of(call);
    if (open->last == NULL && failed(castalia_config_snapshot(open->config, &open->last))) return;
    castalia_config_close(open->config);
    printf("ok");
}

static int32_t on_change(void *user_data, const CastaliaEvent *event) {
    Listener *listener = user_data;
    if (listener->throws) return 1;
    pthread_mutex_lock(&listener->mutex);
    listener->events[listener->count++] = castalia_event_retain(event);
    pthread_cond_signal(&listener->more);
    pthread_mutex_unlock(&listener->mutex);
    return 0;
}

static void listen_to(const Words *call) {
    Listener *listener = &listeners[listener_count++];
    CastaliaStr keys[MOST_WORDS], prefixes[MOST_WORDS];
    CastaliaFilter filter = {keys, 0, prefixes, 0};
    CastaliaSubscription subscription;
    for (int i = 4; i < call->count; i++) {
        CastaliaStr interest = {call->words[i].ptr + 1, call->words[i].len - 1};
        if (*call->words[i].ptr == 'k') keys[filter.keys_len++] = interest;
        else prefixes[filter.prefixes_len++] = interest;
    }
    keep(listener->name, call->words[1]);
    listener->throws = words_is(call, 3, "throws");
    pthread_mutex_init(&listener->mutex, NULL);
    pthread_cond_init(&listener->more, NULL);
    Words of_namespace = {{call->words[0], call->words[2]}, 2, NULL};
    if (!failed(castalia_config_on_change(config_of(&of_namespace), &filter, on_change, listener, NULL, &subscription)))
        printf("ok");
}

static int by_key(const void *a, const void *b) {
    CastaliaStr x = ((const CastaliaChange *)a)->key, y = ((const CastaliaChange *)b)->key;
    int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);
    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

/* The changed keys of the next event and the kind of each change, sorted. */
static void next_event(const Words *call) {
    static const char *const TYPES[] = {"", "added", "modified", "deleted"};
    Listener *listener = listener_of(call);
    pthread_mutex_lock(&listener->mutex);
    while (listener->taken == listener->count) pthread_cond_wait(&listener->more, &listener->mutex);
    const CastaliaEvent *event = listener->events[listener->taken++];
    pthread_mutex_unlock(&listener->mutex);
    CastaliaChange changes[MOST_WORDS];
    size_t count = 0;
    while (castalia_event_change(event, count, &changes[count])) count++;
    qsort(changes, count, sizeof *changes, by_key);
    printf("ok");
    for (size_t i = 0; i < count; i++) {
        words_write(changes[i].key);
        write_text(TYPES[changes[i].change_type]);
    }
}

static void last_interest(const Words *call) {
    const Listener *listener = listener_of(call);
    CastaliaRecord *about = castalia_event_about(listener->events[listener->taken - 1]);
    const CastaliaRecord *keys = castalia_record_field(about, castalia_str("interested_keys")), *key;
    printf("ok");
    for (size_t i = 0; (key = castalia_record_item(keys, i)) != NULL; i++) words_write(castalia_record_text(key));
    castalia_record_release(about);
}

static void content_of(const Words *call) {
    CastaliaConfig file;
    const CastaliaSnapshot *snapshot;
    if (failed(castalia_client_config_file(client, call->words[1], PATIENCE_MS, &file))) return;
    if (failed(castalia_config_snapshot(file, &snapshot))) return;
    CastaliaStr content = castalia_snapshot_content(snapshot);
    printf("ok");
    if (content.ptr != NULL) words_write(content);
    castalia_snapshot_release(snapshot);
    castalia_config_release(file);
}

static CastaliaStr text_of(const CastaliaRecord *record, const char *field) {
    return castalia_record_text(castalia_record_field(record, castalia_str(field)));
}

static int is_named(const CastaliaRecord *record, const char *field, CastaliaStr name) {
    CastaliaStr found = text_of(record, field);
    return found.len == name.len && memcmp(found.ptr, name.ptr, name.len) == 0;
}

static void metric_of(const Words *call) {
    CastaliaRecord *metrics;
    const CastaliaRecord *one;
    if (failed(castalia_client_report(client, castalia_str("metrics"), &metrics))) return;
    printf("ok");
    const CastaliaRecord *namespaces = castalia_record_field(metrics, castalia_str("namespaces"));
    for (size_t i = 0; (one = castalia_record_item(namespaces, i)) != NULL; i++)
        if (is_named(one, "namespace", call->words[1]))
            printf(" %" PRId64, castalia_record_number(castalia_record_field(one, call->words[2]), -1));
    castalia_record_release(metrics);
}

static void setting_of(const Words *call) {
    CastaliaRecord *settings;
    const CastaliaRecord *one;
    if (failed(castalia_client_report(client, castalia_str("settings"), &settings))) return;
    printf("ok");
    for (size_t i = 0; (one = castalia_record_item(settings, i)) != NULL; i++)
        if (is_named(one, "name", call->words[1]))
            words_write(text_of(one, "value"));
    castalia_record_release(settings);
}

static void write_keys(const CastaliaSnapshot *snapshot) {
    CastaliaStr key, value;
    printf("ok");
    for (size_t i = 0; castalia_snapshot_entry(snapshot, i, &key, &value); i++) words_write(key);
}

static void get_text(const CastaliaSnapshot *snapshot, CastaliaStr key) {
    CastaliaStr value;
    int32_t found;
    if (failed(castalia_snapshot_get(snapshot, key, &value, &found))) return;
    printf("ok");
    if (found) words_write(value);
}

/* get_TYPE reads with the default, try_get_TYPE without. */
#define TYPED(TYPE, C, FORMAT, PARSE)                                                                          \
    if (words_is(call, 0, "get_" #TYPE)) {                                                                     \
        C value = PARSE;                                                                                       \
        if (!failed(castalia_snapshot_get_##TYPE(snapshot, key, &value, NULL))) printf("ok " FORMAT, value);   \
        return;                                                                                                \
    }                                                                                                          \
    if (words_is(call, 0, "try_get_" #TYPE)) {                                                                 \
        C value = 0;                                                                                           \
        int32_t found = 0;                                                                                     \
        if (failed(castalia_snapshot_get_##TYPE(snapshot, key, &value, &found))) return;                       \
        printf("ok");                                                                                          \
        if (found) printf(" " FORMAT, value);                                                                  \
        return;                                                                                                \
    }

static void read_typed(const Words *call, const CastaliaSnapshot *snapshot) {
    char text[64] = "";
    CastaliaStr key = call->words[2];
    if (call->count > 3) keep(text, call->words[3]);
    TYPED(int, int32_t, "%" PRId32, (int32_t)atol(text))
    TYPED(long, int64_t, "%" PRId64, atoll(text))
    TYPED(double, double, "%.17g", strtod(text, NULL))
    TYPED(duration, int64_t, "%" PRId64, atoll(text))
    TYPED(date, int64_t, "%" PRId64, atoll(text))
    if (words_is(call, 0, "get_bool")) {
        int32_t value = strcmp(text, "true") == 0;
        if (!failed(castalia_snapshot_get_bool(snapshot, key, &value, NULL))) printf("ok %s", value ? "true" : "false");
    } else if (words_is(call, 0, "try_get_bool")) {
        int32_t value = 0, found = 0;
        if (failed(castalia_snapshot_get_bool(snapshot, key, &value, &found))) return;
        printf("ok%s", !found ? "" : value ? " true" : " false");
    }
}

static void last_error(const Words *call) {
    CastaliaRecord *about;
    if (failed(castalia_config_about(config_of(call), &about))) return;
    const CastaliaRecord *last = castalia_record_field(about, castalia_str("last_error"));
    printf("ok");
    if (last != NULL) words_write(text_of(last, "kind"));
    castalia_record_release(about);
}

static void state_of(CastaliaConfig config, const CastaliaSnapshot *snapshot) {
    CastaliaRecord *origin = castalia_snapshot_about(snapshot), *about = NULL;
    printf("ok");
    words_write(text_of(origin, "source"));
    castalia_error_release(castalia_config_about(config, &about));
    if (about != NULL) words_write(text_of(about, "state"));
    castalia_record_release(about);
    castalia_record_release(origin);
}

static void read_now(const Words *call) {
    const Open *open = open_of(call);
    CastaliaConfig config = open->config;
    const CastaliaSnapshot *snapshot;
    if (words_is(call, 0, "refresh")) {
        if (!failed(castalia_config_refresh(config, PATIENCE_MS))) printf("ok");
        return;
    }
    snapshot = castalia_snapshot_retain(open->last);
    if (snapshot == NULL && failed(castalia_config_snapshot(config, &snapshot))) return;
    if (words_is(call, 0, "get")) get_text(snapshot, call->words[2]);
    else if (words_is(call, 0, "keys")) write_keys(snapshot);
    else if (words_is(call, 0, "state")) state_of(config, snapshot);
    else read_typed(call, snapshot);
    castalia_snapshot_release(snapshot);
}

int main(void) {
    Words call;
    while (words_read(&call)) {
        if (words_is(&call, 0, "client")) make_client(&call);
        else if (words_is(&call, 0, "open")) open_namespace(&call);
        else if (words_is(&call, 0, "listen")) listen_to(&call);
        else if (words_is(&call, 0, "event")) next_event(&call);
        else if (words_is(&call, 0, "interest")) last_interest(&call);
        else if (words_is(&call, 0, "content")) content_of(&call);
        else if (words_is(&call, 0, "metric")) metric_of(&call);
        else if (words_is(&call, 0, "setting")) setting_of(&call);
        else if (words_is(&call, 0, "last_error")) last_error(&call);
        else if (words_is(&call, 0, "close_namespace")) close_namespace(&call);
        else if (words_is(&call, 0, "close")) {
            castalia_client_close(client, PATIENCE_MS);
            printf("ok");
        } else read_now(&call);
        printf("\n");
        fflush(stdout);
        words_free(&call);
    }
    return 0;
}
