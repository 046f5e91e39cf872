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
 * All changes that one release made to a namespace. It never changes, any number of threads may
 * read it, and it lives until it was released as often as it was handed out.
 */
typedef struct CastaliaEvent CastaliaEvent;

/**
 * A value that describes something: a record with named fields, a list, a text, a number or a
 * flag. A time is a number of microseconds and has a name that ends with `_us`, or one of
 * milliseconds with `_ms`; a moment is the time since 1970 (UTC). It never changes, and any number
 * of threads may read it.
 */
typedef struct CastaliaRecord CastaliaRecord;

/**
 * Major version of this interface times 65536, plus the minor version. Additions increase the
 * minor version, incompatible changes the major one.
 */
#define CASTALIA_ABI_VERSION 65536

/**
 * An argument or setting is invalid: fix the call or the settings.
 */
#define CASTALIA_INVALID_ARGUMENT 1

/**
 * The start policy is not met because nothing is loaded yet: wait, or accept defaults.
 */
#define CASTALIA_NOT_READY 2

/**
 * The namespace has no release: publish it.
 */
#define CASTALIA_NOT_FOUND 3

/**
 * The server rejected the access key: fix the secret or the clock.
 */
#define CASTALIA_UNAUTHORIZED 4

/**
 * The server rejected the request as malformed: report it.
 */
#define CASTALIA_BAD_REQUEST 5

/**
 * The timeout of the call expired.
 */
#define CASTALIA_TIMEOUT 6

/**
 * No service could be reached, or all failed. The client keeps trying.
 */
#define CASTALIA_TRANSPORT 7

/**
 * The response violates the protocol: check what answers at that address.
 */
#define CASTALIA_PROTOCOL 8

/**
 * A value or file does not have the expected format.
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
 * A bug in this library.
 */
#define CASTALIA_INTERNAL 12

/**
 * The key had no value before.
 */
#define CASTALIA_ADDED 1

/**
 * The value is different.
 */
#define CASTALIA_MODIFIED 2

/**
 * The key has no value any more.
 */
#define CASTALIA_DELETED 3

/**
 * Why a call failed. The caller owns it and releases it.
 */
typedef struct CastaliaError CastaliaError;

/**
 * Settings for creating clients. Must not be used by several threads at the same time.
 */
typedef struct CastaliaSettings CastaliaSettings;

/**
 * UTF-8 text with its length in bytes. NULL with length 0 is the empty text.
 */
typedef struct CastaliaStr {
  const char *ptr;
  size_t len;
} CastaliaStr;

/**
 * Handle of a client; never 0.
 */
typedef struct CastaliaClient {
  uint64_t id;
} CastaliaClient;

/**
 * Handle of an open namespace, as keys and values or as one text; never 0.
 */
typedef struct CastaliaConfig {
  uint64_t id;
} CastaliaConfig;

/**
 * Function that is called before a release is applied, on a thread that may block. The snapshot is
 * valid during the call. Returns 0 to accept the release. To reject it, it writes the reason into
 * `reason`, which has `capacity` zero bytes, and returns any other number. It must not throw.
 */
typedef int32_t (*CastaliaValidator)(void *user_data,
                                     const CastaliaSnapshot *snapshot,
                                     char *reason,
                                     size_t capacity);

/**
 * Function that is called once with the user data when it is no longer needed, on any thread; may
 * be NULL.
 */
typedef void (*CastaliaRelease)(void *user_data);

/**
 * The change of one key.
 */
typedef struct CastaliaChange {
  /**
   * The key.
   */
  struct CastaliaStr key;
  /**
   * Value before; NULL if the key was added.
   */
  struct CastaliaStr old_value;
  /**
   * Value after; NULL if the key was deleted.
   */
  struct CastaliaStr new_value;
  /**
   * `CASTALIA_ADDED`, `CASTALIA_MODIFIED` or `CASTALIA_DELETED`.
   */
  int32_t change_type;
} CastaliaChange;

