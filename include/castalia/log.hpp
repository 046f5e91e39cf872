// Log records of the library.
#ifndef CASTALIA_LOG_HPP
#define CASTALIA_LOG_HPP

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

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

using Logger = std::function<void(LogLevel, std::string_view target, std::string_view text)>;

namespace detail {

inline void call_logger(void *user_data, std::int32_t level, CastaliaStr target, CastaliaStr text) noexcept {
    const Logger &logger = *static_cast<Logger *>(user_data);
#ifdef CASTALIA_NO_EXCEPTIONS
    logger(static_cast<LogLevel>(level), view(target), view(text));
#else
    try {
        logger(static_cast<LogLevel>(level), view(target), view(text));
    } catch (...) {
        // There is nobody left to tell.
    }
#endif
}

inline void release_logger(void *user_data) noexcept { delete static_cast<Logger *>(user_data); }

}  // namespace detail

// Sends log records of this level and the more important ones to a function, which runs on any thread and must not wait. An
// empty function sends them nowhere.
inline void set_log(LogLevel level, Logger logger) {
    if (!logger) {
        castalia_error_release(castalia_log_set(static_cast<std::int32_t>(level), nullptr, nullptr, nullptr));
        return;
    }
    castalia_error_release(castalia_log_set(static_cast<std::int32_t>(level), detail::call_logger,
                                            new Logger(std::move(logger)), detail::release_logger));
}

}  // namespace castalia

#endif  // CASTALIA_LOG_HPP
