// Values that the program parses itself, closed namespaces, and the metrics of both. The same
// source is compiled with and without exceptions.
#include "castalia.hpp"

#include "../c/check.h"
#include "../c/scripted.h"
#include "outcome.hpp"

#include <atomic>
#include <chrono>
#include <map>

namespace {

using castalia::ErrorKind;
using Texts = std::vector<std::string>;

enum class Mode { Fast, Safe };

std::optional<int> even(std::string_view text) {
    const int number = std::atoi(std::string(text).c_str());
    return number % 2 == 0 ? std::optional<int>(number) : std::nullopt;
}

std::uint64_t malformed(const castalia::Client &client) { return ok(client.metrics()).namespaces.at(0).malformed_reads; }

void lists_are_parts_between_a_delimiter(const castalia::Config &config) {
    CHECK((config.get_list("list") == Texts{" a ", "", "b"}));
    CHECK((config.get_list("list", {}, ",", true) == Texts{"a", "", "b"}));
    CHECK((config.get_list("list", {}, "a") == Texts{" ", " ,,b,"}));
    CHECK((config.get_list("absent", {"x", "y"}) == Texts{"x", "y"}));
    CHECK(config.get_list("absent").empty());
    CHECK((config.snapshot().get_list("list", {}) == Texts{" a ", "", "b"}));
}

// What never expires must not have expired, though the clock does not count that far.
void times_beyond_the_clock_are_its_ends(const castalia::Config &config) {
    using Time = std::chrono::system_clock::time_point;
    CHECK(config.get_or("never", Time()) > Time() + std::chrono::hours(24 * 365 * 200));
    CHECK(config.get_or("always", Time()) < Time() - std::chrono::hours(24 * 365 * 200));
    CHECK(config.get_or("absent", Time::max()) == Time::max());
}

// F138: an empty optional means malformed; without exceptions it is the only way.
void own_parsers_read_values(const castalia::Client &client, const castalia::Config &config) {
    const std::uint64_t before = malformed(client);
    CHECK(config.get_with("two", even, 7) == 2);
    CHECK(config.get_with("absent", even, 7) == 7);
    CHECK(ok(config.try_get_with<int>("two", even)) == 2);
    CHECK(!ok(config.try_get_with<int>("absent", even)));
    CHECK(malformed(client) == before);
    for (int i = 0; i < 3; ++i) CHECK(config.get_with("three", even, 7) == 7);
    CHECK(kind_of([&] { return config.try_get_with<int>("three", even); }) == ErrorKind::Parse);
    CHECK(malformed(client) == before + 1);
    CHECK(config.get_with("two", [](std::string_view text) { return text.size(); }, std::size_t{9}) == 1);
    const auto now = config.snapshot();
    CHECK(now.get_with("fast", [](std::string_view text) { return text; }, std::string_view()) == "fast");
}

#ifndef CASTALIA_NO_EXCEPTIONS
// F138: any exception of a parser means malformed.
void parsers_may_throw(const castalia::Client &client, const castalia::Config &config) {
    const std::uint64_t before = malformed(client);
    const auto number = [](std::string_view text) { return std::stoi(std::string(text)); };
    CHECK(config.get_with("two", number, 7) == 2 && config.get_with("fast", number, 7) == 7);
    const auto thrower = [](std::string_view) -> int { throw 42; };
    CHECK(config.get_with("fast", thrower, 8) == 8);
    CHECK(kind_of([&] { return config.try_get_with<int>("fast", thrower); }) == ErrorKind::Parse);
    CHECK(malformed(client) == before + 1);
}
#endif

// F132: the name must match exactly.
void enums_are_read_by_name(const castalia::Config &config) {
    static const std::map<std::string, Mode> table{{"Fast", Mode::Fast}, {"Safe", Mode::Safe}};
    CHECK(config.get_enum("mode", {{"Fast", Mode::Fast}, {"Safe", Mode::Safe}}, Mode::Fast) == Mode::Safe);
    CHECK(config.get_enum("mode", table, Mode::Fast) == Mode::Safe);
    CHECK(config.get_enum("fast", table, Mode::Safe) == Mode::Safe);
    CHECK(config.get_enum("absent", table, Mode::Safe) == Mode::Safe);
    CHECK(ok(config.try_get_enum<Mode>("mode", {{"Safe", Mode::Safe}})) == Mode::Safe);
    CHECK(!ok(config.try_get_enum<Mode>("absent", table)));
    CHECK(kind_of([&] { return config.try_get_enum<Mode>("fast", table); }) == ErrorKind::Parse);
}

void identities_are_told(const castalia::Client &client, const castalia::Config &config) {
    CHECK(client.app_id() == "order" && client.env() == "UNKNOWN");
    CHECK(config.app_id() == "order" && config.cluster() == "default" && config.name() == "application");
    CHECK(config.source() == "remote" && config.state() == "Ready");
    const auto file = ok(client.config_file("application"));
    CHECK(file.name() == "application" && file.source() == "remote" && file.state() == "Ready");
    CHECK(file.content() == std::string(*config.snapshot().content()));
}

// F156, F167
void errors_and_requests_are_told(const castalia::Client &client, const castalia::Config &config) {
    const auto file = ok(client.config_file("application"));
    CHECK(!ok(config.last_error()) && !ok(file.last_error()));
    order("fail config 404");
    CHECK(kind_of([&] { return file.refresh(); }) == ErrorKind::NotFound);
    CHECK(ok(config.last_error())->kind() == ErrorKind::NotFound && file.state() == "NotFound");
    CHECK(ok(file.last_error())->message() == ok(config.last_error())->message());
    const auto metrics = ok(client.metrics());
    CHECK(metrics.namespaces.at(0).last_error->kind() == ErrorKind::NotFound && !metrics.namespaces[0].poll_timed_out);
    CHECK(metrics.threads && metrics.threads->workers > 0);
    bool is_counted = false;
    for (const auto &one : metrics.http)
        is_counted = is_counted || (one.endpoint == "configs" && one.status == 404 && one.count >= 1 && one.time.count() > 0);
    CHECK(is_counted);
    order("fail config 200");
    order("publish application list %20a%20,,b, two 2");
    WAIT_FOR(!ok(config.last_error()));
}

// F170
void log_records_have_fields(const castalia::Config &config) {
    static std::atomic<int> seen{0};
    castalia::set_log(castalia::LogLevel::Debug, [](const castalia::LogRecord &record) {
        CHECK(record.target().substr(0, 8) == "castalia" && !record.text().empty());
        CHECK(record.level() <= castalia::LogLevel::Debug);
        for (const auto &field : record.fields()) seen += field.name == "key" && field.value == "list";
    });
    CHECK(config.get_with("list", even, 7) == 0);
    CHECK(seen == 0);
    CHECK(config.get_with("list", [](std::string_view) { return std::optional<int>(); }, 7) == 7);
    CHECK(seen == 1);
    castalia::set_log(castalia::LogLevel::Debug, nullptr);
}

// F159
void a_closed_namespace_answers_reads_only(const castalia::Client &client) {
    auto config = ok(client.config("second"));
    auto file = ok(client.config_file("second"));
    std::atomic<int> events{0};
    auto subscription = ok(config.on_change([&](const castalia::ChangeEvent &) { events++; }));
    config.close();
    config.close();
    CHECK(config.get("n") == "1" && config.name() == "second" && config.state() == "Closed");
    CHECK(kind_of([&] { return config.refresh(); }) == ErrorKind::Closed);
    CHECK(kind_of([&] { return config.last_error(); }) == ErrorKind::Closed);
    CHECK(kind_of([&] { return config.on_change([](const castalia::ChangeEvent &) {}); }) == ErrorKind::Closed);
    order("publish second n 2");
    WAIT_FOR(file.content() == "n=2\n");
    WAIT_FOR(events == 1);
    file.close();
    CHECK(file.content() == "n=2\n" && config.get("n") == "1");
    const auto moved = std::move(config);
    CHECK(moved.get("n") == "1");
    order("publish second n 3");
    const auto again = ok(client.config("second"));
    CHECK(again.get("n") == "3" && moved.get("n") == "1");
    order("publish second n 4");
    WAIT_FOR(again.get("n") == "4");
    CHECK(events == 1);
}

}  // namespace

int main() {
    order("publish application list %20a%20,,b, two 2 three 3 mode Safe fast fast never 9999-12-31 always 0001-01-01");
    order("publish second n 1");
    const auto client = ok(castalia::Client::make(ok(castalia::Settings::from_env())));
    const auto config = ok(client.config("application"));
    lists_are_parts_between_a_delimiter(config);
    times_beyond_the_clock_are_its_ends(config);
    own_parsers_read_values(client, config);
#ifndef CASTALIA_NO_EXCEPTIONS
    parsers_may_throw(client, config);
#endif
    enums_are_read_by_name(config);
    identities_are_told(client, config);
    errors_and_requests_are_told(client, config);
    log_records_have_fields(config);
    a_closed_namespace_answers_reads_only(client);
    return 0;
}
