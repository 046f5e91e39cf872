// The C++ interface of Castalia, a client of the Apollo configuration center: C++17, this header alone over castalia.h.
//
// Every class owns what it stands for: clients, configs and subscriptions can be moved, snapshots and events also copied.
// What can fail throws castalia::Error; built without exceptions, or with CASTALIA_NO_EXCEPTIONS defined, it returns
// castalia::result<T> instead. Reads never fail and never wait.
#ifndef CASTALIA_HPP
#define CASTALIA_HPP

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "castalia.h"

#if !defined(CASTALIA_NO_EXCEPTIONS) && !defined(__cpp_exceptions) && !defined(_CPPUNWIND)
#define CASTALIA_NO_EXCEPTIONS
#endif

#ifndef CASTALIA_NO_EXCEPTIONS
#include <exception>
#endif

namespace castalia {

// What a caller can do about an error.
enum class ErrorKind : std::int32_t {
    InvalidArgument = CASTALIA_INVALID_ARGUMENT,
    NotReady = CASTALIA_NOT_READY,
    NotFound = CASTALIA_NOT_FOUND,
    Unauthorized = CASTALIA_UNAUTHORIZED,
    BadRequest = CASTALIA_BAD_REQUEST,
    Timeout = CASTALIA_TIMEOUT,
    Transport = CASTALIA_TRANSPORT,
    Protocol = CASTALIA_PROTOCOL,
    Parse = CASTALIA_PARSE,
    Io = CASTALIA_IO,
    Closed = CASTALIA_CLOSED,
    Internal = CASTALIA_INTERNAL,
};

enum class ChangeType : std::int32_t {
    Added = CASTALIA_ADDED,
    Modified = CASTALIA_MODIFIED,
    Deleted = CASTALIA_DELETED,
};

enum class LogLevel : std::int32_t {
    Error = CASTALIA_LOG_ERROR,
    Warn = CASTALIA_LOG_WARN,
    Info = CASTALIA_LOG_INFO,
    Debug = CASTALIA_LOG_DEBUG,
    Trace = CASTALIA_LOG_TRACE,
};

namespace detail {

inline std::string_view view(CastaliaStr text) noexcept { return {text.ptr == nullptr ? "" : text.ptr, text.len}; }

inline std::optional<std::string_view> option(CastaliaStr text) noexcept {
    if (text.ptr == nullptr) return std::nullopt;
    return view(text);
}

inline CastaliaStr str(std::string_view text) noexcept {
    CastaliaStr passed;
    passed.ptr = text.data();
    passed.len = text.size();
    return passed;
}

inline std::uint32_t millis(std::chrono::milliseconds time) noexcept {
    if (time.count() < 0) return 0;
    return time.count() > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(time.count());
}

// A pointer and the function that releases it.
template <class T, void (*release)(T *)>
struct Release {
    void operator()(T *pointer) const noexcept { release(pointer); }
};
using SettingsPointer = std::unique_ptr<CastaliaSettings, Release<CastaliaSettings, castalia_settings_release>>;

// A handle that can be moved, and the function that releases it.
template <class T, void (*release)(T)>
class Handle {
  public:
    Handle() noexcept = default;
    explicit Handle(T handle) noexcept : handle_(handle) {}
    Handle(Handle &&other) noexcept : handle_(std::exchange(other.handle_, T{})) {}
    Handle &operator=(Handle &&other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Handle() {
        if (handle_.id != 0) release(handle_);
    }
    T get() const noexcept { return handle_; }
    T take() noexcept { return std::exchange(handle_, T{}); }

  private:
    T handle_{};
};

// A counted pointer that can be copied.
template <class T, const T *(*retain)(const T *), void (*release)(const T *)>
class Counted {
  public:
    Counted() noexcept = default;
    explicit Counted(const T *owned) noexcept : pointer_(owned) {}
    Counted(const Counted &other) noexcept : pointer_(retain(other.pointer_)) {}
    Counted(Counted &&other) noexcept : pointer_(std::exchange(other.pointer_, nullptr)) {}
    Counted &operator=(Counted other) noexcept {
        std::swap(pointer_, other.pointer_);
        return *this;
    }
    ~Counted() { release(pointer_); }
    const T *get() const noexcept { return pointer_; }