/**
 * Function that is called for each log record, on any thread and possibly on several at the same
 * time. The record is valid during the call: `level`; `target`, the module that logged it; `text`,
 * the message, followed by the fields as `name=value`; and `fields`, a record of their values as
 * texts. Records that the call itself causes are dropped. It must not throw and must not block.
 */
typedef void (*CastaliaLogger)(void *user_data, const CastaliaRecord *record);

/**
 * Keys and prefixes that a listener is interested in; without any, it is interested in everything.
 */
typedef struct CastaliaFilter {
  /**
   * Exact keys.
   */
  const struct CastaliaStr *keys;
  /**
   * Number of keys.
   */
  size_t keys_len;
  /**
   * Prefixes as plain text: `db` covers `dbName`.
   */
  const struct CastaliaStr *prefixes;
  /**
   * Number of prefixes.
   */
  size_t prefixes_len;
} CastaliaFilter;

/**
 * Function that is called for each event: in order, one call at a time, on a thread that may
 * block. The event is valid during the call. Returns 0; any other number is counted as a failure
 * of the listener, which remains registered. It must not throw.
 */
typedef int32_t (*CastaliaListener)(void *user_data, const CastaliaEvent *event);

/**
 * Handle of a registered function; never 0.
 */
typedef struct CastaliaSubscription {
  uint64_t id;
} CastaliaSubscription;

/**
 * Function that is called with the values of a namespace, on a thread that may block, one call at
 * a time. The snapshot is valid during the call. It must not throw.
 */
typedef void (*CastaliaFollower)(void *user_data, const CastaliaSnapshot *snapshot);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The interface version of the loaded library; compare it with `CASTALIA_ABI_VERSION`.
 */
uint32_t castalia_abi_version(void);

/**
 * Version of the library, such as `1.2.3`. The text is never freed.
 */
struct CastaliaStr castalia_version(void);

/**
 * Creates a client; opens no socket and starts no thread. The settings remain the caller's. Unless
 * `castalia_log_set` was called, warnings and errors are written to standard error from now on.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` that lists every invalid setting.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_new(const struct CastaliaSettings *settings,
                                          struct CastaliaClient *client);

/**
 * Opens a namespace of the client's app and waits for its first load, at most `timeout_ms`
 * milliseconds.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for an invalid name, and on a listener's thread unless
 * the namespace is already open; `CASTALIA_TIMEOUT` after the timeout, while opening continues;
 * `CASTALIA_CLOSED`; or the start policy's refusal.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_config(struct CastaliaClient client,
                                             struct CastaliaStr name,
                                             uint32_t timeout_ms,
                                             struct CastaliaConfig *config);

/**
 * Opens a namespace of another app; see `castalia_client_config`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_config_of(struct CastaliaClient client,
                                                struct CastaliaStr app_id,
                                                struct CastaliaStr name,
                                                uint32_t timeout_ms,
                                                struct CastaliaConfig *config);

/**
 * Opens a namespace as one text, which `castalia_snapshot_content` returns; see
 * `castalia_client_config`. Its events have the key `content` alone, whose values are the whole
 * text before and after.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_config_file(struct CastaliaClient client,
                                                  struct CastaliaStr name,
                                                  uint32_t timeout_ms,
                                                  struct CastaliaConfig *config);

/**
 * What a client reports about itself, by the name of the report:
 * - `about`: a record of what never changes, such as `app_id` and `env`, the environment as it was
 *   recognized, such as `PRO`, or `UNKNOWN` if it is unset
 * - `metrics`: state and counters, a record with the fields of `castalia::Metrics` in
 *   `castalia/monitor.hpp`, but for `namespace`, whose C++ member ends with `_`, and the names of
 *   times; an error is a record of `kind`, `code`, `message`, `operation` and `context`
 * - `metrics_text`: the same as a text in the format of OpenMetrics
 * - `settings`: every effective setting and its origin, a list of records with the fields of
 *   `castalia::Setting`; secrets are masked
 *
 * Release it with `castalia_record_release`.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for another name.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_report(struct CastaliaClient client,
                                             struct CastaliaStr name,
                                             CastaliaRecord **report);

/**
 * Signs requests for an app id with another secret from the next request on. A blank secret ends
 * signing. The secret is copied, and appears in no log, error or metric.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for text that is
 * not UTF-8.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_set_access_key(struct CastaliaClient client,
                                                     struct CastaliaStr app_id,
                                                     struct CastaliaStr secret);

/**
 * Calls a function before a release of a namespace of the client's app is applied, as long as the
 * client exists. A rejected release is not applied, and the reason is in the metrics. `release` is
 * called with the user data when it is no longer needed, also if this call fails.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for an invalid name, `CASTALIA_CLOSED` for a
 * stale handle.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_client_validate(struct CastaliaClient client,
                                               struct CastaliaStr name,
                                               CastaliaValidator validator,
                                               void *user_data,
                                               CastaliaRelease release);

/**
 * Stops the client and waits for it, at most `timeout_ms` milliseconds; the handle is stale from
 * then on. Open namespaces still return the last values. Handles of subscriptions keep some memory
 * until `castalia_subscription_cancel`. A stale handle is ignored. On a listener's thread this
 * does not wait.
 */
