/* The C interface of Castalia, a client of the Apollo configuration center.
 *
 * Generated from the source of the library; do not edit.
 *
 * Every function may be called from any thread, unless its comment says otherwise.
 * A function that can fail returns NULL, or an error that the caller releases. Where it fails,
 * its results are left as they were.
 * Text that is passed in is read during the call only. Text that is handed out belongs to the
 * object that it was read from and lives as long; it is not terminated by NUL.
 * A release function takes NULL, and objects may be released in any order.
 */

#ifndef CASTALIA_H
#define CASTALIA_H


#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __GNUC__
#define CASTALIA_MUST_USE __attribute__((warn_unused_result))
#else
#define CASTALIA_MUST_USE
#endif

/**
 * The content of a namespace at one moment. It never changes, any number of threads may read it,
 * and it lives until it was released as often as it was handed out.
 */
typedef struct CastaliaSnapshot CastaliaSnapshot;

/**
 * Major number times 65536 plus minor number of this interface. The minor one rises with what is added, the major one with
 * what no longer fits.
 */
#define CASTALIA_ABI_VERSION 65536

/**
 * An argument or a setting is unusable: fix the call or the settings.
 */
#define CASTALIA_INVALID_ARGUMENT 1

/**
 * The start policy is not met and nothing is loaded yet: wait, or accept defaults.
 */
#define CASTALIA_NOT_READY 2

/**
 * The namespace has no release: publish it.
 */
#define CASTALIA_NOT_FOUND 3

/**
 * The server refused the access key: fix the secret or the clock.
 */
#define CASTALIA_UNAUTHORIZED 4

/**
 * The server refused the request as such: report it.
 */
#define CASTALIA_BAD_REQUEST 5

/**
 * The deadline of the call passed.
 */
#define CASTALIA_TIMEOUT 6

/**
 * No service could be reached, or all failed; the client goes on trying.
 */
#define CASTALIA_TRANSPORT 7

/**
 * The answer of a server is not what the protocol allows.
 */
#define CASTALIA_PROTOCOL 8

/**
 * A value or a file is not what was asked for.
 */
#define CASTALIA_PARSE 9

/**
 * A local file cannot be read or written.
 */
#define CASTALIA_IO 10

/**
 * The client is closed, or the handle is stale.
 */
#define CASTALIA_CLOSED 11

/**
 * A fault of this library.
 */
#define CASTALIA_INTERNAL 12

/**
 * The key is new.
 */
#define CASTALIA_ADDED 1

/**
 * The value differs.
 */
#define CASTALIA_MODIFIED 2

/**
 * The key is gone.
 */
#define CASTALIA_DELETED 3

/**
 * Somebody has to act.
 */
#define CASTALIA_LOG_ERROR 1

/**
 * Something does not work for the time being.
 */
#define CASTALIA_LOG_WARN 2

/**
 * What happens, in few words.
 */
#define CASTALIA_LOG_INFO 3

/**
 * For those who look for a fault.
 */
#define CASTALIA_LOG_DEBUG 4

/**
 * Everything.
 */
#define CASTALIA_LOG_TRACE 5

/**
 * Nothing: a namespace that cannot be loaded is empty, and its state says so.
 */
#define CASTALIA_START_BEST_EFFORT 0

/**
 * At least one namespace, from a server or a file.
 */
#define CASTALIA_START_REQUIRE_ANY 1

/**
 * Every namespace, from a server or a file.
 */
#define CASTALIA_START_REQUIRE_ALL 2

/**
 * At least one namespace, from a server.
 */
#define CASTALIA_START_REQUIRE_ANY_REMOTE 3

/**
 * Every namespace, from a server.
 */
#define CASTALIA_START_REQUIRE_ALL_REMOTE 4

/**
 * Why a call failed. The caller owns it and releases it.
 */
typedef struct CastaliaError CastaliaError;

/**
 * One change of a namespace: all keys that one new content changed. It never changes, and any number of threads may read it.
 */
typedef struct CastaliaEvent CastaliaEvent;

/**
 * Counters of a client at one moment. Any number of threads may read them.
 */
typedef struct CastaliaMetrics CastaliaMetrics;

/**
 * The effective settings of a client.
 */
typedef struct CastaliaSettingList CastaliaSettingList;

/**
 * Settings before a client is made from them. Used by one thread at a time.
 */