  private:
    const T *pointer_ = nullptr;
};

}  // namespace detail

// Why a call failed.
class Error
#ifndef CASTALIA_NO_EXCEPTIONS
    : public std::exception
#endif
{
  public:
    Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

    // Takes over an error of the C interface.
    explicit Error(CastaliaError *error)
        : kind_(static_cast<ErrorKind>(castalia_error_code(error))),
          message_(detail::view(castalia_error_message(error))) {
        castalia_error_release(error);
    }

    ErrorKind kind() const noexcept { return kind_; }
    const std::string &message() const noexcept { return message_; }
#ifndef CASTALIA_NO_EXCEPTIONS
    const char *what() const noexcept override { return message_.c_str(); }
#endif

  private:
    ErrorKind kind_;
    std::string message_;
};

// A value, or why there is none. Without exceptions, this is what a function returns that can fail.
template <class T>
class [[nodiscard]] result {
  public:
    result(T value) : value_(std::move(value)) {}
    result(Error error) : error_(std::move(error)) {}

    explicit operator bool() const noexcept { return value_.has_value(); }
    // The value; the program ends where there is none.
    T &value() & { return held(), *value_; }
    T value() && { return held(), std::move(*value_); }
    // Why there is none; the program ends where there is one.
    const Error &error() const {
        if (!error_) std::abort();
        return *error_;
    }

  private:
    void held() const {
        if (!value_) std::abort();
    }

    std::optional<T> value_;
    std::optional<Error> error_;
};

// Nothing, or why it failed.
template <>
class [[nodiscard]] result<void> {
  public:
    result() = default;
    result(Error error) : error_(std::move(error)) {}

    explicit operator bool() const noexcept { return !error_; }
    const Error &error() const {
        if (!error_) std::abort();
        return *error_;
    }

  private:
    std::optional<Error> error_;
};

#ifdef CASTALIA_NO_EXCEPTIONS
template <class T>
using Outcome = result<T>;
#else
template <class T>
using Outcome = T;
#endif

namespace detail {

template <class T>
Outcome<T> fail(Error error) {
#ifdef CASTALIA_NO_EXCEPTIONS
    return result<T>(std::move(error));
#else
    throw error;
#endif
}

// What a call gives: what `make` makes, unless there is an error.
template <class Make>
auto outcome(CastaliaError *error, Make make) -> Outcome<decltype(make())> {
    if (error != nullptr) return fail<decltype(make())>(Error(error));
    return make();
}

inline Outcome<void> outcome(CastaliaError *error) {
    if (error != nullptr) return fail<void>(Error(error));
    return Outcome<void>();
}

// One typed read: `found` as in castalia_snapshot_get_int.
template <class T>
CastaliaError *read(const CastaliaSnapshot *snapshot, std::string_view key, T &value, std::int32_t *found) {
    if constexpr (std::is_same_v<T, bool>) {
        std::int32_t number = value;
        CastaliaError *error = castalia_snapshot_get_bool(snapshot, str(key), &number, found);
        value = number != 0;
        return error;
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) == 4) {
        std::int32_t number = value;
        CastaliaError *error = castalia_snapshot_get_int(snapshot, str(key), &number, found);
        value = number;
        return error;
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) == 8) {
        std::int64_t number = value;
        CastaliaError *error = castalia_snapshot_get_long(snapshot, str(key), &number, found);
        value = number;
        return error;
    } else if constexpr (std::is_floating_point_v<T>) {
        double number = value;
        CastaliaError *error = castalia_snapshot_get_double(snapshot, str(key), &number, found);
        value = static_cast<T>(number);
        return error;
    } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
        std::int64_t number = value.count();
        CastaliaError *error = castalia_snapshot_get_duration(snapshot, str(key), &number, found);
        value = std::chrono::milliseconds(number);
        return error;
    } else {
        static_assert(std::is_same_v<T, std::string>, "values are read as text, bool, int32, int64, double or milliseconds");
        CastaliaStr text = str(value);
        std::int32_t is_found = 0;
        CastaliaError *error = castalia_snapshot_get(snapshot, str(key), &text, &is_found);
        if (error == nullptr && is_found != 0) value = std::string(view(text));
        if (found != nullptr) *found = is_found;
        return error;
    }
}

}  // namespace detail

