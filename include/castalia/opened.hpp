// What every open namespace can do, be it read as values or as a file.
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

    // The content now; it never changes while it is held, so that several reads fit together.
    Snapshot snapshot() const noexcept {
        if (handle_.get().id == 0) return last_;
        const CastaliaSnapshot *now = nullptr;
        detail::ignore(Calls::snapshot(handle_.get(), &now));
        return Snapshot(now);
    }

    std::string app_id() const { return std::string(snapshot().app_id()); }
    // Cluster as configured, not the one that served.
    std::string cluster() const { return std::string(snapshot().cluster()); }
    std::string name() const { return std::string(snapshot().name()); }
    // Where the content came from: remote, local, static or none.
    std::string_view source() const noexcept { return snapshot().source(); }

    // How the namespace stands with the servers: Loading, Ready, or the name of an error kind.
    std::string_view state() const noexcept {
        CastaliaStr state = str({});
        CastaliaError *error = Calls::state(handle_.get(), &state);
        if (error != nullptr) state = castalia_error_name(error);
        castalia_error_release(error);
        return view(state);
    }

    // Why the last load failed, or what is wrong with what it brought; nothing once all is well.
    Outcome<std::optional<Error>> last_error() const {
        CastaliaError *last = nullptr;
        CastaliaError *error = Calls::last_error(handle_.get(), &last);
        return outcome(error, [&] { return last != nullptr ? std::optional<Error>(Error(last)) : std::nullopt; });
    }

    // Loads now and waits for it.
    Outcome<void> refresh(std::chrono::milliseconds timeout = std::chrono::seconds(15)) const {
        return outcome(Calls::refresh(handle_.get(), millis(timeout)));
    }

    // Gives the namespace up: when all others that opened it are gone or closed as well, it is no longer kept fresh and its
    // subscriptions end. Reads go on answering with the last content; all else says Closed. Opened again, it starts anew.
    void close() noexcept {
        last_ = snapshot();
        Calls::close(handle_.take());
    }

  protected:
    Handle<typename Calls::Handle, Calls::release> handle_;

  private:
    // What a closed namespace is read from.
    Snapshot last_{nullptr};
};

}  // namespace detail

}  // namespace castalia

#endif  // CASTALIA_OPENED_HPP