typedef struct CastaliaSettings CastaliaSettings;

/**
 * A text of its own.
 */
typedef struct CastaliaText CastaliaText;

/**
 * The parts of a value. They never change, and any number of threads may read them.
 */
typedef struct CastaliaTextList CastaliaTextList;

/**
 * UTF-8 text of this many bytes. NULL with length 0 is the empty text.
 */
typedef struct CastaliaStr {
  const char *ptr;
  size_t len;
} CastaliaStr;

/**
 * A client. 0 never stands for one.
 */
typedef struct CastaliaClient {
  uint64_t id;
} CastaliaClient;

/**
 * An open namespace. 0 never stands for one.
 */
typedef struct CastaliaConfig {
  uint64_t id;
} CastaliaConfig;

/**
 * An open namespace as a whole file. 0 never stands for one.
 */
typedef struct CastaliaConfigFile {
  uint64_t id;
} CastaliaConfigFile;

/**
 * One key of an event.
 */
typedef struct CastaliaChange {
  /**
   * The key.
   */
  struct CastaliaStr key;
  /**
   * Value before; NULL when added.
   */
  struct CastaliaStr old_value;
  /**
   * Value after; NULL when deleted.
   */
  struct CastaliaStr new_value;
  /**
   * `CASTALIA_ADDED`, `CASTALIA_MODIFIED` or `CASTALIA_DELETED`.
   */
  int32_t change_type;
} CastaliaChange;

/**
 * What a log record is about, such as `namespace`.
 */
typedef struct CastaliaLogField {
  /**
   * Name.
   */
  struct CastaliaStr name;
  /**
   * Value as text.
   */
  struct CastaliaStr value;
} CastaliaLogField;

/**
 * One log record. It and its texts are lent for the call. Later versions append fields.
 */
typedef struct CastaliaLogRecord {
  /**
   * How much it matters: `CASTALIA_LOG_...`.
   */
  int32_t level;
  /**
   * Module that wrote it.
   */
  struct CastaliaStr target;
  /**
   * Message, with the fields behind it as `name=value`.
   */
  struct CastaliaStr text;
  /**
   * The fields by themselves.
   */
  const struct CastaliaLogField *fields;
  /**
   * How many.
   */
  size_t fields_len;
} CastaliaLogRecord;

/**
 * What is called for each log record, on any thread and perhaps several at a time. What the library would log because of the
 * call is dropped. It must not throw, and must not wait.
 */
typedef void (*CastaliaLogger)(void *user_data, const struct CastaliaLogRecord *record);

/**
 * What is called once with the user data when it is needed no more, on any thread; NULL for nothing.
 */
typedef void (*CastaliaRelease)(void *user_data);

/**
 * Counters of a whole client. Later versions append fields.
 */
typedef struct CastaliaTotals {
  /**
   * How many errors there were.
   */
  uint64_t error_count;
  /**
   * By how many milliseconds the servers' clock is ahead of this machine's.
   */
  int64_t clock_skew_ms;
  /**
   * Poll loops whose last poll ended well.
   */
  uint64_t polls_connected;
} CastaliaTotals;

/**
 * Counters of a namespace. Its texts live as long as the metrics. Later versions append fields.
 */
typedef struct CastaliaNamespaceMetrics {
  /**
   * App id.
   */
  struct CastaliaStr app_id;
  /**
   * Name.
   */
  struct CastaliaStr name;
  /**
   * `Loading`, `Ready`, or the name of the kind of error that the last load failed with.
   */
  struct CastaliaStr state;
  /**
   * `remote`, `local`, `static` or `none`.
   */
  struct CastaliaStr source;
  /**
   * Identity of the release; empty unless the source is `remote`.
   */
  struct CastaliaStr release_key;
  /**
   * Number of keys.
   */
  uint64_t items;
  /**
   * How often it was opened.
   */
  uint64_t usage;
  /**
   * Milliseconds that the first load took; -1 while it is under way.
   */
  int64_t first_load_ms;
  /**
   * When the content last changed, in milliseconds since 1970 (UTC).
   */
  int64_t updated_at;
  /**
   * When a server last answered, likewise; -1 for never.
   */
  int64_t contacted_at;
  /**
   * How often a listener failed.
   */
  uint64_t listener_failures;
  /**
   * Events that wait for listeners.
   */
  uint64_t listener_queue;
  /**
   * How often the cache file could not be written.
   */
  uint64_t cache_failures;
  /**
   * Releases that the application refused.
   */
  uint64_t refusals;
  /**
   * 1 where a poll for it was met with silence, else 0.
   */
  int32_t poll_timed_out;
  /**
   * Values that were not of the type they were read as, each counted once for a release.
   */
  uint64_t malformed_reads;
  /**
   * Why the last load failed, or what is wrong with what it brought; NULL once all is well. It belongs to the metrics.
   */
  const struct CastaliaError *last_error;
} CastaliaNamespaceMetrics;

