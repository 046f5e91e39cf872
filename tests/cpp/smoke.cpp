// The complete sequence: open, read, listen, change, close. Run by castalia-scripted, which
// executes the commands written here. The same source is compiled with and without exceptions.
#include "castalia.hpp"

#include "../c/check.h"
#include "../c/scripted.h"
#include "outcome.hpp"

#include <atomic>

namespace {

using castalia::ChangeEvent;
using castalia::ChangeType;
using castalia::ErrorKind;

void open_read_listen_change_close() {
    order("publish application timeout 100 mode a");
    auto client = ok(castalia::Client::make(ok(castalia::Settings::from_env())));
    const auto config = ok(client.config("application"));
    CHECK(config.get_or("timeout", 5) == 100);
    CHECK(config.get_or("absent", 5) == 5);
    CHECK(config.get_or("mode", "b") == "a");
    CHECK(kind_of([&] { return config.try_get<int>("mode"); }) == ErrorKind::Parse);
    CHECK(!ok(config.try_get<int>("absent")));

    std::atomic<int> events{0};
    std::atomic<int> others{0};
    auto subscription = ok(config.on_change([&](const ChangeEvent &event) {
        const auto change = event.change("timeout");
        CHECK(change && change->old_value == "100" && change->new_value == "200");
        CHECK(change->change_type == ChangeType::Modified);
        CHECK(event.snapshot().get("timeout") == "200");
        events++;
    }));
    auto filtered = ok(config.on_change([&](const ChangeEvent &) { others++; }, {{}, {"mo"}}));
    order("held 1");
    order("publish application timeout 200 mode a");
    WAIT_FOR(events == 1);
    CHECK(others == 0);

    subscription.cancel();
    client.close();
    CHECK(config.get_or("timeout", 5) == 200);
    CHECK(kind_of([&] { return config.refresh(); }) == ErrorKind::Closed);
}

}  // namespace

int main() {
    open_read_listen_change_close();
    return 0;
}
