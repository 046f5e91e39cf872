/* Texts of every kind cross the border unchanged, and invalid text is refused. */
#include "client.h"

#include <locale.h>

enum { MEBIBYTE = 1 << 20, KEYS = 10000 };

static CastaliaStr get(const CastaliaSnapshot *snapshot, CastaliaStr key) {
    CastaliaStr value = {NULL, 0};
    int32_t found = -1;
    OK(castalia_snapshot_get(snapshot, key, &value, &found));
    CHECK(found == (value.ptr != NULL));
    return value;
}

/* T06, C127: NUL is allowed in a value. */
static void a_nul_is_part_of_a_value(const CastaliaSnapshot *snapshot) {
    CastaliaStr value = get(snapshot, castalia_str("nul"));
    CHECK(value.len == 3 && memcmp(value.ptr, "a\0b", 3) == 0);
}

/* T07: bytes that are not UTF-8 are not a key. */
static void bytes_that_are_not_utf8_are_refused(const CastaliaSnapshot *snapshot, CastaliaClient client) {
    const CastaliaStr bad = {"\xFF\xFE", 2};
    CastaliaStr value;
    CastaliaConfig config;
    int32_t found;
    CastaliaSettings *settings = castalia_settings_new();
    FAILS(castalia_snapshot_get(snapshot, bad, &value, &found), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_client_config(client, bad, 90000, &config), CASTALIA_INVALID_ARGUMENT);
    FAILS(castalia_settings_set(settings, castalia_str("app.id"), bad), CASTALIA_INVALID_ARGUMENT);
    castalia_settings_release(settings);
}

/* T10: zero bytes are the empty text, with or without a pointer; an empty value has a pointer. */
static void no_bytes_are_the_empty_text(const CastaliaSnapshot *snapshot) {
    const CastaliaStr none = {NULL, 0}, broken = {NULL, 1};
    CastaliaStr value = {NULL, 7};
    int32_t found = 1;
    CHECK(get(snapshot, none).ptr == NULL);
    OK(castalia_snapshot_get(snapshot, none, &value, NULL));
    CHECK(value.ptr == NULL && value.len == 7);
    CHECK(get(snapshot, castalia_str("")).ptr == NULL);
    value = get(snapshot, castalia_str("empty"));
    CHECK(value.ptr != NULL && value.len == 0);
    FAILS(castalia_snapshot_get(snapshot, broken, &value, &found), CASTALIA_INVALID_ARGUMENT);
    const CastaliaStr endless = {"x", SIZE_MAX};
    FAILS(castalia_snapshot_get(snapshot, endless, &value, &found), CASTALIA_INVALID_ARGUMENT);
}

static void check_list(const CastaliaSnapshot *snapshot, const char *delimiter, int32_t trim, size_t len,
                       const char *const *parts) {
    CastaliaRecord *list = NULL;
    int32_t found = 0;
    OK(castalia_snapshot_get_list(snapshot, castalia_str("list"), castalia_str(delimiter), trim, &list, &found));
    CHECK(found == 1);
    for (size_t i = 0; i < len; i++) CHECK_TEXT(castalia_record_text(castalia_record_item(list, i)), parts[i]);
    CHECK(castalia_record_item(list, len) == NULL);
    castalia_record_release(list);
}

/* C094: the delimiter is literal, trailing empty parts are dropped, and a missing key leaves the
 * list unchanged. */
static void lists_are_parts_between_a_delimiter(const CastaliaSnapshot *snapshot) {
    CastaliaRecord *list = NULL;
    int32_t found = 1;
    check_list(snapshot, ",", 0, 4, (const char *[]){" a ", "", "b.c", " "});
    check_list(snapshot, ",", 1, 3, (const char *[]){"a", "", "b.c"});
    check_list(snapshot, ".", 0, 2, (const char *[]){" a ,,b", "c, "});
    OK(castalia_snapshot_get_list(snapshot, castalia_str("absent"), castalia_str(","), 1, &list, &found));
    CHECK(found == 0 && list == NULL);
    OK(castalia_snapshot_get_list(snapshot, castalia_str("absent"), castalia_str(","), 1, &list, NULL));
    CHECK(list == NULL);
}

static int64_t malformed_reads(CastaliaClient client) {
    CastaliaRecord *metrics = report_of(client, "metrics");
    int64_t reads = number_of(castalia_record_item(field_of(metrics, "namespaces"), 0), "malformed_reads");
    castalia_record_release(metrics);
    return reads;
}

/* F138, F167: a value that the host's parser refuses is counted like one that the library refuses,
 * once for each key and snapshot. */
static void malformed_values_are_counted_once(const CastaliaSnapshot *snapshot, CastaliaClient client) {
    int32_t number = 7;
    for (int i = 0; i < 3; i++) {
        OK(castalia_snapshot_get_int(snapshot, castalia_str("truth"), &number, NULL));
        CHECK(number == 7 && malformed_reads(client) == 1);
    }
    for (int i = 0; i < 3; i++) {
        FAILS(castalia_snapshot_malformed(snapshot, castalia_str("emoji")), CASTALIA_PARSE);
        OK(castalia_snapshot_malformed(snapshot, castalia_str("absent")));
        CHECK(malformed_reads(client) == 2);
    }
}

