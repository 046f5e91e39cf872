// Forked children that only use what C++ adds to the C interface.
#include "castalia.hpp"

#include "../c/check.h"
#include "../c/scripted.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

void expect_success(pid_t child) {
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

std::optional<std::string> text_of(const castalia::Snapshot &now) { return std::string(now.get("n").value_or("")); }

// A child that reads nothing but a watch follows the servers.
void a_child_that_only_watches_follows(const castalia::Config &config) {
    const auto watch = config.watch<std::string>(text_of);
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
    expect_success(child);
    order("held 1");
}

// B43: a watch whose function was running at the fork follows in the child.
void a_child_that_was_forked_during_a_parse_follows(const castalia::Config &config) {
    const pid_t parent = getpid();
    std::atomic<bool> is_running{false}, may_return{false};
    const auto watch = config.watch<std::string>([&](const castalia::Snapshot &now) {
        const auto text = text_of(now);
        if (*text == "2" && getpid() == parent) {
            is_running = true;
            WAIT_FOR(may_return.load());
        }
        return text;
    });
    order("publish application n 2");
    WAIT_FOR(is_running.load());
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(300);
        WAIT_FOR(*watch.get() == "3");
        _exit(0);
    }
    order("held 2");
    order("publish application n 3");
    expect_success(child);
    may_return = true;
    order("held 1");
}

// B46: other threads read a watch at each fork, so that in some child one of them would hold its lock.
void children_that_were_forked_during_reads_read(const castalia::Config &config) {
    const auto watch = config.watch<std::string>(text_of);
    std::atomic<bool> is_over{false};
    std::vector<std::thread> readers;
    for (int i = 0; i < 4; i++) {
        readers.emplace_back([&] {
            while (!is_over) static_cast<void>(watch.get());
        });
    }
    for (int round = 0; round < 50; round++) {
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(300);
            _exit(watch.get() == nullptr ? 1 : 0);
        }
        expect_success(child);
    }
    is_over = true;
    for (auto &reader : readers) reader.join();
}

}  // namespace

int main() {
    order("publish application n 0");
    castalia::Client client(castalia::Settings::from_env());
    const auto config = client.config("application");
    order("held 1");
    a_child_that_only_watches_follows(config);
    a_child_that_was_forked_during_a_parse_follows(config);
    children_that_were_forked_during_reads_read(config);
    return 0;
}