/**
 * Requests to one endpoint that ended in one way. Its text lives as long as the metrics. Later versions append fields.
 */
typedef struct CastaliaHttpMetrics {
  /**
   * First part of the path: `configs`, `notifications` or `services`.
   */
  struct CastaliaStr endpoint;
  /**
   * Status; 0 where none came.
   */
  int32_t status;
  /**
   * How many.
   */
  uint64_t count;
  /**
   * How many microseconds they took together.
   */
  uint64_t time_us;
} CastaliaHttpMetrics;

/**
 * The threads and tasks of the library, which all clients share. Later versions append fields.
 */
typedef struct CastaliaThreadMetrics {
  /**
   * Worker threads.
   */
  uint64_t workers;
  /**
   * Tasks that live.
   */
  uint64_t tasks;
  /**
   * Tasks that wait for a worker.
   */
  uint64_t queue;
} CastaliaThreadMetrics;

/**
 * One effective setting. Its texts live as long as the list. Later versions append fields.
 */
typedef struct CastaliaSetting {
  /**
   * Property name.
   */
  struct CastaliaStr name;
  /**
   * Value; a secret is `***`, and empty means unset.
   */
  struct CastaliaStr value;
  /**
   * Where the value came from.
   */
  struct CastaliaStr origin;
  /**
   * The name under which it was found there.
   */
  struct CastaliaStr found_as;
  /**
   * What it is for, with its unit.
   */
  struct CastaliaStr meaning;
} CastaliaSetting;

/**
 * Keys and prefixes that a listener asks for; none of either means everything. Set up by `castalia_filter_init`.
 */
typedef struct CastaliaFilter {
  /**
   * Bytes of this structure, as the program knows it.
   */
  uint32_t struct_size;
  /**
   * Exact keys.
   */
  const struct CastaliaStr *keys;
  /**
   * How many.
   */
  size_t keys_len;
  /**
   * Plain text prefixes: `db` covers `dbName`.
   */
  const struct CastaliaStr *prefixes;
  /**
   * How many.
   */
  size_t prefixes_len;
} CastaliaFilter;

/**
 * What is called for each event, in order and one call at a time, on a thread that may wait. The event is lent for the call.
 * Returns 0; any other number counts as a failure of the listener, which stays registered. It must not throw.
 */
typedef int32_t (*CastaliaListener)(void *user_data, const struct CastaliaEvent *event);

/**
 * A registered function. 0 never stands for one.
 */
typedef struct CastaliaSubscription {
  uint64_t id;
} CastaliaSubscription;

/**
 * What is called with the content of a namespace, on a thread that may wait, one call at a time. The snapshot is lent for the
 * call. It must not throw.
 */
typedef void (*CastaliaFollower)(void *user_data, const CastaliaSnapshot *snapshot);

/**
 * A client without servers. 0 never stands for one.
 */
typedef struct CastaliaTesting {
  uint64_t id;
} CastaliaTesting;

/**
 * What is asked before a release is applied, on a thread that may wait. The snapshot is lent for the call. Returns 0 to apply
 * it; to refuse it, any other number, after writing why into `reason`, which has `capacity` bytes that are zero. It must not
 * throw.
 */
typedef int32_t (*CastaliaValidator)(void *user_data,
                                     const CastaliaSnapshot *snapshot,
                                     char *reason,
                                     size_t capacity);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The interface of the library that is loaded; compare it with `CASTALIA_ABI_VERSION`.
 */
uint32_t castalia_abi_version(void);

/**
 * Version of the library, such as `1.2.3`. The text lives for ever.
 */
struct CastaliaStr castalia_version(void);

