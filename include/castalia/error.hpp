// Why a call failed, reported by an exception or a result.
#ifndef CASTALIA_ERROR_HPP
#define CASTALIA_ERROR_HPP

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "handle.hpp"

#if !defined(CASTALIA_NO_EXCEPTIONS) && !defined(__cpp_exceptions) && !defined(_CPPUNWIND)
#define CASTALIA_NO_EXCEPTIONS
#endif

#ifndef CASTALIA_NO_EXCEPTIONS
#include <exception>
#endif

namespace castalia {

// What a caller can do about an error.
enum class ErrorKind : std::int32_t {
    InvalidArgument = CASTALIA_INVALID_ARGUMENT,
    NotReady = CASTALIA_NOT_READY,
    NotFound = CASTALIA_NOT_FOUND,
    Unauthorized = CASTALIA_UNAUTHORIZED,
    BadRequest = CASTALIA_BAD_REQUEST,
    Timeout = CASTALIA_TIMEOUT,
    Transport = CASTALIA_TRANSPORT,
    Protocol = CASTALIA_PROTOCOL,
    Parse = CASTALIA_PARSE,
    Io = CASTALIA_IO,
    Closed = CASTALIA_CLOSED,
    Internal = CASTALIA_INTERNAL,
};

// Why a call failed.
class Error
#ifndef CASTALIA_NO_EXCEPTIONS
    : public std::exception
#endif
{
  public:
    Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

    // Takes ownership of an error of the C interface.
    explicit Error(CastaliaError *error)
        : kind_(static_cast<ErrorKind>(castalia_error_code(error))),
          message_(detail::view(castalia_error_message(error))) {
        castalia_error_release(error);
    }

    ErrorKind kind() const noexcept { return kind_; }
    const std::string &message() const noexcept { return message_; }
#ifndef CASTALIA_NO_EXCEPTIONS
    const char *what() const noexcept override { return message_.c_str(); }
#endif

  private:
    ErrorKind kind_;
    std::string message_;
};

namespace detail {

// Ignores an error. Mostly there is none, which then costs no call.
inline void ignore(CastaliaError *error) noexcept {
    if (error != nullptr) castalia_error_release(error);
}

}  // namespace detail

// A value or an error. Without exceptions, functions that can fail return this.
template <class T>
class [[nodiscard]] result {
  public:
    result(T value) : value_(std::move(value)) {}
    result(Error error) : error_(std::move(error)) {}

    explicit operator bool() const noexcept { return value_.has_value(); }
    // The value; terminates the program if there is none.
    T &value() & { return held(), *value_; }
    T value() && { return held(), std::move(*value_); }
    // The error; terminates the program if there is a value.
    const Error &error() const {
        if (!error_) std::abort();
        return *error_;
    }

  private:
    void held() const {
        if (!value_) std::abort();
    }

    std::optional<T> value_;
    std::optional<Error> error_;
};

// Success or an error.
template <>
class [[nodiscard]] result<void> {
  public:
    result() = default;
    result(Error error) : error_(std::move(error)) {}

    explicit operator bool() const noexcept { return !error_; }
    const Error &error() const {
        if (!error_) std::abort();
        return *error_;
    }

  private:
    std::optional<Error> error_;
};

#ifdef CASTALIA_NO_EXCEPTIONS
template <class T>
using Outcome = result<T>;
#else
template <class T>
using Outcome = T;
#endif

namespace detail {

template <class T>
Outcome<T> fail(Error error) {
#ifdef CASTALIA_NO_EXCEPTIONS
    return result<T>(std::move(error));
#else
    throw error;
#endif
}

// The result of a call: that of `make`, unless there is an error.
template <class Make>
auto outcome(CastaliaError *error, Make make) -> Outcome<decltype(make())> {
    if (error != nullptr) return fail<decltype(make())>(Error(error));
    return make();
}

inline Outcome<void> outcome(CastaliaError *error) {
    if (error != nullptr) return fail<void>(Error(error));
    return Outcome<void>();
}

}  // namespace detail

}  // namespace castalia

#endif  // CASTALIA_ERROR_HPP
