// The value and the error of a call, with and without exceptions: tests are compiled both ways.
#ifndef OUTCOME_HPP
#define OUTCOME_HPP

#include "castalia.hpp"

#include "../c/check.h"

#ifdef CASTALIA_NO_EXCEPTIONS
template <class T>
T ok(castalia::result<T> result) {
    CHECK(result);
    return std::move(result).value();
}

inline void ok(castalia::result<void> result) { CHECK(result); }

template <class Call>
castalia::ErrorKind kind_of(Call call) {
    return call().error().kind();
}
#else
template <class T>
T ok(T value) {
    return value;
}

template <class Call>
castalia::ErrorKind kind_of(Call call) {
    try {
        static_cast<void>(call());
    } catch (const castalia::Error &error) {
        CHECK(std::string(error.what()) == error.message() && !error.message().empty());
        return error.kind();
    }
    CHECK(!"the call fails");
    std::abort();
}
#endif

#endif  // OUTCOME_HPP