void castalia_client_close(struct CastaliaClient client, uint32_t timeout_ms);

/**
 * The current values, and the text as `castalia_snapshot_content`. They do not change until
 * `castalia_snapshot_release`. Never waits.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_snapshot(struct CastaliaConfig config,
                                               const CastaliaSnapshot **snapshot);

/**
 * Result of the last load, as a record: `state`, which is `Loading`, `Ready`, `Unavailable`, or the
 * name of the error's kind; and `last_error`, the error of the last load, or of parsing its
 * document, a record of `kind`, `code`, `message`, `operation` and `context`, or unset if both
 * succeeded. Release it with `castalia_record_release`.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_about(struct CastaliaConfig config, CastaliaRecord **about);

/**
 * Loads now and waits for the result, at most `timeout_ms` milliseconds.
 *
 * Fails with the error of the load, `CASTALIA_TIMEOUT`, `CASTALIA_CLOSED`, or
 * `CASTALIA_INVALID_ARGUMENT` on a listener's thread.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_refresh(struct CastaliaConfig config, uint32_t timeout_ms);

/**
 * Releases the handle of a namespace, which remains open in its client. A stale handle is ignored.
 */
void castalia_config_release(struct CastaliaConfig config);

/**
 * Closes a namespace and releases its handle. Once no other handle of it exists, it is no longer
 * refreshed and its subscriptions end after their queued events. Snapshots remain valid; opening
 * it again loads it anew. A stale handle is ignored. Never waits.
 */
void castalia_config_close(struct CastaliaConfig config);

/**
 * Kind of the error, one of the constants above; 0 for NULL.
 */
int32_t castalia_error_code(const struct CastaliaError *error);

/**
 * Name of the error's kind, such as `NotFound`; empty for NULL. The text is never freed.
 */
struct CastaliaStr castalia_error_name(const struct CastaliaError *error);

/**
 * What happened, in one line for people; empty for NULL. Valid as long as the error.
 */
struct CastaliaStr castalia_error_message(const struct CastaliaError *error);

/**
 * Releases an error.
 */
void castalia_error_release(struct CastaliaError *error);

/**
 * The change at an index, in the order of the new snapshot, followed by deleted keys, including
 * those that the listener is not interested in. Its texts are valid as long as the event. Returns
 * 1; 0 if the index is beyond the last change, and for NULL.
 */
int32_t castalia_event_change(const CastaliaEvent *event,
                              size_t index,
                              struct CastaliaChange *change);

/**
 * What is known of the event: a record of `app_id` and `namespace`; `interested_keys`, the changed
 * keys that match the listener's filter, an empty list without a filter; `old_release_key` and
 * `release_key`, empty if the values did not come from a server; `source`, the origin of the new
 * values; `sequence`, the number of the change within its namespace, increasing by one from 1;
 * `coalesced`, the number of later events that were merged into this one because the listener fell
 * behind, whose `sequence` is then that of the last; and `size`, the number of changed keys.
 * Release it with `castalia_record_release`. NULL for NULL.
 */