/**
 * Makes a client; opens no socket and starts no thread. The settings stay the caller's. Unless `castalia_log_set` was called,
 * warnings and errors are written to standard error from now on.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT`, naming every fault of the settings at once.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_new(const struct CastaliaSettings *settings,
                                          struct CastaliaClient *client);

/**
 * Opens a namespace of the client's own app and waits for its first load, at most this many milliseconds.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for a bad name and on a listener's thread unless the namespace is open already,
 * `CASTALIA_TIMEOUT` when the time is up while opening goes on, `CASTALIA_CLOSED`, and with what the start policy refuses.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_config(struct CastaliaClient client,
                                             struct CastaliaStr name,
                                             uint32_t timeout_ms,
                                             struct CastaliaConfig *config);

/**
 * Opens a namespace of another app; as `castalia_client_config`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_config_of(struct CastaliaClient client,
                                                struct CastaliaStr app_id,
                                                struct CastaliaStr name,
                                                uint32_t timeout_ms,
                                                struct CastaliaConfig *config);

/**
 * Opens a namespace as a whole file; as `castalia_client_config`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_config_file(struct CastaliaClient client,
                                                  struct CastaliaStr name,
                                                  uint32_t timeout_ms,
                                                  struct CastaliaConfigFile *file);

/**
 * App id of the client; to be released by `castalia_text_release`.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_app_id(struct CastaliaClient client,
                                             struct CastaliaText **app_id);

/**
 * The environment as its name was understood, such as `PRO`; `UNKNOWN` where none is set. The text lives for ever.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_env(struct CastaliaClient client,
                                          struct CastaliaStr *env);

/**
 * Signs the requests of an app id with another secret from now on, from the next request; a blank one stops signing. The
 * secret is copied and shows up nowhere.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for text that is not UTF-8.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_set_access_key(struct CastaliaClient client,
                                                     struct CastaliaStr app_id,
                                                     struct CastaliaStr secret);

/**
 * Stops everything and waits for it, at most this many milliseconds; the handle is stale from then on. Reads of open
 * namespaces go on answering. Handles of subscriptions keep some memory until `castalia_subscription_cancel`. A stale handle
 * does nothing. On a listener's thread it gives the sign and does not wait.
 */
void castalia_client_close(struct CastaliaClient client,
                           uint32_t timeout_ms);

/**
 * The content now. It never changes while it is held, and is released by `castalia_snapshot_release`. Never waits.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_snapshot(struct CastaliaConfig config,
                                               const CastaliaSnapshot **snapshot);

/**
 * How the namespace stands with the servers: `Loading`, `Ready`, or the name of the kind of error that the last load failed
 * with. The text lives for ever.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_state(struct CastaliaConfig config,
                                            struct CastaliaStr *state);

/**
 * Why the last load failed, or what is wrong with what it brought; NULL once all is well. The caller releases it.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_last_error(struct CastaliaConfig config,
                                                 struct CastaliaError **last);

/**
 * Loads now and waits for it, at most this many milliseconds.
 *
 * Fails as the load does, with `CASTALIA_TIMEOUT`, `CASTALIA_CLOSED`, and on a listener's thread with
 * `CASTALIA_INVALID_ARGUMENT`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_refresh(struct CastaliaConfig config,
                                              uint32_t timeout_ms);

/**
 * Releases the handle of a namespace, which stays open in its client. A stale handle does nothing.
 */
void castalia_config_release(struct CastaliaConfig config);

/**
 * Gives a namespace up, and releases its handle: once no other handle of it is left, it is no longer kept fresh and its
 * subscriptions end, after what is queued for them. Snapshots stay as they are; opened again, it starts anew. A stale handle
 * does nothing. Never waits.
 */
void castalia_config_close(struct CastaliaConfig config);

/**
 * The text of a file now, with the snapshot that it lies in, which the caller releases after the text was used. The text is
 * NULL while nothing is loaded. Never waits.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_file_content(struct CastaliaConfigFile file,
                                                   struct CastaliaStr *content,
                                                   const CastaliaSnapshot **snapshot);

/**
 * How the namespace of a file stands with the servers; as `castalia_config_state`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_file_state(struct CastaliaConfigFile file,
                                                 struct CastaliaStr *state);

/**
 * Why the last load of a file failed; as `castalia_config_last_error`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_file_last_error(struct CastaliaConfigFile file,
                                                      struct CastaliaError **last);

/**
 * Loads now; as `castalia_config_refresh`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_file_refresh(struct CastaliaConfigFile file,
                                                   uint32_t timeout_ms);

/**
 * Gives the namespace of a file up, and releases its handle; as `castalia_config_close`.
 */
