// A client without servers, whose values a test of the application sets.
#ifndef CASTALIA_TESTING_HPP
#define CASTALIA_TESTING_HPP

#include <string_view>
#include <utility>

#include "client.hpp"
#include "error.hpp"
#include "handle.hpp"

namespace castalia {

// A client for tests. It opens no socket and no file. When a function that changes values returns,
// reads of the open namespace return them and each listener has its event queued. A namespace that
// was never set is empty.
class InMemory {
  public:
#ifndef CASTALIA_NO_EXCEPTIONS
    InMemory() : InMemory(make()) {}
#endif

    static Outcome<InMemory> make() {
        CastaliaClient client{};
        CastaliaError *error = castalia_testing_new(nullptr, &client);
        return detail::outcome(error, [&] { return InMemory(client); });
    }

    // The client, to be passed to the code under test.
    Client &client() noexcept { return client_; }

    Outcome<void> set(std::string_view name, std::string_view key, std::string_view value) {
        return detail::outcome(
            castalia_testing_set(client_.handle_.get(), detail::str(name), detail::str(key), detail::str(value)));
    }

    Outcome<void> remove(std::string_view name, std::string_view key) {
        return detail::outcome(castalia_testing_remove(client_.handle_.get(), detail::str(name), detail::str(key)));
    }

    // Makes loads of a namespace fail, as without a server, until one of its values is set again.
    Outcome<void> fail(std::string_view name) {
        return detail::outcome(castalia_testing_fail(client_.handle_.get(), detail::str(name)));
    }

  private:
    explicit InMemory(CastaliaClient client) noexcept : client_(client) {}

    Client client_;
};

}  // namespace castalia

#endif  // CASTALIA_TESTING_HPP
