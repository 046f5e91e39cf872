// Forked children that only use what C++ adds to the C interface.
#include "castalia.hpp"

#include "../c/check.h"
#include "../c/scripted.h"

#include <sys/wait.h>
#include <unistd.h>

namespace {

// A child that reads nothing but a watch follows the servers.
void a_child_that_only_watches_follows(const castalia::Config &config) {
    const auto watch = config.watch<std::string>([](const castalia::Snapshot &now) {
        return std::optional<std::string>(now.get("n").value_or(""));
    });
    CHECK(*watch.get() == "0");
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(300);
        WAIT_FOR(*watch.get() == "1");
        _exit(0);
    }
    order("held 2");
    order("publish application n 1");
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace

int main() {
    order("publish application n 0");
    castalia::Client client(castalia::Settings::from_env());
    const auto config = client.config("application");
    order("held 1");
    a_child_that_only_watches_follows(config);
    return 0;
}