void castalia_config_file_close(struct CastaliaConfigFile file);

/**
 * Releases the handle of a file, whose namespace stays open in its client. A stale handle does nothing.
 */
void castalia_config_file_release(struct CastaliaConfigFile file);

/**
 * Kind of an error, one of the constants above; 0 for NULL, which is no error.
 */
int32_t castalia_error_code(const struct CastaliaError *error);

/**
 * Name of the kind of an error, such as `NotFound`; it lives for ever. Empty for NULL.
 */
struct CastaliaStr castalia_error_name(const struct CastaliaError *error);

/**
 * What happened, in one line for people; it lives as long as the error. Empty for NULL.
 */
struct CastaliaStr castalia_error_message(const struct CastaliaError *error);

/**
 * Releases an error.
 */
void castalia_error_release(struct CastaliaError *error);

/**
 * App id of the namespace.
 */
struct CastaliaStr castalia_event_app_id(const struct CastaliaEvent *event);

/**
 * Name of the namespace.
 */
struct CastaliaStr castalia_event_namespace(const struct CastaliaEvent *event);

/**
 * Number of changed keys, whatever the listener asked for; 0 for NULL.
 */
size_t castalia_event_len(const struct CastaliaEvent *event);

/**
 * The change at a place, in the order of the new content with deleted keys behind; NULL from the number of keys on. It lives
 * as long as the event.
 */
const struct CastaliaChange *castalia_event_change(const struct CastaliaEvent *event,
                                                   size_t index);

/**
 * The changed key at a place among those that the filter of the listener let through; NULL from their number on, and
 * everywhere for a listener without a filter.
 */
struct CastaliaStr castalia_event_interested_key(const struct CastaliaEvent *event,
                                                 size_t index);

/**
 * Number of this change within its namespace, rising by one from 1; of merged events the last.
 */
uint64_t castalia_event_sequence(const struct CastaliaEvent *event);

/**
 * How many later events were merged into this one because the listener did not keep up.
 */
uint64_t castalia_event_coalesced(const struct CastaliaEvent *event);

/**
 * Release key before the change; empty when that content was not from a server.
 */
struct CastaliaStr castalia_event_old_release_key(const struct CastaliaEvent *event);

/**
 * The content after the change, or a newer one when events were merged; to be released by `castalia_snapshot_release`. NULL
 * for NULL.
 */
const CastaliaSnapshot *castalia_event_snapshot(const struct CastaliaEvent *event);

/**
 * One more count of an event, to keep it beyond the call of the listener; gives it back.
 */
const struct CastaliaEvent *castalia_event_retain(const struct CastaliaEvent *event);

/**
 * Releases one count of an event that was retained.
 */
void castalia_event_release(const struct CastaliaEvent *event);

/**
 * The parts of the value of a key between a literal delimiter, to be released by `castalia_text_list_release`. Where `trim` is
 * not 0, blanks around the parts are dropped; empty parts at the end always are. `found` is 0 or 1, or NULL for those who
 * need not know; where it is 0, `list` is left as it was.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for text that is not UTF-8.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_list(const CastaliaSnapshot *snapshot,
                                                 struct CastaliaStr key,
                                                 struct CastaliaStr delimiter,
                                                 int32_t trim,
                                                 struct CastaliaTextList **list,
                                                 int32_t *found);

/**
 * Number of parts; 0 for NULL.
 */
size_t castalia_text_list_len(const struct CastaliaTextList *list);

/**
 * The part at a place; NULL from their number on. It lives as long as the list.
 */
struct CastaliaStr castalia_text_list_get(const struct CastaliaTextList *list, size_t index);

/**
 * Releases a list and what was read from it.
 */
void castalia_text_list_release(struct CastaliaTextList *list);

/**
 * Sends log records of this level and the more important ones (`CASTALIA_LOG_...`) to a function, in place of the one before;
 * NULL sends them nowhere. Without this call, warnings and errors go to standard error. Whether it works or fails, `release` is called with the user data when it is needed no more.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for another level.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_log_set(int32_t level,
                                       CastaliaLogger logger,
                                       void *user_data,
                                       CastaliaRelease release);

/**
 * State and counters of a client.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_metrics(struct CastaliaClient client,
                                              struct CastaliaMetrics **metrics);

/**
 * The counters of the client itself; NULL for NULL. They live as long as the metrics.
 */
