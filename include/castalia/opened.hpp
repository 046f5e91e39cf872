// What all open namespaces have in common, as values or as one text.
#ifndef CASTALIA_OPENED_HPP
#define CASTALIA_OPENED_HPP

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "error.hpp"
#include "event.hpp"
#include "handle.hpp"
#include "snapshot.hpp"

namespace castalia {

namespace detail {

// An open namespace.
class Opened {
  public:
    explicit Opened(CastaliaConfig owned) noexcept : handle_(owned) {}

    // The current values. They never change, so several reads from them are consistent with each
    // other.
    Snapshot snapshot() const noexcept {
        if (handle_.get().id == 0) return last_;
        const CastaliaSnapshot *now = nullptr;
        detail::ignore(castalia_config_snapshot(handle_.get(), &now));
        return Snapshot(now);
    }

    std::string app_id() const { return std::string(snapshot().app_id()); }
    // Configured cluster, which may differ from the one that the release came from.
    std::string cluster() const { return std::string(snapshot().cluster()); }
    std::string name() const { return std::string(snapshot().name()); }
    // Origin of the values: remote, local, static or none.
    std::string_view source() const noexcept { return snapshot().source(); }

    // Result of the last load: Loading, Ready, Unavailable, or the name of the error's kind.
    std::string_view state() const noexcept {
        CastaliaStr state = str({});
        CastaliaError *error = castalia_config_state(handle_.get(), &state);
        if (error != nullptr) state = castalia_error_name(error);
        castalia_error_release(error);
        return view(state);
    }

    // Error of the last load, or of parsing its document; empty if both succeeded.
    Outcome<std::optional<Error>> last_error() const {
        CastaliaError *last = nullptr;
        CastaliaError *error = castalia_config_last_error(handle_.get(), &last);
        return outcome(error, [&] { return last != nullptr ? std::optional<Error>(Error(last)) : std::nullopt; });
    }

    // Loads now and waits for it.
    Outcome<void> refresh(std::chrono::milliseconds timeout = std::chrono::seconds(15)) const {
        return outcome(castalia_config_refresh(handle_.get(), millis(timeout)));
    }

    // Closes the namespace: once all other objects that opened it are destroyed or closed as well,
    // it is no longer refreshed and its subscriptions end. Reads still return the last values;
    // other calls fail with Closed. Opening it again loads it anew.
    void close() noexcept {
        last_ = snapshot();
        castalia_config_close(handle_.take());
    }

  protected:
    Outcome<Subscription> listen(Listener listener, const Filter &filter) const {
        const auto keys = strs(filter.keys), prefixes = strs(filter.prefixes);
        CastaliaFilter passed;
        castalia_filter_init(&passed, sizeof passed);
        passed.keys = keys.data();
        passed.keys_len = keys.size();
        passed.prefixes = prefixes.data();
        passed.prefixes_len = prefixes.size();
        CastaliaSubscription subscription{};
        CastaliaError *error = castalia_config_on_change(handle_.get(), &passed, call_listener,
                                                         new Listener(std::move(listener)), release_listener,
                                                         &subscription);
        return outcome(error, [&] { return Subscription(subscription); });
    }

    Handle<CastaliaConfig, castalia_config_release> handle_;

  private:
    // The values that a closed namespace still returns.
    Snapshot last_{nullptr};
};

}  // namespace detail

}  // namespace castalia

#endif  // CASTALIA_OPENED_HPP
