/* SEC-34: functions answer any argument with a code, and the process continues. */
#include "client.h"

#include <pthread.h>

static CastaliaClient client;
static CastaliaConfig config;

static int32_t ignore_event(void *user_data, const CastaliaEvent *event) {
    (void)user_data, (void)event;
    return 0;
}

static void count_release(void *user_data) { ++*(int *)user_data; }

/* Every function takes NULL for every pointer. */
static void null_is_answered(void) {
    const CastaliaStr key = castalia_str("a");
    CastaliaStr value;
    CastaliaChange change;
    int32_t found;
    CastaliaSettings *settings = castalia_settings_new();
    CHECK(castalia_settings_copy(NULL) == NULL);
    FAILS(castalia_settings_set(NULL, key, key), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_client_new(NULL, &client), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_client_new(settings, NULL), CASTALIA_INVALID_ARGUMENT);
    castalia_settings_release(settings);
    castalia_settings_release(NULL);
    FAILS(castalia_client_config(client, castalia_str("b"), 90000, NULL), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_client_config_of(client, castalia_str("b"), key, 90000, NULL), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_client_config_file(client, castalia_str("b"), 90000, NULL), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_client_report(client, castalia_str("about"), NULL), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_testing_new(NULL, NULL), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_config_snapshot(config, NULL), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_config_about(config, NULL), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_snapshot_get_list(NULL, key, key, 0, NULL, &found), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_snapshot_malformed(NULL, key), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_snapshot_get(NULL, key, &value, &found), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_snapshot_get_int(NULL, key, &found, NULL), CASTALIA_INVALID_ARGUMENT);
    CHECK(castalia_snapshot_entry(NULL, 0, &value, &value) == 0);
    CHECK(castalia_snapshot_len(NULL) == 0 && castalia_snapshot_content(NULL).ptr == NULL);
    CHECK(castalia_snapshot_retain(NULL) == NULL && castalia_event_retain(NULL) == NULL);
    CHECK(castalia_event_change(NULL, 0, &change) == 0 && castalia_event_change(NULL, 0, NULL) == 0);
    CHECK(castalia_event_snapshot(NULL) == NULL && castalia_event_about(NULL) == NULL);
    CHECK(castalia_record_field(NULL, key) == NULL && castalia_record_item(NULL, 0) == NULL);
    CHECK(castalia_record_text(NULL).ptr == NULL && castalia_record_number(NULL, 7) == 7);
    CHECK(castalia_record_name(NULL, 0).ptr == NULL && castalia_snapshot_about(NULL) == NULL);
    CHECK(castalia_error_code(NULL) == 0 && castalia_error_message(NULL).len == 0);
    castalia_snapshot_release(NULL);
    castalia_event_release(NULL);
    castalia_record_release(NULL);
    castalia_error_release(NULL);
}

/* T05: names that are none of the documented ones. */
static void unknown_names_are_refused(void) {
    const CastaliaStr names[] = {castalia_str(""), castalia_str("LOUD"), castalia_str("WARN "), {"\xFF", 1}, {NULL, 1}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int released = 0;
        CastaliaRecord *report = NULL;
        FAILS(castalia_log_set(names[i], NULL, &released, count_release), CASTALIA_INVALID_ARGUMENT);
        CHECK(released == 1);
        FAILS(castalia_client_report(client, names[i], &report), CASTALIA_INVALID_ARGUMENT);
        CHECK(report == NULL);
    }
}

/* A namespace that is open as one text is a handle like any other. */
static void files_are_handles_too(void) {
    CastaliaConfig file;
    const CastaliaSnapshot *snapshot;
    CastaliaRecord *about;
    OK(castalia_client_config_file(client, castalia_str("application"), 90000, &file));
    FAILS(castalia_config_snapshot(file, NULL), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_config_about(file, NULL), CASTALIA_INVALID_ARGUMENT);
    castalia_config_release(file);
    castalia_config_release(file);
    castalia_config_close(file);
    FAILS(castalia_config_snapshot(file, &snapshot), CASTALIA_CLOSED);
    FAILS(castalia_config_about(file, &about), CASTALIA_CLOSED);
}

/* T11: handles that are stale, of another kind, or never existed. */
static void handles_that_are_none_are_closed(void) {
    const CastaliaSnapshot *snapshot;
    CastaliaSubscription subscription;
    CastaliaRecord *about;
    CastaliaConfig spare = config_open(client, "application");
    castalia_config_release(spare);
    castalia_config_release(spare);
    FAILS(castalia_config_snapshot(spare, &snapshot), CASTALIA_CLOSED);
    FAILS(castalia_config_refresh(spare, 60000), CASTALIA_CLOSED);
    FAILS(castalia_config_about(spare, &about), CASTALIA_CLOSED);
    castalia_config_close(spare);
    CastaliaConfig wrong = {client.id};
    FAILS(castalia_config_snapshot(wrong, &snapshot), CASTALIA_CLOSED);
    castalia_config_release(wrong);
    castalia_config_close(wrong);
    CastaliaSubscription config_as_subscription = {config.id};
    castalia_subscription_cancel(config_as_subscription);
    castalia_client_close((CastaliaClient){config.id}, 60000);
    CHECK(long_of(config, "a", 0) == 1);

    int released = 0;
    FAILS(castalia_config_on_change(spare, NULL, ignore_event, &released, count_release, &subscription),
          CASTALIA_CLOSED);
    FAILS(castalia_config_on_change(config, NULL, NULL, &released, count_release, &subscription),
          CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_config_on_change(config, NULL, ignore_event, &released, count_release, NULL),
          CASTALIA_INVALID_ARGUMENT);
    CHECK(released == 3);
}