// The content of a namespace at one moment. It never changes; the views that it gives live as long as it, or a copy, does.
class Snapshot {
  public:
    using value_type = std::pair<std::string_view, std::string_view>;

    // Keys and values in the server's order.
    class iterator {
      public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Snapshot::value_type;
        using difference_type = std::ptrdiff_t;
        using pointer = void;
        using reference = value_type;

        iterator(const CastaliaSnapshot *snapshot, std::size_t index) noexcept : snapshot_(snapshot), index_(index) {}
        value_type operator*() const {
            CastaliaStr key = detail::str({}), value = detail::str({});
            castalia_error_release(castalia_snapshot_entry(snapshot_, index_, &key, &value));
            return {detail::view(key), detail::view(value)};
        }
        iterator &operator++() noexcept {
            ++index_;
            return *this;
        }
        bool operator==(const iterator &other) const noexcept { return index_ == other.index_; }
        bool operator!=(const iterator &other) const noexcept { return index_ != other.index_; }

      private:
        const CastaliaSnapshot *snapshot_;
        std::size_t index_;
    };

    // Takes over a count of the C interface.
    explicit Snapshot(const CastaliaSnapshot *owned) noexcept : pointer_(owned) {}

    // The value of a key; an empty value is a value.
    std::optional<std::string_view> get(std::string_view key) const {
        CastaliaStr value = detail::str({});
        std::int32_t found = 0;
        castalia_error_release(castalia_snapshot_get(pointer_.get(), detail::str(key), &value, &found));
        if (found == 0) return std::nullopt;
        return detail::view(value);
    }

    // A typed value, or the default where it is missing or malformed.
    template <class T>
    T get_or(std::string_view key, T otherwise) const {
        castalia_error_release(detail::read(pointer_.get(), key, otherwise, nullptr));
        return otherwise;
    }
    std::string get_or(std::string_view key, const char *otherwise) const { return get_or(key, std::string(otherwise)); }

    // A typed value; nothing where it is missing. Fails with Parse where it is malformed.
    template <class T>
    Outcome<std::optional<T>> try_get(std::string_view key) const {
        T value{};
        std::int32_t found = 0;
        CastaliaError *error = detail::read(pointer_.get(), key, value, &found);
        return detail::outcome(error, [&] { return found != 0 ? std::optional<T>(std::move(value)) : std::nullopt; });
    }

    bool contains(std::string_view key) const { return get(key).has_value(); }
    std::size_t size() const noexcept { return castalia_snapshot_len(pointer_.get()); }
    bool empty() const noexcept { return size() == 0; }
    iterator begin() const noexcept { return {pointer_.get(), 0}; }
    iterator end() const noexcept { return {pointer_.get(), size()}; }

    // The namespace as one text; nothing while nothing is loaded.
    std::optional<std::string_view> content() const noexcept {
        return detail::option(castalia_snapshot_content(pointer_.get()));
    }
    std::string_view name() const noexcept { return detail::view(castalia_snapshot_namespace(pointer_.get())); }
    // Where it came from: remote, local, static or none.
    std::string_view source() const noexcept { return detail::view(castalia_snapshot_source(pointer_.get())); }
    std::string_view release_key() const noexcept { return detail::view(castalia_snapshot_release_key(pointer_.get())); }
    std::chrono::system_clock::time_point loaded_at() const noexcept {
        return std::chrono::system_clock::time_point(std::chrono::milliseconds(castalia_snapshot_loaded_at(pointer_.get())));
    }

  private:
    detail::Counted<CastaliaSnapshot, castalia_snapshot_retain, castalia_snapshot_release> pointer_;
};

// One key of an event; its views live as long as the event does.
struct Change {
    std::string_view key;
    std::optional<std::string_view> old_value;
    std::optional<std::string_view> new_value;
    ChangeType change_type;
};

// One change of a namespace: all keys that one new content changed.
class ChangeEvent {
  public:
    // Takes over a count of the C interface.
    explicit ChangeEvent(const CastaliaEvent *owned) noexcept : pointer_(owned) {}