const struct CastaliaTotals *castalia_metrics_totals(const struct CastaliaMetrics *metrics);

/**
 * The counters of the open namespace at a place; NULL from their number on. They live as long as the metrics.
 */
const struct CastaliaNamespaceMetrics *castalia_metrics_namespace(const struct CastaliaMetrics *metrics,
                                                                  size_t index);

/**
 * The requests of the client at a place, by endpoint and status; NULL from their number on. They live as long as the metrics.
 */
const struct CastaliaHttpMetrics *castalia_metrics_http(const struct CastaliaMetrics *metrics,
                                                        size_t index);

/**
 * The threads; NULL before the first namespace is opened, and for NULL. They live as long as the metrics.
 */
const struct CastaliaThreadMetrics *castalia_metrics_threads(const struct CastaliaMetrics *metrics);

/**
 * The error at a place among the latest ones, oldest first; NULL from their number on.
 */
struct CastaliaStr castalia_metrics_error(const struct CastaliaMetrics *metrics, size_t index);

/**
 * Releases metrics and what was read from them.
 */
void castalia_metrics_release(struct CastaliaMetrics *metrics);

/**
 * The metrics of a client as OpenMetrics text.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_metrics_text(struct CastaliaClient client,
                                                   struct CastaliaText **text);

/**
 * The text itself; it lives as long as the object. Empty for NULL.
 */
struct CastaliaStr castalia_text_view(const struct CastaliaText *text);

/**
 * Releases a text.
 */
void castalia_text_release(struct CastaliaText *text);

/**
 * Every effective setting of a client and where it came from; secrets are masked.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_settings(struct CastaliaClient client,
                                               struct CastaliaSettingList **settings);

/**
 * The setting at a place; NULL from their number on.
 */
const struct CastaliaSetting *castalia_setting_list_get(const struct CastaliaSettingList *settings,
                                                        size_t index);

/**
 * Releases a list of settings and what was read from it.
 */
void castalia_setting_list_release(struct CastaliaSettingList *settings);

/**
 * Settings that read nothing from the environment and its files.
 */
struct CastaliaSettings *castalia_settings_new(void);

/**
 * Settings of the surroundings: environment variables, `server.properties` and `app.properties`. The files are read when a
 * client is made.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` where a variable of ours is not UTF-8.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_settings_from_env(struct CastaliaSettings **settings);

/**
 * Sets a value by its property name, such as `app.id`. Names and values are checked when a client is made.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for text that is not UTF-8.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_settings_set(struct CastaliaSettings *settings,
                                            struct CastaliaStr name,
                                            struct CastaliaStr value);

/**
 * What must be loaded for opening to succeed: `CASTALIA_START_...`. Otherwise opening fails, mostly with `CASTALIA_NOT_READY`.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for another number.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_settings_start_policy(struct CastaliaSettings *settings,
                                                     int32_t policy);

/**
 * Copies settings; the copy is released by itself.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for NULL.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_settings_copy(const struct CastaliaSettings *settings,
                                             struct CastaliaSettings **copy);

/**
 * Releases settings; clients that were made from them live on.
 */
void castalia_settings_release(struct CastaliaSettings *settings);

