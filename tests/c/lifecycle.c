/* State of a namespace and closing it: last errors, closing, reopening, counters. */
#include "client.h"

#include <stdatomic.h>

static CastaliaClient client;

typedef struct {
    atomic_int events, released;
} Listener;

static int32_t count_event(void *user_data, const CastaliaEvent *event) {
    (void)event;
    atomic_fetch_add(&((Listener *)user_data)->events, 1);
    return 0;
}

static void count_release(void *user_data) { atomic_fetch_add(&((Listener *)user_data)->released, 1); }

static CastaliaSubscription listen_with(CastaliaConfig config, Listener *listener) {
    CastaliaSubscription subscription;
    OK(castalia_config_on_change(config, NULL, count_event, listener, count_release, &subscription));
    return subscription;
}

static CastaliaConfig file_open(const char *name) {
    CastaliaConfig file;
    OK(castalia_client_config_file(client, castalia_str(name), 90000, &file));
    return file;
}

/* The code of the last error; 0 if there is none. */
static int64_t last_code(CastaliaConfig config) {
    CastaliaRecord *about = standing_of(config);
    int64_t code = castalia_record_number(field_of(field_of(about, "last_error"), "code"), 0);
    castalia_record_release(about);
    return code;
}

/* F156: a failed load and an unparsable document are the last error until a load succeeds. */
static void a_namespace_tells_why_its_last_load_failed(void) {
    CastaliaConfig config = config_open(client, "app.yaml");
    CastaliaConfig file = file_open("app.yaml");
    CastaliaRecord *about = standing_of(file);
    CHECK(field_of(about, "last_error") == NULL && last_code(config) == 0);
    castalia_record_release(about);
    order("fail config 404");
    FAILS(castalia_config_refresh(config, 60000), CASTALIA_NOT_FOUND);
    CHECK(last_code(config) == CASTALIA_NOT_FOUND);
    about = standing_of(file);
    CHECK_TEXT(text_of(field_of(about, "last_error"), "kind"), "NotFound");
    CHECK_TEXT(text_of(about, "state"), "NotFound");
    castalia_record_release(about);
    order("fail config 200");
    order("publish app.yaml content a:%20[");
    WAIT_FOR(last_code(config) == CASTALIA_PARSE);
    CHECK(long_of(config, "a", 0) == 1);
    order("publish app.yaml content a:%202");
    WAIT_FOR(last_code(config) == 0);
    CHECK(long_of(config, "a", 0) == 2);
    castalia_config_release(file);
    castalia_config_release(config);
}

/* F159: when its last handle is released the namespace is closed: its listeners are released, and
 * it can be opened again. */
static void a_closed_namespace_ends_and_starts_anew(void) {
    Listener before = {0}, after = {0};
    CastaliaConfig config = config_open(client, "application"), other = config_open(client, "application");
    CastaliaConfig file = file_open("application");
    const CastaliaSnapshot *last = snapshot_of(config);
    CastaliaSubscription ended = listen_with(config, &before);
    castalia_config_close(config);
    castalia_config_close(config);
    FAILS(castalia_config_refresh(config, 60000), CASTALIA_CLOSED);
    order("publish application n 2");
    WAIT_FOR(long_of(other, "n", 0) == 2);
    castalia_config_close(file);
    WAIT_FOR(atomic_load(&before.events) == 1);
    CHECK(atomic_load(&before.released) == 0);
    castalia_config_release(other);
    WAIT_FOR(atomic_load(&before.released) == 1);
    castalia_subscription_cancel(ended);
    FAILS(castalia_config_snapshot(config, &last), CASTALIA_CLOSED);

    order("publish application n 3");
    CastaliaConfig again = config_open(client, "application");
    CHECK(again.id != config.id && long_of(again, "n", 0) == 3);
    CastaliaSubscription anew = listen_with(again, &after);
    order("publish application n 4");
    WAIT_FOR(atomic_load(&after.events) == 1 && long_of(again, "n", 0) == 4);
    castalia_subscription_cancel(anew);
    castalia_config_release(again);
    CHECK(atomic_load(&before.events) == 1 && atomic_load(&before.released) == 1);
    int64_t number = 0;
    OK(castalia_snapshot_get_long(last, castalia_str("n"), &number, NULL));
    CHECK(number == 1);
    castalia_snapshot_release(last);
}

