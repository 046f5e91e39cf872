// Executes the calls of the contract cases in C++: one client, its namespaces and its listeners,
// controlled by lines of text.
#include "castalia.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <iomanip>
#include <iostream>
#include <map>
#include <mutex>
#include <sstream>
#include <stdexcept>

namespace {

using Words = std::vector<std::string>;
using Date = std::chrono::system_clock::time_point;

const char *const kinds[] = {"",        "InvalidArgument", "NotReady", "NotFound", "Unauthorized", "BadRequest", "Timeout",
                             "Transport", "Protocol",        "Parse",    "Io",       "Closed",       "Internal"};

std::string decoded(const std::string &word) {
    std::string text;
    for (std::size_t i = 0; i < word.size(); ++i) {
        if (word[i] != '%') {
            text += word[i];
        } else {
            text += static_cast<char>(std::stoi(word.substr(i + 1, 2), nullptr, 16));
            i += 2;
        }
    }
    return text;
}

std::string encoded(std::string_view text) {
    std::string word;
    char hex[4];
    for (const unsigned char byte : text) {
        std::snprintf(hex, sizeof hex, "%%%02X", byte);
        word += hex;
    }
    return word;
}

struct Listener {
    std::mutex mutex;
    std::condition_variable more;
    std::deque<castalia::ChangeEvent> events;
    std::vector<std::string> interest;

    void push(const castalia::ChangeEvent &event) {
        const std::lock_guard<std::mutex> held(mutex);
        events.push_back(event);
        more.notify_one();
    }

    // The changed keys of the next event and the kind of each change, sorted.
    Words next() {
        static const char *const types[] = {"", "added", "modified", "deleted"};
        std::unique_lock<std::mutex> held(mutex);
        more.wait(held, [&] { return !events.empty(); });
        const auto event = events.front();
        events.pop_front();
        const auto keys = event.interested_keys();
        interest.assign(keys.begin(), keys.end());
        auto changes = event.changes();
        std::sort(changes.begin(), changes.end(), [](const auto &a, const auto &b) { return a.key < b.key; });
        Words words;
        for (const auto &change : changes) {
            words.emplace_back(change.key);
            words.emplace_back(types[static_cast<int>(change.change_type)]);
        }
        return words;
    }
};

std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(double value) {
    std::ostringstream text;
    text << std::setprecision(17) << value;
    return text.str();
}
std::string text_of(std::chrono::milliseconds value) { return std::to_string(value.count()); }
std::string text_of(Date value) {
    return text_of(std::chrono::duration_cast<std::chrono::milliseconds>(value.time_since_epoch()));
}
std::string text_of(std::int32_t value) { return std::to_string(value); }
std::string text_of(std::int64_t value) { return std::to_string(value); }

template <class T>
T parsed(const std::string &text) {
    if constexpr (std::is_same_v<T, bool>) return text == "true";
    else if constexpr (std::is_same_v<T, double>) return std::stod(text);
    else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) return T(std::stoll(text));
    else if constexpr (std::is_same_v<T, Date>) return T(std::chrono::milliseconds(std::stoll(text)));
    else return static_cast<T>(std::stoll(text));
}

class Host {
  public:
    Words answer(const Words &call) {
        const std::string &action = call.at(0);
        if (action == "client") return make(call);
        if (action == "open") return open(call);
        if (action == "listen") return listen(call);
        if (action == "event") return listeners_.at(call.at(1))->next();
        if (action == "interest") return listeners_.at(call.at(1))->interest;
        if (action == "content") return optional(client_->config_file(call.at(1)).content());
        if (action == "metric") return metric(call.at(1), call.at(2));
        if (action == "setting") return setting(call.at(1));
        if (action == "close") {
            client_->close();
            return {};
        }
        if (action == "close_namespace") {
            configs_.at(call.at(1)).close();
            return {};
        }
        return read(action, configs_.at(call.at(1)), call);
    }

