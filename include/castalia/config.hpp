// Open namespaces: reads, listeners, structures kept current, texts.
#ifndef CASTALIA_CONFIG_HPP
#define CASTALIA_CONFIG_HPP

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

#include "error.hpp"
#include "event.hpp"
#include "opened.hpp"
#include "snapshot.hpp"

namespace castalia {

namespace detail {

// Locks of the values of watches, which are copied and replaced under them. They are also held during
// a fork: a child would never get a lock that another thread held at the fork. A fixed number for all
// watches, because a fork takes them all; never destroyed, because threads may read until the end.
inline std::array<std::mutex, 16> &watch_mutexes() {
    static auto &mutexes = *new std::array<std::mutex, 16>;
    return mutexes;
}

#if defined(__unix__) || defined(__APPLE__)
inline void lock_watches() {
    for (std::mutex &mutex : watch_mutexes()) mutex.lock();
}

inline void unlock_watches() {
    for (std::mutex &mutex : watch_mutexes()) mutex.unlock();
}

// Registered when the program starts: what is registered later is prepared for the fork before, and
// may use watches.
inline const int fork_of_watches = pthread_atfork(lock_watches, unlock_watches, unlock_watches);
#endif

}  // namespace detail

// A value built from a whole namespace and kept current. If the function that builds it fails, the
// last good one remains.
template <class T>
class Watch {
  public:
    // The value of the newest snapshot that could be parsed.
    std::shared_ptr<const T> get() const {
        castalia_resume_after_fork();
        const std::lock_guard<std::mutex> held(state_->mutex);
        return state_->value;
    }

    // Error of the newest snapshot; empty if it could be parsed.
    std::optional<Error> last_error() const {
        const std::lock_guard<std::mutex> held(state_->mutex);
        return state_->problem;
    }

  private:
    friend class Config;

    using Parse = std::function<std::optional<T>(const Snapshot &)>;

    // Shared by the library's thread and the threads that read.
    struct State {
        explicit State(Parse made_by)
            : mutex(detail::watch_mutexes()[(reinterpret_cast<std::uintptr_t>(this) >> 6) % 16]),
              parse(std::move(made_by)) {}

        // The same one for all modules of the program that read the watch.
        std::mutex &mutex;
        const Parse parse;
        std::shared_ptr<const T> value;
        std::optional<Error> problem;

        // Called for one snapshot after the other, by one thread at a time in each process.
        void take(const Snapshot &snapshot) noexcept {
            std::optional<Error> failure;
            std::shared_ptr<const T> made = read(snapshot, failure);
            // Swapped: the former ones are destroyed after the lock is released.
            const std::lock_guard<std::mutex> held(mutex);
            if (made) value.swap(made);
            problem.swap(failure);
        }

        std::shared_ptr<const T> read(const Snapshot &snapshot, std::optional<Error> &failure) noexcept {
#ifndef CASTALIA_NO_EXCEPTIONS
            try {
                return made_of(snapshot, failure);
            } catch (const Error &error) {
                failure = error;
            } catch (const std::exception &error) {
                failure = Error(ErrorKind::Parse, error.what());
            } catch (...) {
                failure = Error(ErrorKind::Parse, "the function that makes the value threw what is no exception");
            }
            return nullptr;
#else
            return made_of(snapshot, failure);
#endif
        }

        std::shared_ptr<const T> made_of(const Snapshot &snapshot, std::optional<Error> &failure) {
            auto made = parse(snapshot);
            if (made) return std::make_shared<const T>(std::move(*made));
            failure = Error(ErrorKind::Parse, "the function made no value of the content");
            return nullptr;
        }
    };

    static void call(void *user_data, const CastaliaSnapshot *lent) noexcept {
        const auto &state = *static_cast<std::shared_ptr<State> *>(user_data);
        state->take(Snapshot(castalia_snapshot_retain(lent)));
    }

    static void release(void *user_data) noexcept { delete static_cast<std::shared_ptr<State> *>(user_data); }

    Watch(std::shared_ptr<State> state, Subscription subscription)
        : state_(std::move(state)), subscription_(std::move(subscription)) {}