CastaliaRecord *castalia_event_about(const CastaliaEvent *event);

/**
 * The values after the change; for merged events, those after the last of them. Release it with
 * `castalia_snapshot_release`. NULL for NULL.
 */
const CastaliaSnapshot *castalia_event_snapshot(const CastaliaEvent *event);

/**
 * Adds a reference, to keep an event beyond the call of the listener. Returns the event.
 */
const CastaliaEvent *castalia_event_retain(const CastaliaEvent *event);

/**
 * Releases one reference to an event that was retained.
 */
void castalia_event_release(const CastaliaEvent *event);

/**
 * Restarts the clients that have listeners, in a forked child; costs nothing if they run. All
 * other calls restart the client that they are made for. For children that only wait for a
 * listener.
 *
 * A listener that was running at the fork is not called in the child, because what it was changing
 * is half changed there: register another one. A follower is called there for the newest snapshot;
 * its call of the parent never ends in the child, and a lock that it held is never released. The
 * user data of both is not released there.
 *
 * If a listener, follower or validator forked the child, calls that wait fail on the thread that
 * continues there, with `CASTALIA_INVALID_ARGUMENT` as in the parent. Other threads of the child may
 * wait, and may call the function before that call returns.
 */
void castalia_resume_after_fork(void);

/**
 * Passes log records of this level and above (`ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`) to a
 * function, which replaces the previous one; NULL drops them. Without this call, warnings and
 * errors are written to standard error. `release` is called with the user data when it is no
 * longer needed, also if this call fails.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for an invalid level.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_log_set(struct CastaliaStr level,
                                       CastaliaLogger logger,
                                       void *user_data,
                                       CastaliaRelease release);

/**
 * The field of a record; NULL if it is unset or there is none of this name. Valid until the record
 * that it was read from is released, or until the end of the call that lent it.
 */
const CastaliaRecord *castalia_record_field(const CastaliaRecord *record, struct CastaliaStr name);

/**
 * The name of a record's field at an index; NULL beyond the last one. Valid as long as a field.
 */
struct CastaliaStr castalia_record_name(const CastaliaRecord *record, size_t index);

/**
 * The item of a list at an index; NULL beyond the last one. Valid as long as a field.
 */
const CastaliaRecord *castalia_record_item(const CastaliaRecord *list, size_t index);

/**
 * A text; NULL for anything else. Valid as long as a field.
 */
struct CastaliaStr castalia_record_text(const CastaliaRecord *text);

/**
 * A number, or 1 and 0 for a flag; `otherwise` for anything else, such as NULL.
 */
int64_t castalia_record_number(const CastaliaRecord *number, int64_t otherwise);

/**
 * Releases a record that a function returned or wrote, and every part that was read from it. Never
 * pass a part. NULL is ignored.
 */
void castalia_record_release(CastaliaRecord *record);

/**
 * Settings that read neither the environment nor its files.
 */
struct CastaliaSettings *castalia_settings_new(void);

/**
 * Settings from environment variables, `server.properties` and `app.properties`. They are read
 * when a client is created, which fails if a variable that begins with `APOLLO_` or `CASTALIA_` is
 * not UTF-8.
 */
struct CastaliaSettings *castalia_settings_from_env(void);

/**
 * Sets a value by its property name, such as `app.id`. Names and values are validated when a
 * client is created. What must be loaded for opening to succeed is `castalia.start-policy`;
 * otherwise opening fails, mostly with `CASTALIA_NOT_READY`.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for NULL and for text that is not UTF-8.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_settings_set(struct CastaliaSettings *settings,
                                            struct CastaliaStr name,
                                            struct CastaliaStr value);

/**
 * Copies settings; NULL is returned as such. The copy must be released too.
 */
struct CastaliaSettings *castalia_settings_copy(const struct CastaliaSettings *settings);

