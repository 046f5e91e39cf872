// Additions of C++ to the C interface: listeners that throw, watches, validators, counters, and
// objects that move.
#include "castalia.hpp"

#include "../c/check.h"
#include "../c/scripted.h"
#include "outcome.hpp"

#include <atomic>
#include <map>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace {

using castalia::ChangeEvent;
using castalia::Snapshot;
using std::chrono::milliseconds;

static_assert(!std::is_copy_constructible_v<castalia::Client> && std::is_move_constructible_v<castalia::Client>);
static_assert(!std::is_copy_constructible_v<castalia::Config> && std::is_move_assignable_v<castalia::Config>);
static_assert(!std::is_copy_constructible_v<castalia::Subscription>);
static_assert(std::is_copy_constructible_v<Snapshot> && std::is_copy_assignable_v<ChangeEvent>);
static_assert(std::is_nothrow_move_constructible_v<castalia::Subscription>);

// T03: an exception of a listener is counted and not propagated.
void a_listener_that_throws_disturbs_nobody(const castalia::Client &client, const castalia::Config &config) {
    std::atomic<int> thrown{0}, heard{0};
    auto throwing = config.on_change([&](const ChangeEvent &) {
        thrown++;
        throw std::runtime_error("as told");
    });
    auto other = config.on_change([&](const ChangeEvent &) { heard++; });
    for (int number = 1; number <= 2; ++number) {
        order("held 1");
        order(("publish application n " + std::to_string(number)).c_str());
        WAIT_FOR(thrown == number && heard == number);
    }
    WAIT_FOR(client.metrics().namespaces.at(0).listener_failures == 2);
}

void a_watch_keeps_its_last_good_value(const castalia::Config &config) {
    auto watch = config.watch<int>([](const Snapshot &now) -> std::optional<int> {
        const auto number = now.try_get<int>("n");
        return number ? std::optional<int>(*number * 10) : std::nullopt;
    });
    CHECK(*watch.get() == 20);
    const auto moved = std::move(watch);
    order("held 1");
    order("publish application n bad");
    WAIT_FOR(config.get("n") == "bad");
    WAIT_FOR(moved.last_error().has_value());
    CHECK(moved.last_error()->kind() == castalia::ErrorKind::Parse && *moved.get() == 20);
    order("held 1");
    order("publish application n 3");
    WAIT_FOR(*moved.get() == 30 && !moved.last_error());
}

// A release that arrives while the first value is being created is not missed.
void a_watch_sees_a_release_that_lands_during_its_first_parse(const castalia::Config &config) {
    bool first = true;
    order("held 1");
    auto watch = config.watch<int>([&](const Snapshot &now) -> std::optional<int> {
        const int number = now.get_or("n", -1);
        if (std::exchange(first, false)) {
            order("publish application n 33");
            WAIT_FOR(config.get_or("n", 0) == 33);
        }
        return number;
    });
    WAIT_FOR(*watch.get() == 33);
    order("held 1");
    order("publish application n 3");
    WAIT_FOR(*watch.get() == 3);
}

void a_validator_refuses_a_release(const castalia::Client &client, const castalia::Config &config) {
    client.validate("application", [](const Snapshot &now) -> std::optional<std::string> {
        if (now.get("n") == "4") throw std::runtime_error("four is right out");
        if (!now.contains("n")) return "n is missing";
        if (now.get("n") == "50") return "";
        if (now.get("n") == "51") return std::string();
        return std::nullopt;
    });
    order("publish application n 4");
    CHECK(kind_of([&] { config.refresh(); }) == castalia::ErrorKind::Parse);
    order("publish application m 1");
    CHECK(kind_of([&] { config.refresh(); }) == castalia::ErrorKind::Parse);
    CHECK(config.get_or("n", 0) == 3);
    // B33: an empty reason is none.
    for (const int number : {50, 51, 5}) {
        order(("publish application n " + std::to_string(number)).c_str());
        config.refresh();
        CHECK(config.get_or("n", 0) == number);
    }
    CHECK(client.metrics().namespaces.at(0).refusals >= 2);
}

void snapshots_are_read_in_order_and_outlive_their_config(const castalia::Client &client) {
    order("publish second a 1 b 2.5 c 5S d 2024-01-31T20:00:00Z t true");
    std::optional<Snapshot> kept;
    {
        const auto config = client.config("second");
        kept = config.snapshot();
    }
    std::map<std::string, std::string> all;
    for (const auto [key, value] : *kept) all.emplace(key, value);
    CHECK(all.size() == kept->size() && all.at("a") == "1");
    const Snapshot copied = *kept;
    kept.reset();
    CHECK(copied.get_or("b", 0.0) == 2.5 && copied.get_or("t", false) && copied.get_or("a", std::int64_t{0}) == 1);
    CHECK(copied.get_or("c", milliseconds(0)) == milliseconds(5000));
    const auto date = copied.get_or("d", std::chrono::system_clock::time_point());
    CHECK(std::chrono::system_clock::to_time_t(date) == 1706731200);
    CHECK(copied.source() == "remote" && copied.name() == "second" && !copied.release_key().empty());
}

// T17: objects that a listener destroys while it runs.
void a_listener_may_end_itself(const castalia::Config &config) {
    std::optional<castalia::Subscription> subscription;
    std::atomic<int> calls{0};
    std::atomic<bool> ready{false};
    subscription.emplace(config.on_change([&](const ChangeEvent &) {
        WAIT_FOR(ready);
        calls++;
        subscription.reset();
    }));
    ready = true;
    order("held 1");
    order("publish application n 6");
    WAIT_FOR(calls == 1);
    order("held 1");
    order("publish application n 7");
    WAIT_FOR(config.get_or("n", 0) == 7);
    CHECK(calls == 1);
}

}  // namespace

int main() {
    order("publish application n 0");
    castalia::Client client(castalia::Settings::from_env());
    auto config = client.config("application");
    a_listener_that_throws_disturbs_nobody(client, config);
    a_watch_keeps_its_last_good_value(config);
    a_watch_sees_a_release_that_lands_during_its_first_parse(config);
    a_validator_refuses_a_release(client, config);
    snapshots_are_read_in_order_and_outlive_their_config(client);
    a_listener_may_end_itself(config);
    CHECK(client.metrics_text().find("apollo_client") != std::string::npos);
    CHECK(client.settings().size() > 10);
    CHECK(client.config_file("application").content() == "n=7\n");
    castalia::Client moved = std::move(client);
    CHECK(kind_of([&] { client.config("application"); }) == castalia::ErrorKind::Closed);
    CHECK(moved.config("application").get("n") == "7");
    CHECK(kind_of([] { castalia::Client(castalia::Settings().set("app.id", "\xFF")); }) ==
          castalia::ErrorKind::InvalidArgument);
    return 0;
}
