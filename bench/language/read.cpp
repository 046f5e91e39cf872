// One read in C++: a view from a held snapshot, and a string of its own from a config. Prints nanoseconds.
#include "castalia.hpp"

#include "../../tests/c/check.h"
#include "../../tests/c/scripted.h"

#include <algorithm>

namespace {

constexpr int key_count = 1000, reads = 2000000, rounds = 25;

template <class Read>
void report(const char *name, const std::vector<std::string> &keys, Read read) {
    double fastest = 1e9;
    for (int round = 0; round < rounds; ++round) {
        const auto start = std::chrono::steady_clock::now();
        std::size_t index = 0;
        for (int i = 0; i < reads; ++i) {
            index = (index + 617) % key_count;
            auto value = read(keys[index]);
            asm volatile("" ::"r"(&value) : "memory");
        }
        const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
        fastest = std::min(fastest, time.count() / reads);
    }
    std::fprintf(stderr, "%s %.1f\n", name, fastest);
}

}  // namespace

int main() {
    std::vector<std::string> keys;
    std::string words = "publish application";
    for (int i = 0; i < key_count; ++i) {
        keys.push_back("some.longer.key." + std::to_string(i));
        words += " " + keys.back() + " " + keys.back();
    }
    order(words.c_str());
    castalia::Client client(castalia::Settings::from_env());
    const auto config = client.config("application");
    const auto snapshot = config.snapshot();
    report("cpp-borrowed", keys, [&](const std::string &key) { return snapshot.get(key); });
    report("cpp-string", keys, [&](const std::string &key) { return config.get(key); });
}
