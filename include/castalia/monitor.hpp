// Monitoring of a client: counters and settings.
#ifndef CASTALIA_MONITOR_HPP
#define CASTALIA_MONITOR_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "error.hpp"
#include "handle.hpp"

namespace castalia {

// One namespace at one moment.
struct NamespaceMetrics {
    std::string app_id;
    std::string name;
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

using MetricsPointer = std::unique_ptr<CastaliaMetrics, Release<CastaliaMetrics, castalia_metrics_release>>;
using SettingListPointer = std::unique_ptr<CastaliaSettingList, Release<CastaliaSettingList, castalia_setting_list_release>>;
using TextPointer = std::unique_ptr<CastaliaText, Release<CastaliaText, castalia_text_release>>;

inline std::string owned(CastaliaStr text) { return std::string(view(text)); }

inline std::chrono::system_clock::time_point time_of(std::int64_t millis) {
    return std::chrono::system_clock::time_point(std::chrono::milliseconds(millis));
}

inline NamespaceMetrics owned(const CastaliaNamespaceMetrics &one) {
    NamespaceMetrics metrics{};
    metrics.app_id = owned(one.app_id);
    metrics.name = owned(one.name);
    metrics.state = owned(one.state);
    metrics.source = owned(one.source);
    metrics.release_key = owned(one.release_key);
    metrics.items = one.items;
    metrics.usage = one.usage;
    if (one.first_load_ms >= 0) metrics.first_load = std::chrono::milliseconds(one.first_load_ms);
    metrics.updated_at = time_of(one.updated_at);
    if (one.contacted_at >= 0) metrics.contacted_at = time_of(one.contacted_at);
    metrics.listener_failures = one.listener_failures;
    metrics.listener_queue = one.listener_queue;
    metrics.cache_failures = one.cache_failures;
    metrics.refusals = one.refusals;
    metrics.poll_timed_out = one.poll_timed_out != 0;
    metrics.malformed_reads = one.malformed_reads;
    if (one.last_error != nullptr)
        metrics.last_error = Error(static_cast<ErrorKind>(castalia_error_code(one.last_error)),
                                   owned(castalia_error_message(one.last_error)));
    return metrics;
}

inline Metrics owned(const MetricsPointer &source) {
    const CastaliaTotals &totals = *castalia_metrics_totals(source.get());
    Metrics metrics{};
    for (std::size_t i = 0; const auto *one = castalia_metrics_namespace(source.get(), i); ++i)
        metrics.namespaces.push_back(owned(*one));
    while (auto error = option(castalia_metrics_error(source.get(), metrics.errors.size())))
        metrics.errors.emplace_back(*error);
    metrics.error_count = totals.error_count;
    metrics.clock_skew = std::chrono::milliseconds(totals.clock_skew_ms);
    metrics.polls_connected = totals.polls_connected;
    for (std::size_t i = 0; const auto *one = castalia_metrics_http(source.get(), i); ++i)
        metrics.http.push_back({owned(one->endpoint), one->status, one->count,
                                std::chrono::microseconds(one->time_us)});
    if (const auto *threads = castalia_metrics_threads(source.get()))
        metrics.threads = ThreadMetrics{threads->workers, threads->tasks, threads->queue};
    return metrics;
}

inline std::vector<Setting> owned(const SettingListPointer &source) {
    std::vector<Setting> settings;
    for (std::size_t i = 0; const auto *one = castalia_setting_list_get(source.get(), i); ++i)
        settings.push_back({owned(one->name), owned(one->value), owned(one->origin), owned(one->found_as),
                            owned(one->meaning)});
    return settings;
}

}  // namespace detail

}  // namespace castalia

#endif  // CASTALIA_MONITOR_HPP