/**
 * Releases settings. Clients that were created from them are unaffected.
 */
void castalia_settings_release(struct CastaliaSettings *settings);

/**
 * The value of a key, which is not terminated by NUL. `found` receives 0 or 1 and may be NULL; if
 * the key is missing, `value` is unchanged. An empty value is found.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for another NULL and for a key that is not UTF-8.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get(const CastaliaSnapshot *snapshot,
                                            struct CastaliaStr key,
                                            struct CastaliaStr *value,
                                            int32_t *found);

/**
 * The value of a key as a 32-bit integer. If `found` is NULL, a missing or malformed value is not
 * an error and leaves `value` unchanged: set it to the default before.
 *
 * Fails with `CASTALIA_PARSE` for a malformed value, and with `CASTALIA_INVALID_ARGUMENT` like
 * `castalia_snapshot_get`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_int(const CastaliaSnapshot *snapshot,
                                                struct CastaliaStr key,
                                                int32_t *value,
                                                int32_t *found);

/**
 * The value of a key as a 64-bit integer; see `castalia_snapshot_get_int`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_long(const CastaliaSnapshot *snapshot,
                                                 struct CastaliaStr key,
                                                 int64_t *value,
                                                 int32_t *found);

/**
 * The value of a key as a floating-point number; see `castalia_snapshot_get_int`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_double(const CastaliaSnapshot *snapshot,
                                                   struct CastaliaStr key,
                                                   double *value,
                                                   int32_t *found);

/**
 * The value of a key as 1 for `true` in any case, else 0; see `castalia_snapshot_get_int`. With
 * the setting `castalia.strict-booleans`, `yes`, `on` and `1` are 1 as well, their opposites are
 * 0, and anything else is malformed.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_bool(const CastaliaSnapshot *snapshot,
                                                 struct CastaliaStr key,
                                                 int32_t *value,
                                                 int32_t *found);

/**
 * The value of a key, such as `2D3H4M5S123MS` or `500`, in milliseconds; see
 * `castalia_snapshot_get_int`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_duration(const CastaliaSnapshot *snapshot,
                                                     struct CastaliaStr key,
                                                     int64_t *value,
                                                     int32_t *found);

/**
 * The value of a key, such as `2024-01-31 23:59:59`, in milliseconds since 1970 (UTC); see
 * `castalia_snapshot_get_int`. A date without a time zone is in this machine's, or that of the
 * setting `castalia.time-zone`. Dates that do not exist are malformed, or carry over with
 * `castalia.lenient-dates`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_date(const CastaliaSnapshot *snapshot,
                                                 struct CastaliaStr key,
                                                 int64_t *value,
                                                 int32_t *found);

/**
 * Splits the value of a key at a literal delimiter, into a list of texts. Release it with
 * `castalia_record_release`. If `trim` is not 0, white space around the parts is removed; empty
 * parts at the end always are. `found` and a missing key are as for `castalia_snapshot_get`.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` for another NULL and for text that is not UTF-8.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_get_list(const CastaliaSnapshot *snapshot,
                                                 struct CastaliaStr key,
                                                 struct CastaliaStr delimiter,
                                                 int32_t trim,
                                                 CastaliaRecord **list,
                                                 int32_t *found);

/**
 * Reports a value as malformed, for callers that parse values themselves. It is logged and counted
 * once for each key and snapshot. Returns the error to pass on, `CASTALIA_PARSE`; NULL if the key
 * is missing.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` like `castalia_snapshot_get`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_snapshot_malformed(const CastaliaSnapshot *snapshot,
                                                  struct CastaliaStr key);

/**
 * Number of keys; 0 for NULL.
 */
size_t castalia_snapshot_len(const CastaliaSnapshot *snapshot);

/**
 * Key and value at an index, in the server's order. Returns 1; 0 if the index is not below
 * `castalia_snapshot_len`, and for NULL.
 */
int32_t castalia_snapshot_entry(const CastaliaSnapshot *snapshot,
                                size_t index,
                                struct CastaliaStr *key,
                                struct CastaliaStr *value);

