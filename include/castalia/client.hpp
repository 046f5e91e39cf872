// Clients: creating them from settings, opening namespaces, closing.
#ifndef CASTALIA_CLIENT_HPP
#define CASTALIA_CLIENT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config.hpp"
#include "error.hpp"
#include "handle.hpp"
#include "monitor.hpp"
#include "record.hpp"
#include "snapshot.hpp"

namespace castalia {

namespace detail {

using SettingsPointer = std::unique_ptr<CastaliaSettings, Release<CastaliaSettings, castalia_settings_release>>;

}  // namespace detail

// What must be loaded for opening to succeed. Otherwise it fails, mostly with NotReady.
enum class StartPolicy {
    // Nothing: a namespace that cannot be loaded is empty, as its state shows.
    BestEffort,
    // At least one namespace, or every one, from any source.
    RequireAny,
    RequireAll,
    // The same, from a server.
    RequireAnyRemote,
    RequireAllRemote,
};

// Settings for creating a client, by property name. Invalid ones are reported when the client is
// created.
class Settings {
  public:
    // Reads neither the environment nor files.
    Settings() : pointer_(castalia_settings_new()) { set("castalia.binding", "cpp"); }

    // Those of the environment, server.properties and app.properties, which are read when a client
    // is created.
    static Outcome<Settings> from_env() { return Settings(castalia_settings_from_env()); }

    Settings(const Settings &other) : pointer_(castalia_settings_copy(other.pointer_.get())), fault_(other.fault_) {}
    Settings(Settings &&) noexcept = default;
    Settings &operator=(Settings other) noexcept {
        std::swap(pointer_, other.pointer_);
        std::swap(fault_, other.fault_);
        return *this;
    }

    // What must be loaded for opening to succeed.
    Settings &&start_policy(StartPolicy policy) && { return std::move(start_policy_in_place(policy)); }
    Settings &start_policy(StartPolicy policy) & { return start_policy_in_place(policy); }

    Settings &&set(std::string_view name, std::string_view value) && { return std::move(set_in_place(name, value)); }
    Settings &set(std::string_view name, std::string_view value) & { return set_in_place(name, value); }

  private:
    friend class Client;

    explicit Settings(CastaliaSettings *owned) : pointer_(owned) { set("castalia.binding", "cpp"); }

    Settings &set_in_place(std::string_view name, std::string_view value) {
        return noted(castalia_settings_set(pointer_.get(), detail::str(name), detail::str(value)));
    }

    Settings &start_policy_in_place(StartPolicy policy) {
        constexpr std::string_view names[] = {"best-effort", "require-any", "require-all", "require-any-remote",
                                              "require-all-remote"};
        return set_in_place("castalia.start-policy", names[static_cast<std::size_t>(policy)]);
    }

    Settings &noted(CastaliaError *error) {
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

// Returns why a release must not be applied; no result and an empty one accept it.
using Validator = std::function<std::optional<std::string>(const Snapshot &)>;

namespace detail {

inline std::int32_t refuse(std::string_view why, char *reason, std::size_t capacity) noexcept {
    std::memcpy(reason, why.data(), why.size() < capacity ? why.size() : capacity);
    return 1;
}

inline std::int32_t call_validator(void *user_data, const CastaliaSnapshot *lent, char *reason,
                                   std::size_t capacity) noexcept {
    const Validator &validator = *static_cast<Validator *>(user_data);
    const Snapshot snapshot(castalia_snapshot_retain(lent));
#ifdef CASTALIA_NO_EXCEPTIONS
    const auto why = validator(snapshot);
    return why && !why->empty() ? refuse(*why, reason, capacity) : 0;
#else
    try {
        const auto why = validator(snapshot);
        return why && !why->empty() ? refuse(*why, reason, capacity) : 0;
    } catch (const std::exception &error) {
        return refuse(error.what(), reason, capacity);
    } catch (...) {
        return refuse("the validator failed", reason, capacity);
    }
#endif
}

inline void release_validator(void *user_data) noexcept { delete static_cast<Validator *>(user_data); }

}  // namespace detail

// A client. Destroying it stops it without waiting; close() waits.
class Client {
  public:
    explicit Client(CastaliaClient owned) noexcept : handle_(owned) {}

#ifndef CASTALIA_NO_EXCEPTIONS
    // Opens no socket and starts no thread. Fails with InvalidArgument that lists every invalid
    // setting.
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

    // Opens a namespace as one text.
    Outcome<ConfigFile> config_file(std::string_view name,
                                    std::chrono::milliseconds timeout = std::chrono::seconds(20)) const {
        CastaliaConfig file{};
        CastaliaError *error =
            castalia_client_config_file(handle_.get(), detail::str(name), detail::millis(timeout), &file);
        return detail::outcome(error, [&] { return ConfigFile(file); });
    }

    std::string app_id() const { return about("app_id"); }

    // The environment as it was recognized, such as PRO; UNKNOWN if it is unset.
    std::string env() const { return about("env"); }

    // Signs requests for an app id with another secret from now on. A blank secret ends signing.
    Outcome<void> set_access_key(std::string_view app_id, std::string_view secret) const {
        return detail::outcome(castalia_client_set_access_key(handle_.get(), detail::str(app_id), detail::str(secret)));
    }

    // Calls a function before a release of a namespace of the client's app is applied, as long as
    // the client exists.
    Outcome<void> validate(std::string_view name, Validator validator) const {
        return detail::outcome(castalia_client_validate(handle_.get(), detail::str(name), detail::call_validator,
                                                        new Validator(std::move(validator)), detail::release_validator));
    }

    // State and counters.
    Outcome<Metrics> metrics() const { return report("metrics", detail::metrics); }

    // The same as OpenMetrics text.
    Outcome<std::string> metrics_text() const {
        return report("metrics_text", [](detail::Record text) { return std::string(text.text()); });
    }

    // Every effective setting and its origin.
    Outcome<std::vector<Setting>> settings() const { return report("settings", detail::settings); }

    // Stops the client and waits for it. Reads of open namespaces still return the last values;
    // other calls fail with Closed.
    void close(std::chrono::milliseconds timeout = std::chrono::seconds(5)) noexcept {
        castalia_client_close(handle_.take(), detail::millis(timeout));
    }

  private:
    friend class InMemory;

    // What a function makes of a report.
    template <class Make>
    auto report(std::string_view name, Make make) const -> Outcome<decltype(make(std::declval<detail::Record>()))> {
        CastaliaRecord *report = nullptr;
        CastaliaError *error = castalia_client_report(handle_.get(), detail::str(name), &report);
        const detail::OwnedRecord owned(report);
        return detail::outcome(error, [&] { return make(owned); });
    }

    // What never changes while the client exists; empty once it is closed.
    std::string about(std::string_view field) const {
        CastaliaRecord *about = nullptr;
        detail::ignore(castalia_client_report(handle_.get(), detail::str("about"), &about));
        return detail::OwnedRecord(about).text(field);
    }

    static Error misfit() {
        return Error(ErrorKind::Internal, "the library has interface " + std::to_string(castalia_abi_version()) +
                                              ", the program was built for " + std::to_string(CASTALIA_ABI_VERSION));
    }

    static void close_at_once(CastaliaClient client) { castalia_client_close(client, 0); }

    detail::Handle<CastaliaClient, close_at_once> handle_;
};

}  // namespace castalia

#endif  // CASTALIA_CLIENT_HPP
