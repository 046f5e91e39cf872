// Reads a value, waits for one change, prints both. Settings come from the environment: APP_ID, APOLLO_META, ...
#include <castalia.hpp>

#include <future>
#include <iostream>

int main() {
    castalia::Client client(castalia::Settings::from_env());
    const auto config = client.config("application");
    std::promise<castalia::ChangeEvent> changed;
    bool told = false;
    const auto subscription = config.on_change([&](const castalia::ChangeEvent &event) {
        if (!std::exchange(told, true)) changed.set_value(event);
    });

    std::cout << "greeting = " << config.get_or("greeting", "not set") << " (from " << config.snapshot().source() << ")"
              << std::endl;

    const castalia::ChangeEvent event = changed.get_future().get();
    for (const auto &change : event.changes()) {
        std::cout << change.key << ": " << change.old_value.value_or("nothing") << " -> "
                  << change.new_value.value_or("nothing") << std::endl;
    }
}
