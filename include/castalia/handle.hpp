// Types that cross the boundary to the C interface: texts, times, and owners of objects that must
// be released.
#ifndef CASTALIA_HANDLE_HPP
#define CASTALIA_HANDLE_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "../castalia.h"

namespace castalia {

namespace detail {

inline std::string_view view(CastaliaStr text) noexcept { return {text.ptr == nullptr ? "" : text.ptr, text.len}; }

inline std::optional<std::string_view> option(CastaliaStr text) noexcept {
    if (text.ptr == nullptr) return std::nullopt;
    return view(text);
}

inline CastaliaStr str(std::string_view text) noexcept {
    CastaliaStr passed;
    passed.ptr = text.data();
    passed.len = text.size();
    return passed;
}

inline std::uint32_t millis(std::chrono::milliseconds time) noexcept {
    if (time.count() < 0) return 0;
    return time.count() > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(time.count());
}

// A pointer and the function that releases it.
template <class T, void (*release)(T *)>
struct Release {
    void operator()(T *pointer) const noexcept { release(pointer); }
};

// A handle that can be moved, and the function that releases it.
template <class T, void (*release)(T)>
class Handle {
  public:
    Handle() noexcept = default;
    explicit Handle(T handle) noexcept : handle_(handle) {}
    Handle(Handle &&other) noexcept : handle_(std::exchange(other.handle_, T{})) {}
    Handle &operator=(Handle &&other) noexcept {
        std::swap(handle_, other.handle_);
        return *this;
    }
    ~Handle() {
        if (handle_.id != 0) release(handle_);
    }
    T get() const noexcept { return handle_; }
    T take() noexcept { return std::exchange(handle_, T{}); }

  private:
    T handle_{};
};

// A counted pointer that can be copied.
template <class T, const T *(*retain)(const T *), void (*release)(const T *)>
class Counted {
  public:
    Counted() noexcept = default;
    explicit Counted(const T *owned) noexcept : pointer_(owned) {}
    Counted(const Counted &other) noexcept : pointer_(retain(other.pointer_)) {}
    Counted(Counted &&other) noexcept : pointer_(std::exchange(other.pointer_, nullptr)) {}
    Counted &operator=(Counted other) noexcept {
        std::swap(pointer_, other.pointer_);
        return *this;
    }
    ~Counted() { release(pointer_); }
    const T *get() const noexcept { return pointer_; }

  private:
    const T *pointer_ = nullptr;
};

}  // namespace detail

}  // namespace castalia

#endif  // CASTALIA_HANDLE_HPP