/**
 * The value of a key. `found` is 0 or 1; where it is 0, `value` is left as it was. An empty value is a value.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for a key that is not UTF-8.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get(const CastaliaSnapshot *snapshot,
                                            struct CastaliaStr key,
                                            struct CastaliaStr *value,
                                            int32_t *found);

/**
 * Copies the value of a key into memory of the caller and ends it with NUL. `len` becomes its length without the NUL, also
 * where it does not fit, which fails.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` where `capacity` is not above the length, and where the value holds a NUL itself.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_copy(const CastaliaSnapshot *snapshot,
                                             struct CastaliaStr key,
                                             char *buffer,
                                             size_t capacity,
                                             size_t *len,
                                             int32_t *found);

/**
 * The value of a key as a whole number of 32 bits. Where `found` is NULL, a missing and a malformed value leave `value` as it
 * was and nothing fails: set it to the default before.
 *
 * Fails with `CASTALIA_PARSE` for a malformed value, `CASTALIA_INVALID_ARGUMENT` as `castalia_snapshot_get`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_int(const CastaliaSnapshot *snapshot,
                                                struct CastaliaStr key,
                                                int32_t *value,
                                                int32_t *found);

/**
 * The value of a key as a whole number of 64 bits; as `castalia_snapshot_get_int`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_long(const CastaliaSnapshot *snapshot,
                                                 struct CastaliaStr key,
                                                 int64_t *value,
                                                 int32_t *found);

/**
 * The value of a key as a number; as `castalia_snapshot_get_int`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_double(const CastaliaSnapshot *snapshot,
                                                   struct CastaliaStr key,
                                                   double *value,
                                                   int32_t *found);

/**
 * The value of a key as 1 for `true` in any case, else 0; as `castalia_snapshot_get_int`. With the setting
 * `castalia.strict-booleans`, `yes`, `on` and `1` are 1 as well, their opposites are 0, and all else is malformed.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_bool(const CastaliaSnapshot *snapshot,
                                                 struct CastaliaStr key,
                                                 int32_t *value,
                                                 int32_t *found);

/**
 * The value of a key, such as `2D3H4M5S123MS` or `500`, in milliseconds; as `castalia_snapshot_get_int`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_duration(const CastaliaSnapshot *snapshot,
                                                     struct CastaliaStr key,
                                                     int64_t *value,
                                                     int32_t *found);

/**
 * The value of a key, such as `2024-01-31 23:59:59`, in milliseconds since 1970 (UTC); as `castalia_snapshot_get_int`. A date
 * without a zone is one of this machine's, unless the setting `castalia.time-zone` names another; days that do not exist are
 * malformed, unless `castalia.lenient-dates` lets them count on.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_date(const CastaliaSnapshot *snapshot,
                                                 struct CastaliaStr key,
                                                 int64_t *value,
                                                 int32_t *found);

/**
 * For those who parse values by themselves: says that the value of a key is malformed. It is logged and counted, once for each
 * key and snapshot. Gives the error to hand on, `CASTALIA_PARSE`; NULL where the key is missing.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` as `castalia_snapshot_get`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_malformed(const CastaliaSnapshot *snapshot,
                                                  struct CastaliaStr key);

/**
 * Number of keys; 0 for NULL.
 */
size_t castalia_snapshot_len(const CastaliaSnapshot *snapshot);

/**
 * The key and value at a place, in the server's order.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` from the number of keys on.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_entry(const CastaliaSnapshot *snapshot,
                                              size_t index,
                                              struct CastaliaStr *key,
                                              struct CastaliaStr *value);

/**
 * The namespace as one text: the document, or properties text; NULL while nothing is loaded.
 */
struct CastaliaStr castalia_snapshot_content(const CastaliaSnapshot *snapshot);

/**
 * App id of the namespace.
 */
struct CastaliaStr castalia_snapshot_app_id(const CastaliaSnapshot *snapshot);

/**
 * Cluster that the namespace is read for.
 */
struct CastaliaStr castalia_snapshot_cluster(const CastaliaSnapshot *snapshot);

/**
 * Name of the namespace, without a `.properties` suffix.
 */
struct CastaliaStr castalia_snapshot_namespace(const CastaliaSnapshot *snapshot);

/**
 * Where the content came from: `remote`, `local`, `static` or `none`. The text lives for ever.
 */
struct CastaliaStr castalia_snapshot_source(const CastaliaSnapshot *snapshot);

/**
 * Identity of the release; empty unless the source is `remote`.
 */
struct CastaliaStr castalia_snapshot_release_key(const CastaliaSnapshot *snapshot);

/**
 * Newest notification that was known when this was loaded; -1 for none and for NULL.
 */
int64_t castalia_snapshot_notification_id(const CastaliaSnapshot *snapshot);

/**
 * When it was made, in milliseconds since 1970 (UTC); 0 for NULL.
 */
int64_t castalia_snapshot_loaded_at(const CastaliaSnapshot *snapshot);

/**
 * One more count of a snapshot, to be released once more; gives it back.
 */
const CastaliaSnapshot *castalia_snapshot_retain(const CastaliaSnapshot *snapshot);

/**
 * Releases one count of a snapshot; with the last one its texts are gone.
 */
void castalia_snapshot_release(const CastaliaSnapshot *snapshot);

/**
 * Prepares a filter that lets everything through. `size` is `sizeof(CastaliaFilter)`.
 */
void castalia_filter_init(struct CastaliaFilter *filter, size_t size);