    std::shared_ptr<State> state_;
    Subscription subscription_;
};

// An open namespace. For several reads that must be consistent with each other, use snapshot().
class Config : public detail::Opened {
  public:
    using Opened::Opened;

    // The value of a key, if it exists. An empty value exists.
    std::optional<std::string> get(std::string_view key) const {
        const Snapshot now = snapshot();
        const auto value = now.get(key);
        if (!value) return std::nullopt;
        return std::string(*value);
    }

    // A typed value, or the default if it is missing or malformed.
    template <class T>
    T get_or(std::string_view key, T otherwise) const {
        return snapshot().get_or(key, std::move(otherwise));
    }
    std::string get_or(std::string_view key, const char *otherwise) const { return snapshot().get_or(key, otherwise); }

    // A typed value; empty if the key is missing. Fails with Parse if the value is malformed.
    template <class T>
    Outcome<std::optional<T>> try_get(std::string_view key) const {
        return snapshot().try_get<T>(key);
    }

    // Splits a value at a delimiter, without empty parts at the end; with trim, without white space
    // around the parts.
    std::vector<std::string> get_list(std::string_view key, std::vector<std::string> otherwise = {},
                                      std::string_view delimiter = ",", bool trim = false) const {
        return snapshot().get_list(key, std::move(otherwise), delimiter, trim);
    }

    // The value of exactly this name; see Snapshot::get_enum.
    template <class E, class Names = detail::Names<E>>
    E get_enum(std::string_view key, const Names &names, E otherwise) const {
        return snapshot().get_enum(key, names, otherwise);
    }
    template <class E, class Names = detail::Names<E>>
    Outcome<std::optional<E>> try_get_enum(std::string_view key, const Names &names) const {
        return snapshot().template try_get_enum<E>(key, names);
    }

    // The value parsed by a function; see Snapshot::get_with.
    template <class T, class Parse>
    T get_with(std::string_view key, Parse &&parse, T otherwise) const {
        static_assert(!std::is_same_v<T, std::string_view>, "the text is gone by then: make a string of it");
        return snapshot().get_with(key, std::forward<Parse>(parse), std::move(otherwise));
    }
    template <class T, class Parse>
    Outcome<std::optional<T>> try_get_with(std::string_view key, Parse &&parse) const {
        static_assert(!std::is_same_v<T, std::string_view>, "the text is gone by then: make a string of it");
        return snapshot().template try_get_with<T>(key, std::forward<Parse>(parse));
    }

    // Calls a function for each change that matches the filter, in order, on a thread of the
    // library.
    Outcome<Subscription> on_change(Listener listener, const Filter &filter = {}) const {
        return listen(std::move(listener), filter);
    }

    // Keeps a value current that a function builds from the whole namespace. If the function
    // returns nothing or throws, the last value remains; get() returns nothing until there is one.
    // The function is called one call at a time, first here and then on a thread of the library,
    // never with an older snapshot than before.
    template <class T>
    Outcome<Watch<T>> watch(std::function<std::optional<T>(const Snapshot &)> parse) const {
        using State = typename Watch<T>::State;
        auto state = std::make_shared<State>(std::move(parse));
        CastaliaSubscription subscription{};
        CastaliaError *error = castalia_config_follow(handle_.get(), Watch<T>::call, new std::shared_ptr<State>(state),
                                                      Watch<T>::release, &subscription);
        return detail::outcome(error, [&] { return Watch<T>(std::move(state), Subscription(subscription)); });
    }
};

// An open namespace as one text.
class ConfigFile : public detail::Opened {
  public:
    using Opened::Opened;

    // The current text; empty if nothing has been loaded.
    std::optional<std::string> content() const {
        const Snapshot now = snapshot();
        const auto content = now.content();
        if (!content) return std::nullopt;
        return std::string(*content);
    }

    // Calls a function for each change of the text, under the key "content".
    Outcome<Subscription> on_change(Listener listener) const {
        return listen(std::move(listener), {});
    }
};

}  // namespace castalia

#endif  // CASTALIA_CONFIG_HPP