  private:
    Words make(const Words &call) {
        castalia::Settings settings;
        for (std::size_t i = 1; i + 1 < call.size(); i += 2) settings.set(call[i], call[i + 1]);
        client_.emplace(settings);
        return {};
    }

    Words open(const Words &call) {
        auto config = client_->config_of(call.at(1), call.at(2));
        configs_.erase(call[2]);
        configs_.emplace(call[2], std::move(config));
        return {};
    }

    Words listen(const Words &call) {
        castalia::Filter filter;
        for (std::size_t i = 4; i < call.size(); ++i) {
            (call[i][0] == 'k' ? filter.keys : filter.prefixes).push_back(call[i].substr(1));
        }
        auto listener = std::make_shared<Listener>();
        const bool throws = call.at(3) == "throws";
        subscriptions_.push_back(configs_.at(call.at(2)).on_change(
            [listener, throws](const castalia::ChangeEvent &event) {
                if (throws) throw std::runtime_error("as told");
                listener->push(event);
            },
            filter));
        listeners_[call.at(1)] = listener;
        return {};
    }

    Words metric(const std::string &name, const std::string &counter) {
        for (const auto &one : client_->metrics().namespaces)
            if (one.namespace_ == name)
                return {std::to_string(counter == "malformed_reads" ? one.malformed_reads : one.listener_failures)};
        return {};
    }

    Words setting(const std::string &name) {
        for (const auto &one : client_->settings())
            if (one.name == name) return {one.value};
        return {};
    }

    static Words optional(const std::optional<std::string> &text) { return text ? Words{*text} : Words{}; }

    template <class T>
    static Words typed(bool strict, const castalia::Config &config, const Words &call) {
        if (!strict) return {text_of(config.get_or(call.at(2), parsed<T>(call.at(3))))};
        const auto value = config.try_get<T>(call.at(2));
        return value ? Words{text_of(*value)} : Words{};
    }

    static Words read(const std::string &action, const castalia::Config &config, const Words &call) {
        if (action == "state") return {std::string(config.snapshot().source()), std::string(config.state())};
        if (action == "get") return optional(config.get(call.at(2)));
        if (action == "last_error") {
            const auto last = config.last_error();
            return last ? Words{kinds[static_cast<int>(last->kind())]} : Words{};
        }
        if (action == "refresh") {
            config.refresh();
            return {};
        }
        if (action == "keys") {
            const auto snapshot = config.snapshot();
            Words keys;
            for (const auto [key, value] : snapshot) keys.emplace_back(key);
            return keys;
        }
        const bool strict = action.rfind("try_", 0) == 0;
        const std::string type = action.substr(action.rfind('_') + 1);
        if (type == "int") return typed<std::int32_t>(strict, config, call);
        if (type == "long") return typed<std::int64_t>(strict, config, call);
        if (type == "double") return typed<double>(strict, config, call);
        if (type == "date") return typed<Date>(strict, config, call);
        if (type == "bool") return typed<bool>(strict, config, call);
        return typed<std::chrono::milliseconds>(strict, config, call);
    }

    std::optional<castalia::Client> client_;
    std::map<std::string, castalia::Config> configs_;
    std::map<std::string, std::shared_ptr<Listener>> listeners_;
    std::vector<castalia::Subscription> subscriptions_;
};

}  // namespace

int main() {
    Host host;
    for (std::string line; std::getline(std::cin, line);) {
        Words call;
        for (std::size_t start = 0, end; start <= line.size(); start = end + 1) {
            end = std::min(line.find(' ', start), line.size());
            call.push_back(decoded(line.substr(start, end - start)));
        }
        try {
            std::string answer = "ok";
            for (const auto &word : host.answer(call)) answer += " " + encoded(word);
            std::cout << answer << std::endl;
        } catch (const castalia::Error &error) {
            std::cout << "error " << kinds[static_cast<int>(error.kind())] << " " << encoded(error.message()) << std::endl;
        }
    }
}