/**
 * Calls a function for each change that the filter lets through; NULL is no filter, and it is read during the call only.
 * Whether it works or fails, `release` is called with the user data when the function is called no more.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for NULL and for a bad filter.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_on_change(struct CastaliaConfig config,
                                                const struct CastaliaFilter *filter,
                                                CastaliaListener listener,
                                                void *user_data,
                                                CastaliaRelease release,
                                                struct CastaliaSubscription *subscription);

/**
 * Calls a function for each change of the text of a file, under the key `content`; as `castalia_config_on_change`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_file_on_change(struct CastaliaConfigFile file,
                                                     CastaliaListener listener,
                                                     void *user_data,
                                                     CastaliaRelease release,
                                                     struct CastaliaSubscription *subscription);

/**
 * Calls a function with the content now, on the calling thread and before this returns, and then with each newer content, never
 * with an older one. Content that was replaced while a call was running is skipped; the newest never is. This is how to keep
 * something that is made of the content: listening and reading apart from it, in whichever order, can miss a release.
 * Whether it works or fails, `release` is called with the user data when the function is called no more.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for NULL; then nothing is called.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_follow(struct CastaliaConfig config,
                                             CastaliaFollower function,
                                             void *user_data,
                                             CastaliaRelease release,
                                             struct CastaliaSubscription *subscription);

/**
 * Ends a subscription and releases its handle: when this returns, no call is running, none will start, and the user data has
 * been released. From inside the function itself it only marks the end, and the data is released after the function returns.
 * A stale handle does nothing.
 */
void castalia_subscription_cancel(struct CastaliaSubscription subscription);

/**
 * Makes a client for tests of an application: it opens no socket and no file, and its namespaces hold what the functions below
 * put there. NULL for `settings` is an app `test` without settings; otherwise those of servers and cache files have no effect.
 * `client` is used and closed like every client.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT`, naming every fault of the settings at once.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_testing_new(const struct CastaliaSettings *settings,
                                           struct CastaliaTesting *testing,
                                           struct CastaliaClient *client);

/**
 * Sets a value. When this returns, reads of the open namespace answer it and its event is queued for every listener.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle and a closed client, `CASTALIA_INVALID_ARGUMENT` for a bad name and on a
 * listener's thread, `CASTALIA_PARSE` when a validator refuses it.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_testing_set(struct CastaliaTesting testing,
                                           struct CastaliaStr name,
                                           struct CastaliaStr key,
                                           struct CastaliaStr value);

/**
 * Removes a key; as `castalia_testing_set`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_testing_remove(struct CastaliaTesting testing,
                                              struct CastaliaStr name,
                                              struct CastaliaStr key);

/**
 * Lets a namespace fail to load, as without a server, until a value of it is set again. What was loaded before remains.
 *
 * Fails as `castalia_testing_set` does.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_testing_fail(struct CastaliaTesting testing,
                                            struct CastaliaStr name);

/**
 * Releases what a test sets content with. Its client lives until it is closed. A stale handle does nothing.
 */
void castalia_testing_release(struct CastaliaTesting testing);

/**
 * Asks a function before a release of a namespace of the client's own app is applied, for as long as the client lives. What
 * it refuses is not applied, and the reason is in the metrics. Whether it works or fails, `release` is called with the user
 * data when it is needed no more.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for a bad name, `CASTALIA_CLOSED` for a stale handle.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_validate(struct CastaliaClient client,
                                               struct CastaliaStr name,
                                               CastaliaValidator validator,
                                               void *user_data,
                                               CastaliaRelease release);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/** A text constant as an argument. */
#ifndef __cplusplus
#define CASTALIA_STR(literal) ((CastaliaStr){(literal), sizeof(literal) - 1})
#endif

/** A text that is terminated by NUL as an argument; NULL is the empty text. */
static inline CastaliaStr castalia_str(const char *text) {
    CastaliaStr view;
    view.ptr = text;
    view.len = text == NULL ? 0 : strlen(text);
    return view;
}

/** Whether the library that is loaded fits this header: the same major number, and no older. */
static inline int castalia_abi_fits(void) {
    uint32_t loaded = castalia_abi_version();
    return loaded >> 16 == CASTALIA_ABI_VERSION >> 16 && loaded >= CASTALIA_ABI_VERSION;
}

#endif /* CASTALIA_H */
