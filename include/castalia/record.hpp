// Records: what the library describes by the names of fields.
#ifndef CASTALIA_RECORD_HPP
#define CASTALIA_RECORD_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "error.hpp"
#include "handle.hpp"

namespace castalia {

namespace detail {

// A record or a part of one, read by the names of its fields.
class Record {
  public:
    explicit Record(const CastaliaRecord *record) noexcept : record_(record) {}

    explicit operator bool() const noexcept { return record_ != nullptr; }
    Record field(std::string_view name) const noexcept { return Record(castalia_record_field(record_, str(name))); }
    // This part as a text, valid as long as the record.
    std::string_view text() const noexcept { return view(castalia_record_text(record_)); }
    std::string text(std::string_view name) const { return std::string(field(name).text()); }
    // The name of the field at an index; empty beyond the last one.
    std::optional<std::string_view> name(std::size_t index) const noexcept {
        return option(castalia_record_name(record_, index));
    }
    template <class T = std::uint64_t>
    T number(std::string_view name) const noexcept {
        return static_cast<T>(castalia_record_number(field(name).record_, 0));
    }
    std::chrono::microseconds time(std::string_view name) const noexcept {
        return std::chrono::microseconds(number<std::int64_t>(name));
    }
    std::chrono::system_clock::time_point moment(std::string_view name) const noexcept {
        return std::chrono::system_clock::time_point(time(name));
    }

    // The items of a list of texts.
    std::vector<std::string> texts() const {
        return list([](Record item) { return std::string(item.text()); });
    }

    // A list of what a function makes of each item.
    template <class Make>
    auto list(Make make) const -> std::vector<decltype(make(std::declval<Record>()))> {
        std::vector<decltype(make(std::declval<Record>()))> made;
        for (std::size_t i = 0; const CastaliaRecord *item = castalia_record_item(record_, i); ++i)
            made.push_back(make(Record(item)));
        return made;
    }

  private:
    const CastaliaRecord *record_;
};

// A record that is released with this object.
class OwnedRecord : public Record {
  public:
    explicit OwnedRecord(CastaliaRecord *owned) noexcept : Record(owned), owned_(owned) {}

  private:
    std::unique_ptr<CastaliaRecord, Release<CastaliaRecord, castalia_record_release>> owned_;
};

// The error that a record describes; empty if there is none.
inline std::optional<Error> error_of(Record error) {
    if (!error) return std::nullopt;
    return Error(error.number<ErrorKind>("code"), error.text("message"));
}

}  // namespace detail

}  // namespace castalia

#endif  // CASTALIA_RECORD_HPP