static void identities_are_told(void) {
    CastaliaConfig file = file_open("app.yaml");
    CastaliaRecord *about = report_of(client, "about");
    CHECK_TEXT(text_of(about, "app_id"), "order");
    CHECK_TEXT(text_of(about, "env"), "UNKNOWN");
    castalia_record_release(about);
    const CastaliaSnapshot *snapshot = snapshot_of(file);
    CHECK_TEXT(castalia_snapshot_content(snapshot), "a: 2");
    about = castalia_snapshot_about(snapshot);
    CHECK_TEXT(text_of(about, "app_id"), "order");
    CHECK_TEXT(text_of(about, "cluster"), "default");
    CHECK_TEXT(text_of(about, "namespace"), "app.yaml");
    CHECK(text_of(about, "release_key").len > 0 && number_of(about, "loaded_at_us") > 1600000000000000);
    castalia_record_release(about);
    castalia_snapshot_release(snapshot);
    castalia_config_release(file);
}

static int64_t requests(const CastaliaRecord *metrics, const char *endpoint, int32_t status) {
    const CastaliaRecord *one;
    for (size_t i = 0; (one = castalia_record_item(field_of(metrics, "http"), i)) != NULL; i++) {
        CastaliaStr found = text_of(one, "endpoint");
        if (number_of(one, "status") == status && found.len == strlen(endpoint) &&
            memcmp(found.ptr, endpoint, found.len) == 0)
            return number_of(one, "time_us") > 0 ? number_of(one, "count") : 0;
    }
    return 0;
}

/* F167: a client counts its requests, threads, and failed loads with their cause. */
static void what_goes_on_is_counted(void) {
    CastaliaSettings *settings = castalia_settings_from_env();
    CastaliaConfig config;
    OK(castalia_client_new(settings, &client));
    castalia_settings_release(settings);
    CastaliaRecord *metrics = report_of(client, "metrics");
    CHECK(field_of(metrics, "threads") == NULL && castalia_record_item(field_of(metrics, "http"), 0) == NULL);
    castalia_record_release(metrics);

    config = config_open(client, "application");
    order("fail config 404");
    FAILS(castalia_config_refresh(config, 60000), CASTALIA_NOT_FOUND);
    metrics = report_of(client, "metrics");
    CHECK(requests(metrics, "configs", 200) >= 1 && requests(metrics, "configs", 404) >= 1);
    CHECK(requests(metrics, "configs", 500) == 0);
    const CastaliaRecord *threads = field_of(metrics, "threads");
    CHECK(number_of(threads, "workers") > 0 && number_of(threads, "tasks") > 0);
    const CastaliaRecord *one = castalia_record_item(field_of(metrics, "namespaces"), 0);
    CHECK_TEXT(text_of(one, "namespace"), "application");
    CHECK(number_of(one, "poll_timed_out") == 0 && number_of(one, "malformed_reads") == 0);
    const CastaliaRecord *last = field_of(one, "last_error");
    CHECK(number_of(last, "code") == CASTALIA_NOT_FOUND && text_of(last, "message").len > 0);
    castalia_record_release(metrics);
    order("fail config 200");
    OK(castalia_config_refresh(config, 60000));
    metrics = report_of(client, "metrics");
    CHECK(field_of(castalia_record_item(field_of(metrics, "namespaces"), 0), "last_error") == NULL);
    castalia_record_release(metrics);
    castalia_config_release(config);
    castalia_client_close(client, 60000);
}

int main(void) {
    order("publish application n 1");
    order("publish app.yaml content a:%201");
    client = client_new();
    a_namespace_tells_why_its_last_load_failed();
    a_closed_namespace_ends_and_starts_anew();
    identities_are_told();
    castalia_client_close(client, 60000);
    what_goes_on_is_counted();
    return 0;
}
