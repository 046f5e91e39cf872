/* The complete sequence: open, read, listen, change, close. Run by castalia-scripted, which
 * executes the commands written here. */
#include "check.h"
#include "scripted.h"

#include <stdatomic.h>

typedef struct {
    atomic_int events;
    atomic_int released;
    char seen[64];
} Listener;

static int32_t on_change(void *user_data, const CastaliaEvent *event) {
    Listener *listener = user_data;
    CastaliaRecord *about = castalia_event_about(event);
    CastaliaChange change;
    CHECK_TEXT(castalia_record_text(castalia_record_field(about, CASTALIA_STR("namespace"))), "application");
    CHECK(castalia_record_number(castalia_record_field(about, CASTALIA_STR("size")), 0) == 1);
    castalia_record_release(about);
    CHECK(castalia_event_change(event, 1, &change) == 0 && castalia_event_change(event, 0, &change) == 1);
    CHECK_TEXT(change.key, "timeout");
    CHECK_TEXT(change.old_value, "100");
    CHECK(change.change_type == CASTALIA_MODIFIED);
    CHECK(change.new_value.len < sizeof listener->seen);
    memcpy(listener->seen, change.new_value.ptr, change.new_value.len);
    atomic_fetch_add(&listener->events, 1);
    return 0;
}

static void on_release(void *user_data) {
    atomic_fetch_add(&((Listener *)user_data)->released, 1);
}

static int32_t int_now(CastaliaConfig config, const char *key) {
    const CastaliaSnapshot *snapshot = NULL;
    int32_t value = -1;
    OK(castalia_config_snapshot(config, &snapshot));
    OK(castalia_snapshot_get_int(snapshot, castalia_str(key), &value, NULL));
    castalia_snapshot_release(snapshot);
    return value;
}

int main(void) {
    CHECK(castalia_abi_fits());
    order("publish application timeout 100");

    CastaliaSettings *settings = castalia_settings_from_env();
    CastaliaClient client;
    CastaliaConfig config;
    OK(castalia_client_new(settings, &client));
    castalia_settings_release(settings);
    OK(castalia_client_config(client, CASTALIA_STR("application"), 90000, &config));
    CHECK(int_now(config, "timeout") == 100);
    CHECK(int_now(config, "absent") == -1);

    Listener listener = {0};
    CastaliaSubscription subscription;
    OK(castalia_config_on_change(config, NULL, on_change, &listener, on_release, &subscription));
    order("held 1");
    order("publish application timeout 200");
    WAIT_FOR(atomic_load(&listener.events) == 1);
    CHECK(strcmp(listener.seen, "200") == 0);
    CHECK(int_now(config, "timeout") == 200);

    castalia_subscription_cancel(subscription);
    CHECK(atomic_load(&listener.released) == 1);
    castalia_client_close(client, 60000);
    CHECK(int_now(config, "timeout") == 200);
    FAILS(castalia_config_refresh(config, 60000), CASTALIA_CLOSED);
    castalia_config_release(config);
    const CastaliaSnapshot *snapshot = NULL;
    FAILS(castalia_config_snapshot(config, &snapshot), CASTALIA_CLOSED);
    return 0;
}
