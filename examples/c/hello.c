/* Reads a value, waits for one change, prints both. Settings come from the environment: APP_ID, APOLLO_META, ... */
#include <castalia.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void check(CastaliaError *error) {
    if (error == NULL) return;
    CastaliaStr message = castalia_error_message(error);
    fprintf(stderr, "%.*s\n", (int)message.len, message.ptr);
    exit(1);
}

static void print(const char *name, CastaliaStr text) {
    printf(" %s %.*s", name, (int)text.len, text.ptr == NULL ? "" : text.ptr);
}

/* Prints the event and wakes main through a pipe. */
static int32_t on_change(void *user_data, const CastaliaEvent *event) {
    CastaliaChange change;
    for (size_t i = 0; castalia_event_change(event, i, &change); i++) {
        print("", change.key);
        print("from", change.old_value);
        print("to", change.new_value);
        printf("\n");
    }
    return write(*(int *)user_data, "!", 1) != 1;
}

int main(void) {
    CastaliaSettings *settings = castalia_settings_from_env();
    CastaliaClient client;
    CastaliaConfig config;
    CastaliaSubscription subscription;
    const CastaliaSnapshot *snapshot = NULL;
    CastaliaStr greeting = CASTALIA_STR("not set");
    int pipe_ends[2];
    char byte;

    check(castalia_client_new(settings, &client));
    castalia_settings_release(settings);
    check(castalia_client_config(client, CASTALIA_STR("application"), 20000, &config));
    if (pipe(pipe_ends) != 0) return 1;
    check(castalia_config_on_change(config, NULL, on_change, &pipe_ends[1], NULL, &subscription));

    check(castalia_config_snapshot(config, &snapshot));
    check(castalia_snapshot_get(snapshot, CASTALIA_STR("greeting"), &greeting, NULL));
    print("greeting =", greeting);
    CastaliaRecord *about = castalia_snapshot_about(snapshot);
    print("from", castalia_record_text(castalia_record_field(about, CASTALIA_STR("source"))));
    printf("\n");
    castalia_record_release(about);
    fflush(stdout);
    castalia_snapshot_release(snapshot);

    if (read(pipe_ends[0], &byte, 1) != 1) return 1;
    castalia_subscription_cancel(subscription);
    castalia_config_release(config);
    castalia_client_close(client, 5000);
    return 0;
}
