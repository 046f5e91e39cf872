// Log records of the library.
#ifndef CASTALIA_LOG_HPP
#define CASTALIA_LOG_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

#include "error.hpp"
#include "handle.hpp"
#include "record.hpp"

namespace castalia {

enum class LogLevel : std::int32_t { Error = 1, Warn, Info, Debug, Trace };

// A field of a log record, such as namespace.
struct LogField {
    std::string_view name;
    std::string_view value;
};

namespace detail {

// In the order of LogLevel.
inline constexpr std::string_view log_levels[] = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE"};

}  // namespace detail

// One log record. It and its texts are valid during the call of the logger.
class LogRecord {
  public:
    explicit LogRecord(const CastaliaRecord *lent) noexcept : lent_(lent) {}

    LogLevel level() const noexcept {
        const std::string_view name = lent_.field("level").text();
        const auto *found = std::find(std::begin(detail::log_levels), std::end(detail::log_levels), name);
        return static_cast<LogLevel>(found - std::begin(detail::log_levels) + 1);
    }
    // Module that logged it.
    std::string_view target() const noexcept { return lent_.field("target").text(); }
    // Message, followed by the fields as name=value.
    std::string_view text() const noexcept { return lent_.field("text").text(); }
    // The fields, ordered by name.
    std::vector<LogField> fields() const {
        const detail::Record all = lent_.field("fields");
        std::vector<LogField> fields;
        while (const auto name = all.name(fields.size())) fields.push_back({*name, all.field(*name).text()});
        return fields;
    }

  private:
    detail::Record lent_;
};

using Logger = std::function<void(const LogRecord &)>;

namespace detail {

inline void call_logger(void *user_data, const CastaliaRecord *record) noexcept {
    const Logger &logger = *static_cast<Logger *>(user_data);
#ifdef CASTALIA_NO_EXCEPTIONS
    logger(LogRecord(record));
#else
    try {
        logger(LogRecord(record));
    } catch (...) {
        // The logger itself failed, so there is nothing to report this to.
    }
#endif
}

inline void release_logger(void *user_data) noexcept { delete static_cast<Logger *>(user_data); }

}  // namespace detail

// Passes log records of this level and above to a function, which runs on any thread and must not
// block. An empty function drops them.
inline void set_log(LogLevel level, Logger logger) {
    const CastaliaStr name = detail::str(detail::log_levels[static_cast<std::size_t>(level) - 1]);
    if (!logger) {
        detail::ignore(castalia_log_set(name, nullptr, nullptr, nullptr));
        return;
    }
    detail::ignore(
        castalia_log_set(name, detail::call_logger, new Logger(std::move(logger)), detail::release_logger));
}

}  // namespace castalia

#endif  // CASTALIA_LOG_HPP
