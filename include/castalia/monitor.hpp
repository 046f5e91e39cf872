// Monitoring of a client: counters and settings.
#ifndef CASTALIA_MONITOR_HPP
#define CASTALIA_MONITOR_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "error.hpp"
#include "record.hpp"

namespace castalia {

// One namespace at one moment.
struct NamespaceMetrics {
    std::string app_id;
    // Its name; `namespace` is a keyword.
    std::string namespace_;
    // Loading, Ready, Unavailable, or the name of the error's kind.
    std::string state;
    std::string source;
    std::string release_key;
    std::uint64_t items;
    // Number of times it was opened.
    std::uint64_t usage;
    // Empty while the first load is in progress.
    std::optional<std::chrono::milliseconds> first_load;
    std::chrono::system_clock::time_point updated_at;
    // When a server last answered; empty if none ever did.
    std::optional<std::chrono::system_clock::time_point> contacted_at;
    std::uint64_t listener_failures;
    std::uint64_t listener_queue;
    std::uint64_t cache_failures;
    std::uint64_t refusals;
    // Whether a long poll that included it timed out.
    bool poll_timed_out;
    // Number of malformed values, each counted once for a release.
    std::uint64_t malformed_reads;
    // Error of the last load, or of parsing its document; empty if both succeeded.
    std::optional<Error> last_error;
};

// Requests to one endpoint with one status.
struct HttpMetrics {
    // First part of the path: configs, notifications or services.
    std::string endpoint;
    // 0 if none arrived.
    std::int32_t status;
    std::uint64_t count;
    // Sum of their durations.
    std::chrono::microseconds time;
};

// Threads and tasks of the library, shared by all clients.
struct ThreadMetrics {
    std::uint64_t workers;
    // Tasks that have not ended.
    std::uint64_t tasks;
    // Tasks waiting for a worker.
    std::uint64_t queue;
};

// A client at one moment.
struct Metrics {
    std::vector<NamespaceMetrics> namespaces;
    // Recent errors, oldest first.
    std::vector<std::string> errors;
    std::uint64_t error_count;
    // Time by which the servers' clock is ahead.
    std::chrono::milliseconds clock_skew;
    // Poll loops whose last request succeeded.
    std::uint64_t polls_connected;
    // By endpoint and status.
    std::vector<HttpMetrics> http;
    // Empty before the first namespace is opened.
    std::optional<ThreadMetrics> threads;
};

// One effective setting. A secret is ***, and an unset value is empty.
struct Setting {
    std::string name;
    std::string value;
    std::string origin;
    std::string found_as;
    std::string meaning;
};

namespace detail {

inline NamespaceMetrics namespace_metrics(Record one) {
    NamespaceMetrics metrics{};
    metrics.app_id = one.text("app_id");
    metrics.namespace_ = one.text("namespace");
    metrics.state = one.text("state");
    metrics.source = one.text("source");
    metrics.release_key = one.text("release_key");
    metrics.items = one.number("items");
    metrics.usage = one.number("usage");
    if (one.field("first_load_us"))
        metrics.first_load = std::chrono::duration_cast<std::chrono::milliseconds>(one.time("first_load_us"));
    metrics.updated_at = one.moment("updated_at_us");
    if (one.field("contacted_at_us")) metrics.contacted_at = one.moment("contacted_at_us");
    metrics.listener_failures = one.number("listener_failures");
    metrics.listener_queue = one.number("listener_queue");
    metrics.cache_failures = one.number("cache_failures");
    metrics.refusals = one.number("refusals");
    metrics.poll_timed_out = one.number("poll_timed_out") != 0;
    metrics.malformed_reads = one.number("malformed_reads");
    metrics.last_error = error_of(one.field("last_error"));
    return metrics;
}

inline Metrics metrics(Record all) {
    Metrics metrics{};
    metrics.namespaces = all.field("namespaces").list(namespace_metrics);
    metrics.errors = all.field("errors").list([](Record error) { return error.text("message"); });
    metrics.error_count = all.number("error_count");
    metrics.clock_skew = std::chrono::milliseconds(all.number<std::int64_t>("clock_skew_ms"));
    metrics.polls_connected = all.number("polls_connected");
    metrics.http = all.field("http").list([](Record one) {
        return HttpMetrics{one.text("endpoint"), one.number<std::int32_t>("status"), one.number("count"),
                           one.time("time_us")};
    });
    if (const Record threads = all.field("threads"))
        metrics.threads = ThreadMetrics{threads.number("workers"), threads.number("tasks"), threads.number("queue")};
    return metrics;
}

inline std::vector<Setting> settings(Record all) {
    return all.list([](Record one) {
        return Setting{one.text("name"), one.text("value"), one.text("origin"), one.text("found_as"),
                       one.text("meaning")};
    });
}

}  // namespace detail

}  // namespace castalia

#endif  // CASTALIA_MONITOR_HPP
