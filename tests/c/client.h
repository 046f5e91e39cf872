/* A client of the scripted server, as every C test needs it. */
#ifndef CLIENT_H
#define CLIENT_H

#include "check.h"
#include "scripted.h"

/* A client that applies releases without delay. */
static inline CastaliaClient client_new(void) {
    CastaliaSettings *settings = castalia_settings_from_env();
    CastaliaClient client;
    OK(castalia_settings_set(settings, castalia_str("apollo.loadConfigQPS"), castalia_str("100000")));
    OK(castalia_settings_set(settings, castalia_str("apollo.longPollQPS"), castalia_str("100000")));
    OK(castalia_client_new(settings, &client));
    castalia_settings_release(settings);
    return client;
}

static inline CastaliaConfig config_open(CastaliaClient client, const char *name) {
    CastaliaConfig config;
    OK(castalia_client_config(client, castalia_str(name), 90000, &config));
    return config;
}

static inline const CastaliaSnapshot *snapshot_of(CastaliaConfig config) {
    const CastaliaSnapshot *snapshot = NULL;
    OK(castalia_config_snapshot(config, &snapshot));
    return snapshot;
}

/* A value as an integer; the default if it is missing. */
static inline int64_t long_of(CastaliaConfig config, const char *key, int64_t value) {
    const CastaliaSnapshot *snapshot = snapshot_of(config);
    OK(castalia_snapshot_get_long(snapshot, castalia_str(key), &value, NULL));
    castalia_snapshot_release(snapshot);
    return value;
}

static inline const CastaliaRecord *field_of(const CastaliaRecord *record, const char *name) {
    return castalia_record_field(record, castalia_str(name));
}

/* A field that is a text; NULL where there is none. */
static inline CastaliaStr text_of(const CastaliaRecord *record, const char *name) {
    return castalia_record_text(field_of(record, name));
}

/* A field that is a number or a flag; -1 where there is none. */
static inline int64_t number_of(const CastaliaRecord *record, const char *name) {
    return castalia_record_number(field_of(record, name), -1);
}

/* Release it, as all below. */
static inline CastaliaRecord *report_of(CastaliaClient client, const char *name) {
    CastaliaRecord *report = NULL;
    OK(castalia_client_report(client, castalia_str(name), &report));
    return report;
}

static inline CastaliaRecord *standing_of(CastaliaConfig config) {
    CastaliaRecord *about = NULL;
    OK(castalia_config_about(config, &about));
    return about;
}

#endif