    std::string_view app_id() const noexcept { return detail::view(castalia_event_app_id(pointer_.get())); }
    std::string_view name() const noexcept { return detail::view(castalia_event_namespace(pointer_.get())); }

    // Every changed key, whatever the listener asked for.
    std::vector<Change> changes() const {
        std::vector<Change> all;
        all.reserve(castalia_event_len(pointer_.get()));
        for (std::size_t i = 0; const CastaliaChange *change = castalia_event_change(pointer_.get(), i); ++i) {
            all.push_back({detail::view(change->key), detail::option(change->old_value), detail::option(change->new_value),
                           static_cast<ChangeType>(change->change_type)});
        }
        return all;
    }

    // The change of one key.
    std::optional<Change> change(std::string_view key) const {
        for (const Change &change : changes())
            if (change.key == key) return change;
        return std::nullopt;
    }

    // The changed keys that the filter of the listener let through; none for a listener without a filter.
    std::vector<std::string_view> interested_keys() const {
        std::vector<std::string_view> keys;
        while (auto key = detail::option(castalia_event_interested_key(pointer_.get(), keys.size()))) keys.push_back(*key);
        return keys;
    }

    // The content after the change, or a newer one when events were merged.
    Snapshot snapshot() const noexcept { return Snapshot(castalia_event_snapshot(pointer_.get())); }
    std::string_view old_release_key() const noexcept { return detail::view(castalia_event_old_release_key(pointer_.get())); }
    // Number within the namespace, rising by one from 1.
    std::uint64_t sequence() const noexcept { return castalia_event_sequence(pointer_.get()); }
    // How many later events were merged into this one because the listener did not keep up.
    std::uint64_t coalesced() const noexcept { return castalia_event_coalesced(pointer_.get()); }

  private:
    detail::Counted<CastaliaEvent, castalia_event_retain, castalia_event_release> pointer_;
};

using Listener = std::function<void(const ChangeEvent &)>;

// Keys and prefixes that a listener asks for; none of either means everything.
struct Filter {
    std::vector<std::string> keys;
    std::vector<std::string> prefixes;
};

// A registered listener. Its end cancels: from then on no call is running and none will start. In the listener itself it only
// marks the end.
class Subscription {
  public:
    explicit Subscription(CastaliaSubscription owned) noexcept : handle_(owned) {}
    void cancel() noexcept { castalia_subscription_cancel(handle_.take()); }

  private:
    detail::Handle<CastaliaSubscription, castalia_subscription_cancel> handle_;
};

namespace detail {

// What stands between a listener and the C interface, which no exception may pass.
inline std::int32_t call_listener(void *user_data, const CastaliaEvent *event) noexcept {
    const Listener &listener = *static_cast<Listener *>(user_data);
    const ChangeEvent owned(castalia_event_retain(event));
#ifdef CASTALIA_NO_EXCEPTIONS
    listener(owned);
#else
    try {
        listener(owned);
    } catch (...) {
        return 1;
    }
#endif
    return 0;
}

inline void release_listener(void *user_data) noexcept { delete static_cast<Listener *>(user_data); }

inline std::vector<CastaliaStr> strs(const std::vector<std::string> &texts) {
    std::vector<CastaliaStr> passed;
    passed.reserve(texts.size());
    for (const std::string &text : texts) passed.push_back(str(text));
    return passed;
}

}  // namespace detail

// An open namespace.
class Config {
  public:
    explicit Config(CastaliaConfig owned) noexcept : handle_(owned) {}

    // The content now; it never changes while it is held, so that several reads fit together.
    Snapshot snapshot() const noexcept {
        const CastaliaSnapshot *now = nullptr;
        castalia_error_release(castalia_config_snapshot(handle_.get(), &now));
        return Snapshot(now);
    }

    // The value of a key; an empty value is a value.
    std::optional<std::string> get(std::string_view key) const {
        const Snapshot now = snapshot();
        const auto value = now.get(key);
        if (!value) return std::nullopt;
        return std::string(*value);
    }

    // A typed value, or the default where it is missing or malformed.
    template <class T>
    T get_or(std::string_view key, T otherwise) const {
        return snapshot().get_or(key, std::move(otherwise));
    }
    std::string get_or(std::string_view key, const char *otherwise) const { return snapshot().get_or(key, otherwise); }

