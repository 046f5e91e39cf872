// Changes: events, listeners and filters.
#ifndef CASTALIA_EVENT_HPP
#define CASTALIA_EVENT_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "error.hpp"
#include "handle.hpp"
#include "record.hpp"
#include "snapshot.hpp"

namespace castalia {

enum class ChangeType : std::int32_t {
    Added = CASTALIA_ADDED,
    Modified = CASTALIA_MODIFIED,
    Deleted = CASTALIA_DELETED,
};

// The change of a key.
struct Change {
    std::string_view key;
    std::optional<std::string_view> old_value;
    std::optional<std::string_view> new_value;
    ChangeType change_type;
};

// All changes that one release made to a namespace.
class ChangeEvent {
  public:
    // Takes ownership of a reference of the C interface.
    explicit ChangeEvent(const CastaliaEvent *owned) noexcept : pointer_(owned) {}

    std::string app_id() const { return about().text("app_id"); }
    std::string name() const { return about().text("namespace"); }

    // Every changed key, including those that the listener is not interested in. Valid as long as
    // the event, so do not use them after a temporary event.
    std::vector<Change> changes() const && = delete;
    std::vector<Change> changes() const & {
        std::vector<Change> all;
        CastaliaChange change;
        for (std::size_t i = 0; castalia_event_change(pointer_.get(), i, &change) != 0; ++i) {
            all.push_back({detail::view(change.key), detail::option(change.old_value), detail::option(change.new_value),
                           static_cast<ChangeType>(change.change_type)});
        }
        return all;
    }

    // The change of one key.
    std::optional<Change> change(std::string_view key) const && = delete;
    std::optional<Change> change(std::string_view key) const & {
        for (const Change &change : changes())
            if (change.key == key) return change;
        return std::nullopt;
    }

    // The changed keys that match the listener's filter; empty for a listener without a filter.
    std::vector<std::string> interested_keys() const { return about().field("interested_keys").texts(); }

    // The values after the change; for merged events, those after the last of them.
    Snapshot snapshot() const noexcept { return Snapshot(castalia_event_snapshot(pointer_.get())); }
    std::string old_release_key() const { return about().text("old_release_key"); }
    // Number within the namespace, increasing by one from 1.
    std::uint64_t sequence() const noexcept { return about().number("sequence"); }
    // Number of later events that were merged into this one because the listener fell behind.
    std::uint64_t coalesced() const noexcept { return about().number("coalesced"); }

  private:
    detail::OwnedRecord about() const noexcept { return detail::OwnedRecord(castalia_event_about(pointer_.get())); }

    detail::Counted<CastaliaEvent, castalia_event_retain, castalia_event_release> pointer_;
};

using Listener = std::function<void(const ChangeEvent &)>;

// Keys and prefixes that a listener is interested in; without any, it is interested in everything.
struct Filter {
    std::vector<std::string> keys;
    std::vector<std::string> prefixes;
};

// A registered listener. Destroying it cancels it: afterwards no call is running and none will
// start. In the listener itself it only marks the end.
class [[nodiscard]] Subscription {
  public:
    explicit Subscription(CastaliaSubscription owned) noexcept : handle_(owned) {}
    void cancel() noexcept { castalia_subscription_cancel(handle_.take()); }

  private:
    detail::Handle<CastaliaSubscription, castalia_subscription_cancel> handle_;
};

namespace detail {

// Wraps a listener for the C interface, which no exception may cross.
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

}  // namespace castalia

#endif  // CASTALIA_EVENT_HPP
