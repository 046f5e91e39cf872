// T48: a client with static storage duration is destroyed at exit, while events arrive.
#include "castalia.hpp"

#include "../c/check.h"
#include "../c/scripted.h"

#include <atomic>

namespace {

std::atomic<int> events{0};
castalia::Client client(castalia::Settings::from_env());
std::optional<castalia::Config> config;
std::optional<castalia::Subscription> subscription;

}  // namespace

int main() {
    order("publish application n 0");
    config.emplace(client.config("application"));
    subscription.emplace(config->on_change([](const castalia::ChangeEvent &) { events++; }));
    order("held 1");
    order("publish application n 1");
    WAIT_FOR(events > 0);
    order("publish application n 2");
    return 7;
}