/* T11: a million handles at random. */
static void random_handles_are_closed(void) {
    uint64_t random = 88172645463325252u;
    const CastaliaSnapshot *snapshot;
    for (int i = 0; i < 1000000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        CastaliaConfig guess = {random};
        CastaliaError *error = castalia_config_snapshot(guess, &snapshot);
        CHECK(castalia_error_code(error) == CASTALIA_CLOSED);
        castalia_error_release(error);
        castalia_subscription_cancel((CastaliaSubscription){random});
    }
}

/* A filter whose arrays or texts are invalid. */
static void filters_are_checked(void) {
    const CastaliaStr broken = {NULL, 1}, no_text = {"\xFF", 1}, key = castalia_str("a");
    const CastaliaFilter filters[] = {{&key, SIZE_MAX, NULL, 0}, {NULL, 0, NULL, 1}, {&broken, 1, NULL, 0},
                                      {&key, 1, &no_text, 1}};
    CastaliaSubscription subscription;
    int released = 0;
    for (int i = 0; i < 4; i++) {
        FAILS(castalia_config_on_change(config, &filters[i], ignore_event, &released, count_release, &subscription),
              CASTALIA_INVALID_ARGUMENT);
        CHECK(released == i + 1);
    }
    OK(castalia_config_on_change(config, &(CastaliaFilter){0}, ignore_event, NULL, NULL, &subscription));
    castalia_subscription_cancel(subscription);
}

/* The values of a client with servers are not those of a test. */
static void only_a_client_in_memory_is_changed(void) {
    const CastaliaStr name = castalia_str("application"), key = castalia_str("a");
    FAILS(castalia_testing_set(client, name, key, key), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_testing_remove(client, name, key), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_testing_fail(client, name), CASTALIA_INVALID_ARGUMENT);
    CHECK(long_of(config, "a", 0) == 1);
}

static void *fail_often(void *argument) {
    const char *name = argument;
    CastaliaSettings *settings = castalia_settings_new();
    CastaliaClient never;
    OK(castalia_settings_set(settings, castalia_str(name), castalia_str("x")));
    for (int i = 0; i < 10000; i++) {
        CastaliaError *error = castalia_client_new(settings, &never);
        CastaliaStr message = castalia_error_message(error);
        char *copy = strndup(message.ptr, message.len);
        CHECK(castalia_error_code(error) == CASTALIA_INVALID_ARGUMENT && strstr(copy, name) != NULL);
        free(copy);
        castalia_error_release(error);
    }
    castalia_settings_release(settings);
    return NULL;
}

/* T04: threads that fail at once never see the error of another. */
static void errors_belong_to_the_call(void) {
    pthread_t threads[2];
    const char *const names[] = {"apollo.readTimeout", "apollo.connectTimeout"};
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, fail_often, (void *)names[i]) == 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

/* T01, T02: a panic in the library is reported as an error, and the next call works. */
CastaliaError *castalia_test_panic(CastaliaStr place);

static void faults_stop_at_the_border(void) {
    const char *const places[] = {"call", "drop", "task"};
    for (int i = 0; i < 3; i++) {
        FAILS(castalia_test_panic(castalia_str(places[i])), CASTALIA_INTERNAL);
        CHECK(long_of(config, "a", 0) == 1);
    }
}

static void closed_twice_is_closed(void) {
    CastaliaConfig other;
    CastaliaRecord *report;
    castalia_client_close(client, 60000);
    castalia_client_close(client, 60000);
    FAILS(castalia_client_config(client, castalia_str("application"), 90000, &other), CASTALIA_CLOSED);
    FAILS(castalia_client_report(client, castalia_str("metrics"), &report), CASTALIA_CLOSED);
    FAILS(castalia_client_set_access_key(client, castalia_str("a"), castalia_str("b")), CASTALIA_CLOSED);
    FAILS(castalia_testing_fail(client, castalia_str("application")), CASTALIA_CLOSED);
    FAILS(castalia_config_refresh(config, 60000), CASTALIA_CLOSED);
    CHECK(long_of(config, "a", 0) == 1);
    castalia_config_release(config);
}

int main(void) {
    order("publish application a 1");
    client = client_new();
    config = config_open(client, "application");
    null_is_answered();
    files_are_handles_too();
    unknown_names_are_refused();
    handles_that_are_none_are_closed();
    random_handles_are_closed();
    filters_are_checked();
    only_a_client_in_memory_is_changed();
    errors_belong_to_the_call();
    faults_stop_at_the_border();
    closed_twice_is_closed();
    return 0;
}