    // A typed value; nothing where it is missing. Fails with Parse where it is malformed.
    template <class T>
    Outcome<std::optional<T>> try_get(std::string_view key) const {
        return snapshot().try_get<T>(key);
    }

    // How the namespace stands with the servers: Loading, Ready, or the name of an error kind.
    std::string_view state() const noexcept {
        CastaliaStr state = detail::str({});
        castalia_error_release(castalia_config_state(handle_.get(), &state));
        return detail::view(state);
    }

    // Loads now and waits for it.
    Outcome<void> refresh(std::chrono::milliseconds timeout = std::chrono::seconds(15)) const {
        return detail::outcome(castalia_config_refresh(handle_.get(), detail::millis(timeout)));
    }

    // Calls a function for each change that the filter lets through, in order, on a thread of the library.
    Outcome<Subscription> on_change(Listener listener, const Filter &filter = {}) const {
        const auto keys = detail::strs(filter.keys), prefixes = detail::strs(filter.prefixes);
        CastaliaFilter passed;
        castalia_filter_init(&passed, sizeof passed);
        passed.keys = keys.data();
        passed.keys_len = keys.size();
        passed.prefixes = prefixes.data();
        passed.prefixes_len = prefixes.size();
        CastaliaSubscription subscription{};
        CastaliaError *error = castalia_config_on_change(handle_.get(), &passed, detail::call_listener,
                                                         new Listener(std::move(listener)), detail::release_listener,
                                                         &subscription);
        return detail::outcome(error, [&] { return Subscription(subscription); });
    }

  private:
    detail::Handle<CastaliaConfig, castalia_config_release> handle_;
};

// An open namespace as a whole file.
class ConfigFile {
  public:
    explicit ConfigFile(CastaliaConfigFile owned) noexcept : handle_(owned) {}

    // The text now; nothing while nothing is loaded.
    std::optional<std::string> content() const {
        CastaliaStr text = detail::str({});
        const CastaliaSnapshot *pointer = nullptr;
        castalia_error_release(castalia_config_file_content(handle_.get(), &text, &pointer));
        const Snapshot holder(pointer);
        const auto content = detail::option(text);
        if (!content) return std::nullopt;
        return std::string(*content);
    }

    // Loads now and waits for it.
    Outcome<void> refresh(std::chrono::milliseconds timeout = std::chrono::seconds(15)) const {
        return detail::outcome(castalia_config_file_refresh(handle_.get(), detail::millis(timeout)));
    }

    // Calls a function for each change of the text, under the key "content".
    Outcome<Subscription> on_change(Listener listener) const {
        CastaliaSubscription subscription{};
        CastaliaError *error =
            castalia_config_file_on_change(handle_.get(), detail::call_listener, new Listener(std::move(listener)),
                                           detail::release_listener, &subscription);
        return detail::outcome(error, [&] { return Subscription(subscription); });
    }

  private:
    detail::Handle<CastaliaConfigFile, castalia_config_file_release> handle_;
};

// What a client is made from, by property name. What is wrong with it is told when a client is made.
class Settings {
  public:
    // Reads nothing from the environment.
    Settings() : pointer_(castalia_settings_new()) { set("castalia.binding", "cpp"); }

    // The environment, server.properties and app.properties.
    static Outcome<Settings> from_env() {
        CastaliaSettings *made = nullptr;
        CastaliaError *error = castalia_settings_from_env(&made);
        return detail::outcome(error, [&] { return Settings(made); });
    }

    Settings &&set(std::string_view name, std::string_view value) && { return std::move(set_in_place(name, value)); }
    Settings &set(std::string_view name, std::string_view value) & { return set_in_place(name, value); }

  private:
    friend class Client;

    explicit Settings(CastaliaSettings *owned) : pointer_(owned) { set("castalia.binding", "cpp"); }

    Settings &set_in_place(std::string_view name, std::string_view value) {
        CastaliaError *error = castalia_settings_set(pointer_.get(), detail::str(name), detail::str(value));
        if (error != nullptr && !fault_) {
            fault_ = Error(error);
        } else {
            castalia_error_release(error);
        }
        return *this;
    }

