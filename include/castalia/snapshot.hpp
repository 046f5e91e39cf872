// The values of a namespace at one moment, and typed reads.
#ifndef CASTALIA_SNAPSHOT_HPP
#define CASTALIA_SNAPSHOT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "error.hpp"
#include "handle.hpp"
#include "record.hpp"

namespace castalia {

namespace detail {

// A typed read of the C interface, whose type is C; `found` as in castalia_snapshot_get_int.
template <class C, class T>
CastaliaError *read_as(CastaliaError *(*get)(const CastaliaSnapshot *, CastaliaStr, C *, std::int32_t *),
                       const CastaliaSnapshot *snapshot, std::string_view key, T &value, std::int32_t *found) {
    C number = static_cast<C>(value);
    CastaliaError *error = get(snapshot, str(key), &number, found);
    value = static_cast<T>(number);
    return error;
}

inline CastaliaError *read_text(const CastaliaSnapshot *snapshot, std::string_view key, std::string &value,
                                std::int32_t *found) {
    CastaliaStr text = str(value);
    std::int32_t is_found = 0;
    CastaliaError *error = castalia_snapshot_get(snapshot, str(key), &text, &is_found);
    if (error == nullptr && is_found != 0) value = std::string(view(text));
    if (found != nullptr) *found = is_found;
    return error;
}

// The time so many ms after 1970. A clock that counts nanoseconds ends in the year 2262: later times, such
// as that of an entry that never expires, are its last one.
template <class Time>
Time time_at(std::int64_t since) {
    using std::chrono::milliseconds;
    const auto count = [](Time time) {
        return std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count();
    };
    if (since >= count(Time::max())) return Time::max();
    if (since <= count(Time::min())) return Time::min();
    return Time(milliseconds(since));
}

// A typed read.
template <class T>
CastaliaError *read(const CastaliaSnapshot *snapshot, std::string_view key, T &value, std::int32_t *found) {
    if constexpr (std::is_same_v<T, bool>) {
        return read_as(castalia_snapshot_get_bool, snapshot, key, value, found);
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) == 4) {
        return read_as(castalia_snapshot_get_int, snapshot, key, value, found);
    } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T> && sizeof(T) == 8) {
        return read_as(castalia_snapshot_get_long, snapshot, key, value, found);
    } else if constexpr (std::is_floating_point_v<T>) {
        return read_as(castalia_snapshot_get_double, snapshot, key, value, found);
    } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
        std::int64_t count = value.count();
        CastaliaError *error = read_as(castalia_snapshot_get_duration, snapshot, key, count, found);
        value = T(count);
        return error;
    } else if constexpr (std::is_same_v<T, std::chrono::system_clock::time_point>) {
        std::int64_t since = std::chrono::duration_cast<std::chrono::milliseconds>(value.time_since_epoch()).count();
        CastaliaError *error = read_as(castalia_snapshot_get_date, snapshot, key, since, found);
        value = time_at<T>(since);
        return error;
    } else {
        static_assert(std::is_same_v<T, std::string>,
                      "values are read as text, bool, int32, int64, double, milliseconds or time_point");
        return read_text(snapshot, key, value, found);
    }
}

// The result of the program's parser for a text; empty if it throws.
template <class T, class Parse>
std::optional<T> parsed(Parse &parse, std::string_view text) {
#ifdef CASTALIA_NO_EXCEPTIONS
    return parse(text);
#else
    try {
        return parse(text);
    } catch (...) {
        return std::nullopt;
    }
#endif
}

template <class E>
using Names = std::initializer_list<std::pair<std::string_view, E>>;

template <class E, class Names>
std::optional<E> named(const Names &names, std::string_view text) {
    for (const auto &[name, value] : names)
        if (name == text) return value;
    return std::nullopt;
}

}  // namespace detail

