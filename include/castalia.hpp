// The C++ interface of Castalia, a client of the Apollo configuration center: C++17, headers alone over castalia.h.
//
// Every class owns its object: clients, configs and subscriptions can be moved, snapshots and
// events also copied. Functions that can fail throw castalia::Error; without exceptions, or if
// CASTALIA_NO_EXCEPTIONS is defined, they return castalia::result<T> instead. All sources that are
// linked into one program or shared library must be compiled the same way: the same names have
// another meaning in each, of which the linker keeps one. Reads never fail and never wait.
#ifndef CASTALIA_HPP
#define CASTALIA_HPP

#include <string_view>

#include "castalia/client.hpp"
#include "castalia/config.hpp"
#include "castalia/error.hpp"
#include "castalia/event.hpp"
#include "castalia/log.hpp"
#include "castalia/monitor.hpp"
#include "castalia/snapshot.hpp"
#include "castalia/testing.hpp"

namespace castalia {

// Version of the loaded library.
inline std::string_view version() noexcept { return detail::view(castalia_version()); }

}  // namespace castalia

#endif  // CASTALIA_HPP
