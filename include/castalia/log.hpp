// Log records of the library.
#ifndef CASTALIA_LOG_HPP
#define CASTALIA_LOG_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "error.hpp"
#include "handle.hpp"

namespace castalia {

enum class LogLevel : std::int32_t {
    Error = CASTALIA_LOG_ERROR,
    Warn = CASTALIA_LOG_WARN,
    Info = CASTALIA_LOG_INFO,
    Debug = CASTALIA_LOG_DEBUG,
    Trace = CASTALIA_LOG_TRACE,
};

// A field of a log record, such as namespace.
struct LogField {
    std::string_view name;
    std::string_view value;
};

// One log record. It and its texts are valid during the call of the logger.
class LogRecord {
  public:
    explicit LogRecord(const CastaliaLogRecord &lent) noexcept : lent_(lent) {}

    LogLevel level() const noexcept { return static_cast<LogLevel>(lent_.level); }
    // Module that logged it.
    std::string_view target() const noexcept { return detail::view(lent_.target); }
    // Message, followed by the fields as name=value.
    std::string_view text() const noexcept { return detail::view(lent_.text); }
    // The fields.
    std::vector<LogField> fields() const {
        std::vector<LogField> fields;
        fields.reserve(lent_.fields_len);
        for (std::size_t i = 0; i < lent_.fields_len; ++i)
            fields.push_back({detail::view(lent_.fields[i].name), detail::view(lent_.fields[i].value)});
        return fields;
    }

  private:
    const CastaliaLogRecord &lent_;
};

using Logger = std::function<void(const LogRecord &)>;

namespace detail {

inline void call_logger(void *user_data, const CastaliaLogRecord *record) noexcept {
    const Logger &logger = *static_cast<Logger *>(user_data);
#ifdef CASTALIA_NO_EXCEPTIONS
    logger(LogRecord(*record));
#else
    try {
        logger(LogRecord(*record));
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
    if (!logger) {
        detail::ignore(castalia_log_set(static_cast<std::int32_t>(level), nullptr, nullptr, nullptr));
        return;
    }
    detail::ignore(castalia_log_set(static_cast<std::int32_t>(level), detail::call_logger,
                                    new Logger(std::move(logger)), detail::release_logger));
}

}  // namespace castalia

#endif  // CASTALIA_LOG_HPP
