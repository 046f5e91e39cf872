// What all open namespaces have in common, as values or as one text.
#ifndef CASTALIA_OPENED_HPP
#define CASTALIA_OPENED_HPP

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "error.hpp"
#include "handle.hpp"
#include "snapshot.hpp"

namespace castalia {

namespace detail {

// An open namespace; Calls names the functions of the C interface.
template <class Calls>
class Opened {
  public:
    explicit Opened(typename Calls::Handle owned) noexcept : handle_(owned) {}

    // The current values. They never change, so several reads from them are consistent with each
    // other.
    Snapshot snapshot() const noexcept {
        if (handle_.get().id == 0) return last_;
        const CastaliaSnapshot *now = nullptr;
        detail::ignore(Calls::snapshot(handle_.get(), &now));
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
        CastaliaError *error = Calls::state(handle_.get(), &state);
        if (error != nullptr) state = castalia_error_name(error);
        castalia_error_release(error);
        return view(state);
    }

    // Error of the last load, or of parsing its document; empty if both succeeded.
    Outcome<std::optional<Error>> last_error() const {
        CastaliaError *last = nullptr;
        CastaliaError *error = Calls::last_error(handle_.get(), &last);
        return outcome(error, [&] { return last != nullptr ? std::optional<Error>(Error(last)) : std::nullopt; });
    }

    // Loads now and waits for it.
    Outcome<void> refresh(std::chrono::milliseconds timeout = std::chrono::seconds(15)) const {
        return outcome(Calls::refresh(handle_.get(), millis(timeout)));
    }

    // Closes the namespace: once all other objects that opened it are destroyed or closed as well,
    // it is no longer refreshed and its subscriptions end. Reads still return the last values;
    // other calls fail with Closed. Opening it again loads it anew.
    void close() noexcept {
        last_ = snapshot();
        Calls::close(handle_.take());
    }

  protected:
    Handle<typename Calls::Handle, Calls::release> handle_;

  private:
    // The values that a closed namespace still returns.
    Snapshot last_{nullptr};
};

}  // namespace detail

}  // namespace castalia

#endif  // CASTALIA_OPENED_HPP
