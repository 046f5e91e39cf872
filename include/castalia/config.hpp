// Open namespaces: reads, listening, a value that is kept current, the whole file.
#ifndef CASTALIA_CONFIG_HPP
#define CASTALIA_CONFIG_HPP

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "error.hpp"
#include "event.hpp"
#include "handle.hpp"
#include "snapshot.hpp"

namespace castalia {

// A value made of a whole namespace and kept current: the last good one stays when the function that makes it fails.
template <class T>
class Watch {
  public:
    // The value of the newest content that could be read.
    std::shared_ptr<const T> get() const {
        const std::lock_guard<std::mutex> held(state_->mutex);
        return state_->value;
    }

  private:
    friend class Config;

    using Parse = std::function<std::optional<T>(const Snapshot &)>;

    struct State {
        std::mutex mutex;
        Parse parse;
        std::shared_ptr<const T> value;

        void take(const Snapshot &snapshot) {
            auto made = parse(snapshot);
            if (!made) return;
            const std::lock_guard<std::mutex> held(mutex);
            value = std::make_shared<const T>(std::move(*made));
        }
    };

    Watch(std::shared_ptr<State> state, Subscription subscription)
        : state_(std::move(state)), subscription_(std::move(subscription)) {}

    std::shared_ptr<State> state_;
    Subscription subscription_;
};

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

    // Keeps a value current that this function makes of the whole namespace; nothing, or an exception, keeps the last one.
    // Where the content now gives none, so does get() until one does.
    template <class T>
    Outcome<Watch<T>> watch(std::function<std::optional<T>(const Snapshot &)> parse) const {
        auto state = std::make_shared<typename Watch<T>::State>();
        state->parse = std::move(parse);
        auto follow = [state](const ChangeEvent &event) { state->take(event.snapshot()); };
#ifdef CASTALIA_NO_EXCEPTIONS
        auto subscription = on_change(follow);
        if (!subscription) return subscription.error();
        state->take(snapshot());
        return Watch<T>(std::move(state), std::move(subscription).value());
#else
        Subscription subscription = on_change(follow);
        state->take(snapshot());
        return Watch<T>(std::move(state), std::move(subscription));
#endif
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

}  // namespace castalia

#endif  // CASTALIA_CONFIG_HPP
