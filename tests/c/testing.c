/* The client without servers for tests of applications, and the messages of a program that starts
 * without configuration. */
#include "client.h"

#include <stdatomic.h>
#include <unistd.h>

static int32_t count(void *user_data, const CastaliaEvent *event) {
    CastaliaRecord *about = castalia_event_about(event);
    CHECK_TEXT(text_of(about, "namespace"), "application");
    castalia_record_release(about);
    atomic_fetch_add((atomic_int *)user_data, 1);
    return 0;
}

static void follow(void *user_data, const CastaliaSnapshot *snapshot) {
    int32_t value = -1;
    OK(castalia_snapshot_get_int(snapshot, castalia_str("n"), &value, NULL));
    atomic_store((atomic_int *)user_data, value);
}

static int32_t int_now(CastaliaConfig config, const char *key) {
    const CastaliaSnapshot *snapshot = NULL;
    int32_t value = -1;
    OK(castalia_config_snapshot(config, &snapshot));
    OK(castalia_snapshot_get_int(snapshot, castalia_str(key), &value, NULL));
    castalia_snapshot_release(snapshot);
    return value;
}

static void what_a_test_sets_is_read_and_heard_of(void) {
    CastaliaClient client;
    CastaliaConfig config;
    CastaliaSubscription events_of, followed;
    atomic_int events = 0, newest = -2;
    OK(castalia_testing_new(NULL, &client));
    OK(castalia_testing_set(client, castalia_str("application"), castalia_str("n"), castalia_str("1")));
    OK(castalia_client_config(client, castalia_str("application"), 90000, &config));
    CHECK(int_now(config, "n") == 1);
    OK(castalia_config_on_change(config, NULL, count, &events, NULL, &events_of));
    OK(castalia_config_follow(config, follow, &newest, NULL, &followed));
    CHECK(newest == 1);
    OK(castalia_testing_set(client, castalia_str("application"), castalia_str("n"), castalia_str("2")));
    CHECK(int_now(config, "n") == 2);
    WAIT_FOR(events == 1 && newest == 2);
    OK(castalia_testing_remove(client, castalia_str("application"), castalia_str("n")));
    CHECK(int_now(config, "n") == -1);
    WAIT_FOR(events == 2 && newest == -1);
    OK(castalia_testing_fail(client, castalia_str("application")));
    CastaliaRecord *about = standing_of(config);
    CHECK_TEXT(text_of(about, "state"), "Transport");
    castalia_record_release(about);
    castalia_subscription_cancel(events_of);
    castalia_subscription_cancel(followed);
    castalia_config_release(config);
    castalia_client_close(client, 60000);
}

/* Captures standard error while `act` runs. */
static void said_by(void (*act)(void), char *text, size_t capacity) {
    FILE *file = tmpfile();
    CHECK(file != NULL);
    fflush(stderr);
    const int kept = dup(2);
    CHECK(dup2(fileno(file), 2) == 2);
    act();
    CHECK(dup2(kept, 2) == 2);
    close(kept);
    rewind(file);
    const size_t length = fread(text, 1, capacity - 1, file);
    text[length] = '\0';
    fclose(file);
}

static CastaliaSettings *without_server(void) {
    CastaliaSettings *settings = castalia_settings_new();
    OK(castalia_settings_set(settings, castalia_str("app.id"), castalia_str("order")));
    OK(castalia_settings_set(settings, castalia_str("apollo.meta"), castalia_str("http://127.0.0.1:1")));
    OK(castalia_settings_set(settings, castalia_str("apollo.cache.file.enable"), castalia_str("false")));
    return settings;
}

static void start_without_server(void) {
    CastaliaSettings *settings = without_server();
    CastaliaClient client;
    CastaliaConfig config;
    OK(castalia_client_new(settings, &client));
    OK(castalia_client_config(client, castalia_str("application"), 90000, &config));
    CastaliaRecord *about = standing_of(config);
    CHECK_TEXT(text_of(about, "state"), "Unavailable");
    castalia_record_release(about);
    castalia_client_close(client, 60000);
    castalia_settings_release(settings);
}

static void an_empty_start_is_warned_of_and_can_be_refused(void) {
    char text[8192];
    said_by(start_without_server, text, sizeof text);
    CHECK(strstr(text, "castalia: WARN: ") != NULL);
    CHECK(strstr(text, "namespace=application") != NULL);
    OK(castalia_log_set(CASTALIA_STR("WARN"), NULL, NULL, NULL));
    said_by(start_without_server, text, sizeof text);
    CHECK(text[0] == '\0');

    CastaliaSettings *settings = without_server();
    CastaliaClient client;
    CastaliaConfig config;
    OK(castalia_settings_set(settings, castalia_str("castalia.start-policy"), castalia_str("require-all")));
    CastaliaSettings *copy = castalia_settings_copy(settings);
    castalia_settings_release(settings);
    OK(castalia_client_new(copy, &client));
    castalia_settings_release(copy);
    FAILS(castalia_client_config(client, castalia_str("application"), 90000, &config), CASTALIA_NOT_READY);
    castalia_client_close(client, 60000);
}

/* The environment is read when a client is created. */
static void an_environment_that_is_not_utf8_is_refused(void) {
    CastaliaSettings *settings = castalia_settings_from_env();
    CastaliaClient client;
    CHECK(setenv("CASTALIA_BROKEN", "\xFF", 1) == 0);
    FAILS(castalia_client_new(settings, &client), CASTALIA_INVALID_ARGUMENT);
    CHECK(unsetenv("CASTALIA_BROKEN") == 0);
    OK(castalia_client_new(settings, &client));
    castalia_settings_release(settings);
    castalia_client_close(client, 60000);
}

int main(void) {
    what_a_test_sets_is_read_and_heard_of();
    an_empty_start_is_warned_of_and_can_be_refused();
    an_environment_that_is_not_utf8_is_refused();
    return 0;
}
