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
#include "record.hpp"
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

    std::string app_id() const { return snapshot().app_id(); }
    // Configured cluster, which may differ from the one that the release came from.
    std::string cluster() const { return snapshot().cluster(); }
    std::string name() const { return snapshot().name(); }
    // Origin of the values: remote, local, static or none.
    std::string source() const { return snapshot().source(); }

    // Result of the last load: Loading, Ready, Unavailable, or the name of the error's kind.
    std::string state() const {
        CastaliaRecord *about = nullptr;
        CastaliaError *error = castalia_config_about(handle_.get(), &about);
        const OwnedRecord owned(about);
        if (error == nullptr) return owned.text("state");
        std::string closed(view(castalia_error_name(error)));
        castalia_error_release(error);
        return closed;
    }

    // Error of the last load, or of parsing its document; empty if both succeeded.
    Outcome<std::optional<Error>> last_error() const {
        CastaliaRecord *about = nullptr;
        CastaliaError *error = castalia_config_about(handle_.get(), &about);
        const OwnedRecord owned(about);
        return outcome(error, [&] { return error_of(owned.field("last_error")); });
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