// The values of a namespace at one moment. It never changes. Views of it are valid as long as it,
// or a copy of it.
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
            castalia_snapshot_entry(snapshot_, index_, &key, &value);
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

    // Takes ownership of a reference of the C interface.
    explicit Snapshot(const CastaliaSnapshot *owned) noexcept : pointer_(owned) {}

    // The value of a key, if it exists. An empty value exists.
    std::optional<std::string_view> get(std::string_view key) const {
        CastaliaStr value = detail::str({});
        std::int32_t found = 0;
        detail::ignore(castalia_snapshot_get(pointer_.get(), detail::str(key), &value, &found));
        if (found == 0) return std::nullopt;
        return detail::view(value);
    }

    // A typed value, or the default if it is missing or malformed.
    template <class T>
    T get_or(std::string_view key, T otherwise) const {
        detail::ignore(detail::read(pointer_.get(), key, otherwise, nullptr));
        return otherwise;
    }
    std::string get_or(std::string_view key, const char *otherwise) const { return get_or(key, std::string(otherwise)); }

    // A typed value; empty if the key is missing. Fails with Parse if the value is malformed.
    template <class T>
    Outcome<std::optional<T>> try_get(std::string_view key) const {
        T value{};
        std::int32_t found = 0;
        CastaliaError *error = detail::read(pointer_.get(), key, value, &found);
        return detail::outcome(error, [&] { return found != 0 ? std::optional<T>(std::move(value)) : std::nullopt; });
    }

    // Splits a value at a delimiter, without empty parts at the end; with trim, without white space
    // around the parts.
    std::vector<std::string> get_list(std::string_view key, std::vector<std::string> otherwise = {},
                                      std::string_view delimiter = ",", bool trim = false) const {
        CastaliaRecord *list = nullptr;
        detail::ignore(castalia_snapshot_get_list(pointer_.get(), detail::str(key), detail::str(delimiter), trim,
                                                  &list, nullptr));
        return list != nullptr ? detail::OwnedRecord(list).texts() : std::move(otherwise);
    }

    // The value of exactly this name in a table such as {{"fast", Mode::Fast}, {"safe",
    // Mode::Safe}}; the default if the key is missing or its value is not in the table.
    template <class E, class Names = detail::Names<E>>
    E get_enum(std::string_view key, const Names &names, E otherwise) const {
        return get_with(key, [&](std::string_view text) { return detail::named<E>(names, text); }, otherwise);
    }

    // The same; empty if the key is missing. Fails with Parse if its value is not in the table.
    template <class E, class Names = detail::Names<E>>
    Outcome<std::optional<E>> try_get_enum(std::string_view key, const Names &names) const {
        return try_get_with<E>(key, [&](std::string_view text) { return detail::named<E>(names, text); });
    }

    // The value parsed by a function that returns a T or an optional one; the default if the key is
    // missing or the value malformed, that is, if the function returns nothing or throws.
    template <class T, class Parse>
    T get_with(std::string_view key, Parse &&parse, T otherwise) const {
        const auto text = get(key);
        if (!text) return otherwise;
        std::optional<T> value = detail::parsed<T>(parse, *text);
        if (value) return *std::move(value);
        detail::ignore(malformed(key));
        return otherwise;
    }

    // The same; empty if the key is missing. Fails with Parse if the value is malformed.
    template <class T, class Parse>
    Outcome<std::optional<T>> try_get_with(std::string_view key, Parse &&parse) const {
        const auto text = get(key);
        if (!text) return std::optional<T>();
        std::optional<T> value = detail::parsed<T>(parse, *text);
        CastaliaError *error = value ? nullptr : malformed(key);
        return detail::outcome(error, [&] { return std::move(value); });
    }

    bool contains(std::string_view key) const { return get(key).has_value(); }
    std::size_t size() const noexcept { return castalia_snapshot_len(pointer_.get()); }
    bool empty() const noexcept { return size() == 0; }
    iterator begin() const noexcept { return {pointer_.get(), 0}; }
    iterator end() const noexcept { return {pointer_.get(), size()}; }

    // The namespace as one text; empty if nothing has been loaded.
    std::optional<std::string_view> content() const noexcept {
        return detail::option(castalia_snapshot_content(pointer_.get()));
    }
    std::string app_id() const { return about().text("app_id"); }
    // Configured cluster, which may differ from the one that the release came from.
    std::string cluster() const { return about().text("cluster"); }
    std::string name() const { return about().text("namespace"); }
    // Origin of the values: remote, local, static or none.
    std::string source() const { return about().text("source"); }
    std::string release_key() const { return about().text("release_key"); }
    std::chrono::system_clock::time_point loaded_at() const noexcept { return about().moment("loaded_at_us"); }

  private:
    detail::OwnedRecord about() const noexcept { return detail::OwnedRecord(castalia_snapshot_about(pointer_.get())); }

    // Logs and counts it, once for each key and snapshot.
    CastaliaError *malformed(std::string_view key) const noexcept {
        return castalia_snapshot_malformed(pointer_.get(), detail::str(key));
    }

    detail::Counted<CastaliaSnapshot, castalia_snapshot_retain, castalia_snapshot_release> pointer_;
};

}  // namespace castalia

#endif  // CASTALIA_SNAPSHOT_HPP