    detail::SettingsPointer pointer_;
    std::optional<Error> fault_;
};

// The way to the configuration of an app. Its end stops it without waiting; close() waits.
class Client {
  public:
    explicit Client(CastaliaClient owned) noexcept : handle_(owned) {}

#ifndef CASTALIA_NO_EXCEPTIONS
    // Opens no socket and starts no thread. Fails with InvalidArgument, naming every fault of the settings at once.
    explicit Client(const Settings &settings) : Client(make(settings)) {}
#endif

    // The same as a function, for programs without exceptions.
    static Outcome<Client> make(const Settings &settings) {
        if (!castalia_abi_fits()) return detail::fail<Client>(misfit());
        if (settings.fault_) return detail::fail<Client>(*settings.fault_);
        CastaliaClient client{};
        CastaliaError *error = castalia_client_new(settings.pointer_.get(), &client);
        return detail::outcome(error, [&] { return Client(client); });
    }

    // Opens a namespace and waits for its first load.
    Outcome<Config> config(std::string_view name, std::chrono::milliseconds timeout = std::chrono::seconds(20)) const {
        CastaliaConfig config{};
        CastaliaError *error = castalia_client_config(handle_.get(), detail::str(name), detail::millis(timeout), &config);
        return detail::outcome(error, [&] { return Config(config); });
    }

    // Opens a namespace of another app.
    Outcome<Config> config_of(std::string_view app_id, std::string_view name,
                              std::chrono::milliseconds timeout = std::chrono::seconds(20)) const {
        CastaliaConfig config{};
        CastaliaError *error = castalia_client_config_of(handle_.get(), detail::str(app_id), detail::str(name),
                                                         detail::millis(timeout), &config);
        return detail::outcome(error, [&] { return Config(config); });
    }

    // Opens a namespace as a whole file.
    Outcome<ConfigFile> config_file(std::string_view name,
                                    std::chrono::milliseconds timeout = std::chrono::seconds(20)) const {
        CastaliaConfigFile file{};
        CastaliaError *error =
            castalia_client_config_file(handle_.get(), detail::str(name), detail::millis(timeout), &file);
        return detail::outcome(error, [&] { return ConfigFile(file); });
    }

    // Stops everything and waits for it. Reads of open namespaces go on answering; all else says Closed.
    void close(std::chrono::milliseconds timeout = std::chrono::seconds(5)) noexcept {
        castalia_client_close(handle_.take(), detail::millis(timeout));
    }

  private:
    static Error misfit() {
        return Error(ErrorKind::Internal, "the library has interface " + std::to_string(castalia_abi_version()) +
                                              ", the program was built for " + std::to_string(CASTALIA_ABI_VERSION));
    }

    static void close_at_once(CastaliaClient client) { castalia_client_close(client, 0); }

    detail::Handle<CastaliaClient, close_at_once> handle_;
};

using Logger = std::function<void(LogLevel, std::string_view target, std::string_view text)>;

namespace detail {

inline void call_logger(void *user_data, std::int32_t level, CastaliaStr target, CastaliaStr text) noexcept {
    const Logger &logger = *static_cast<Logger *>(user_data);
#ifdef CASTALIA_NO_EXCEPTIONS
    logger(static_cast<LogLevel>(level), view(target), view(text));
#else
    try {
        logger(static_cast<LogLevel>(level), view(target), view(text));
    } catch (...) {
        // There is nobody left to tell.
    }
#endif
}

inline void release_logger(void *user_data) noexcept { delete static_cast<Logger *>(user_data); }

}  // namespace detail

// Sends log records of this level and the more important ones to a function, which runs on any thread and must not wait. An
// empty function sends them nowhere.
inline void set_log(LogLevel level, Logger logger) {
    if (!logger) {
        castalia_error_release(castalia_log_set(static_cast<std::int32_t>(level), nullptr, nullptr, nullptr));
        return;
    }
    castalia_error_release(castalia_log_set(static_cast<std::int32_t>(level), detail::call_logger,
                                            new Logger(std::move(logger)), detail::release_logger));
}

// Version of the library that is loaded.
inline std::string_view version() noexcept { return detail::view(castalia_version()); }

}  // namespace castalia

#endif  // CASTALIA_HPP
