// The client without servers, copied settings, and a start that is refused.
#include "castalia.hpp"

#include "../c/check.h"
#include "outcome.hpp"

#include <atomic>

namespace {

void what_a_test_sets_is_read_and_heard_of() {
    castalia::InMemory memory;
    memory.set("application", "n", "1");
    const auto config = memory.client().config("application");
    std::atomic<int> events{0};
    const auto subscription = config.on_change([&](const castalia::ChangeEvent &) { events++; });
    const auto watch = config.watch<int>([](const castalia::Snapshot &now) { return now.try_get<int>("n"); });
    CHECK(*watch.get() == 1);
    memory.set("application", "n", "2");
    CHECK(config.get_or("n", 0) == 2);
    WAIT_FOR(events == 1 && *watch.get() == 2);
    memory.remove("application", "n");
    CHECK(!config.get("n"));
    WAIT_FOR(watch.last_error().has_value());
    CHECK(*watch.get() == 2);
    memory.fail("application");
    CHECK(config.state() == "Transport");
}

void settings_are_copied_and_a_start_is_refused() {
    castalia::set_log(castalia::LogLevel::Warn, {});
    castalia::Settings settings;
    settings.set("app.id", "order").set("apollo.meta", "http://127.0.0.1:1").set("apollo.cache.file.enable", "false");
    castalia::Settings strict = settings;
    strict.start_policy(castalia::StartPolicy::RequireAll);
    castalia::Client calm(settings), refusing(strict);
    CHECK(calm.config("application").state() == "Unavailable");
    CHECK(kind_of([&] { refusing.config("application"); }) == castalia::ErrorKind::NotReady);
    settings = strict;
    castalia::Client also(settings);
    CHECK(kind_of([&] { also.config("application"); }) == castalia::ErrorKind::NotReady);
}

}  // namespace

int main() {
    what_a_test_sets_is_read_and_heard_of();
    settings_are_copied_and_a_start_is_refused();
    return 0;
}