/* DEV-21, F130: dates before 1970 are negative, and the settings define the time zone of dates
 * without one and which booleans are true. */
static void settings_say_how_values_are_read(void) {
    CastaliaSettings *settings = castalia_settings_from_env();
    CastaliaClient client;
    OK(castalia_settings_set(settings, castalia_str("castalia.time-zone"), castalia_str("+08:00")));
    OK(castalia_settings_set(settings, castalia_str("castalia.strict-booleans"), castalia_str("true")));
    OK(castalia_client_new(settings, &client));
    castalia_settings_release(settings);
    CastaliaConfig config = config_open(client, "application");
    const CastaliaSnapshot *snapshot = snapshot_of(config);
    int64_t date = 0;
    int32_t truth = 0, found = 0;
    OK(castalia_snapshot_get_date(snapshot, castalia_str("date"), &date, &found));
    CHECK(found == 1 && date == -8 * 3600000 + 1);
    OK(castalia_snapshot_get_bool(snapshot, castalia_str("on"), &truth, &found));
    CHECK(found == 1 && truth == 1);
    FAILS(castalia_snapshot_get_bool(snapshot, castalia_str("number"), &truth, &found), CASTALIA_PARSE);
    castalia_snapshot_release(snapshot);
    castalia_config_release(config);
    castalia_client_close(client, 60000);
}

/* T60: the locale of the host has no effect. */
static void numbers_do_not_know_the_locale(const CastaliaSnapshot *snapshot) {
    const char *const locales[] = {"de_DE.UTF-8", "tr_TR.UTF-8", "C.UTF-8"};
    for (size_t i = 0; i < 3; i++) {
        /* If a locale is not installed, the previous one remains in effect. */
        (void)setlocale(LC_ALL, locales[i]);
        double number = 0;
        int32_t truth = 0;
        OK(castalia_snapshot_get_double(snapshot, castalia_str("number"), &number, NULL));
        OK(castalia_snapshot_get_bool(snapshot, castalia_str("truth"), &truth, NULL));
        CHECK(number == 1.5 && truth == 1);
    }
    setlocale(LC_ALL, "C");
}

static void order_of_many_keys(void) {
    printf("publish many");
    for (int i = 0; i < KEYS; i++) printf(" k%d v%d", i, i);
    order("");
}

/* C127: large values and many keys. */
static void large_contents_come_whole(CastaliaClient client) {
    char *large = malloc(MEBIBYTE + 32);
    CHECK(large != NULL);
    strcpy(large, "publish large text ");
    size_t start = strlen(large);
    memset(large + start, 'x', MEBIBYTE);
    large[start + MEBIBYTE] = '\0';
    order(large);
    order_of_many_keys();

    CastaliaConfig config = config_open(client, "large");
    const CastaliaSnapshot *snapshot = snapshot_of(config);
    CastaliaStr value = get(snapshot, castalia_str("text"));
    CHECK(value.len == MEBIBYTE && memcmp(value.ptr, large + start, MEBIBYTE) == 0);
    castalia_snapshot_release(snapshot);
    castalia_config_release(config);
    free(large);

    config = config_open(client, "many");
    snapshot = snapshot_of(config);
    CHECK(castalia_snapshot_len(snapshot) == KEYS);
    for (int i = 0; i < KEYS; i += 997) {
        CastaliaStr key, text;
        char expected[16];
        CHECK(castalia_snapshot_entry(snapshot, (size_t)i, &key, &text));
        snprintf(expected, sizeof expected, "k%d", i);
        CHECK_TEXT(key, expected);
        CHECK(get(snapshot, key).ptr == text.ptr);
    }
    CastaliaStr none = {NULL, 7};
    CHECK(!castalia_snapshot_entry(snapshot, KEYS, &none, &none) && none.len == 7);
    castalia_snapshot_release(snapshot);
    castalia_config_release(config);
}

int main(void) {
    order("publish application nul a%00b emoji %F0%9F%98%80 empty  number 1.5 truth TRUE on Yes"
          " list %20a%20,,b.c,%20 date 1970-01-01%2000:00:00.001");
    CastaliaClient client = client_new();
    CastaliaConfig config = config_open(client, "application");
    const CastaliaSnapshot *snapshot = snapshot_of(config);
    a_nul_is_part_of_a_value(snapshot);
    bytes_that_are_not_utf8_are_refused(snapshot, client);
    no_bytes_are_the_empty_text(snapshot);
    numbers_do_not_know_the_locale(snapshot);
    lists_are_parts_between_a_delimiter(snapshot);
    malformed_values_are_counted_once(snapshot, client);
    settings_say_how_values_are_read();
    castalia_config_release(config);
    large_contents_come_whole(client);
    castalia_client_close(client, 60000);
    /* T09: what was read from a snapshot is valid as long as the snapshot. */
    CHECK_TEXT(get(snapshot, castalia_str("number")), "1.5");
    castalia_snapshot_release(snapshot);
    return 0;
}