/**
 * The namespace as one text: the document, or properties text; NULL if nothing has been loaded.
 */
struct CastaliaStr castalia_snapshot_content(const CastaliaSnapshot *snapshot);

/**
 * What is known of the values: a record of `app_id`; `cluster`, that of the client, which may
 * differ from the one that the release came from; `namespace`, without a `.properties` suffix;
 * `format`; `source`, which is `remote`, `local`, `static` or `none`; `release_key`, empty unless
 * the source is `remote`; `notification_id`, the newest one that was received before the load, or
 * -1; `loaded_at_us`, for a cache or seed file its modification time; and `size`, the number of
 * keys. Release it with `castalia_record_release`. NULL for NULL.
 */
CastaliaRecord *castalia_snapshot_about(const CastaliaSnapshot *snapshot);

/**
 * Adds a reference, which must be released too. Returns the snapshot.
 */
const CastaliaSnapshot *castalia_snapshot_retain(const CastaliaSnapshot *snapshot);

/**
 * Releases one reference. The last one frees the texts.
 */
void castalia_snapshot_release(const CastaliaSnapshot *snapshot);

/**
 * Calls a function for each change that matches the filter; of a namespace that is open as one
 * text, for each change of the text. Without a filter, for each change. The filter is read during
 * this call only. `release` is called with the user data after the last call of the function, also
 * if this call fails.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for another NULL and
 * for a filter with invalid texts.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_on_change(struct CastaliaConfig config,
                                                const struct CastaliaFilter *filter,
                                                CastaliaListener listener,
                                                void *user_data,
                                                CastaliaRelease release,
                                                struct CastaliaSubscription *subscription);

/**
 * Calls a function with the current values, on the calling thread and before this returns, and
 * then with each newer snapshot, never with an older one. Snapshots that are replaced while a call
 * is running are skipped, except the newest. Use this to keep anything that is derived from the
 * values: listening and reading separately, in whichever order, can miss a release. `release` is
 * called with the user data after the last call of the function, also if this call fails.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for NULL; the
 * function is then not called.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_config_follow(struct CastaliaConfig config,
                                             CastaliaFollower function,
                                             void *user_data,
                                             CastaliaRelease release,
                                             struct CastaliaSubscription *subscription);

/**
 * Ends a subscription and releases its handle. After this returns, no call is running, none will
 * start, and the user data has been released. Called from within the function itself, this only
 * marks the end; the data is then released after the function returns. A stale handle is ignored.
 */
void castalia_subscription_cancel(struct CastaliaSubscription subscription);

/**
 * Creates a client for tests of an application. It opens no socket and no file; its values are set
 * by the functions below. If `settings` is NULL, the app id is `test` and there are no settings;
 * otherwise those of servers and cache files have no effect. Use and close it like any client.
 *
 * Fails with `CASTALIA_INVALID_ARGUMENT` that lists every invalid setting.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_testing_new(const struct CastaliaSettings *settings,
                                           struct CastaliaClient *client);

/**
 * Sets a value. When this returns, reads of the open namespace return it and each listener has its
 * event queued.
 *
 * Fails with `CASTALIA_CLOSED` for a stale handle, `CASTALIA_INVALID_ARGUMENT` for a client with
 * servers, for an invalid name and on a listener's thread, `CASTALIA_PARSE` if a validator rejects
 * it.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_testing_set(struct CastaliaClient client,
                                           struct CastaliaStr name,
                                           struct CastaliaStr key,
                                           struct CastaliaStr value);

/**
 * Removes a key; see `castalia_testing_set`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_testing_remove(struct CastaliaClient client,
                                              struct CastaliaStr name,
                                              struct CastaliaStr key);

/**
 * Makes loads of a namespace fail, as without a server, until one of its values is set again.
 * Values loaded before remain.
 *
 * Fails like `castalia_testing_set`.
 */
CASTALIA_MUST_USE
struct CastaliaError *castalia_testing_fail(struct CastaliaClient client, struct CastaliaStr name);

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
