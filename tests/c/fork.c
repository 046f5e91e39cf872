/* Forked children: they read at once, follow the servers again, and leave the parent alone. */
#include "client.h"

#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static CastaliaClient client;
static CastaliaConfig config;
static atomic_int events;
static int published;

static int32_t count_event(void *user_data, const CastaliaEvent *event) {
    (void)user_data, (void)event;
    atomic_fetch_add(&events, 1);
    return 0;
}

static void publish(void) {
    char line[64];
    snprintf(line, sizeof line, "publish application n %d", ++published);
    order(line);
}

/* A child that ends with what `run` returns, or by an alarm. */
static pid_t child_of(int (*run)(void)) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(300);
        _exit(run());
    }
    return child;
}

static void expect_success(pid_t child) {
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int follow(void) {
    int before = published;
    int heard = atomic_load(&events);
    CHECK(long_of(config, "n", 0) >= before);
    WAIT_FOR(long_of(config, "n", 0) == before + 1);
    WAIT_FOR(atomic_load(&events) > heard);
    return 0;
}

/* T41, T43, T45: a child follows the servers and receives changes, and so does its parent. */
static void a_child_follows_the_servers(void) {
    pid_t child = child_of(follow);
    order("held 2");
    publish();
    WAIT_FOR(long_of(config, "n", 0) == published);
    expect_success(child);
    order("held 1");
    WAIT_FOR(long_of(config, "n", 0) == published);
}

static int listen_only(void) {
    int heard = atomic_load(&events);
    castalia_resume_after_fork();
    WAIT_FOR(atomic_load(&events) > heard);
    castalia_resume_after_fork();
    return 0;
}

/* A child that calls nothing but the function for it. */
static void a_child_that_only_listens_follows(void) {
    pid_t child = child_of(listen_only);
    order("held 2");
    publish();
    expect_success(child);
    order("held 1");
    WAIT_FOR(long_of(config, "n", 0) == published);
}

static void ten_children_follow_at_once(void) {
    pid_t children[10];
    for (int i = 0; i < 10; i++) children[i] = child_of(follow);
    order("held 11");
    publish();
    for (int i = 0; i < 10; i++) expect_success(children[i]);
    order("held 1");
    WAIT_FOR(long_of(config, "n", 0) == published);
}

static int depth;

static int follow_deeper(void) {
    CHECK(long_of(config, "n", 0) >= published);
    if (--depth > 0) {
        pid_t child = child_of(follow_deeper);
        int status = follow();
        expect_success(child);
        return status;
    }
    return follow();
}

static void children_of_children_follow(void) {
    depth = 4;
    pid_t child = child_of(follow_deeper);
    order("held 5");
    publish();
    expect_success(child);
    order("held 1");
    WAIT_FOR(long_of(config, "n", 0) == published);
}

static int open_and_close(void) {
    CastaliaConfig other;
    CHECK(long_of(config, "n", 0) > 0);
    OK(castalia_client_config(client, castalia_str("application"), 90000, &other));
    castalia_config_release(other);
    castalia_client_close(client, 60000);
    return 0;
}

/* T42: forks at random moments during many updates; no child finds a lock held. */
static void forks_amid_updates_hang_nobody(void) {
    for (int round = 0; round < 50; round++) {
        pid_t children[4];
        for (int i = 0; i < 4; i++) {
            publish();
            children[i] = child_of(open_and_close);
        }
        for (int i = 0; i < 4; i++) expect_success(children[i]);
    }
    WAIT_FOR(long_of(config, "n", 0) == published);
}

static pid_t parent;
static atomic_int running, may_return, calls;

static int32_t block_in_parent(void *user_data, const CastaliaEvent *event) {
    (void)user_data, (void)event;
    CHECK(getpid() == parent);
    atomic_store(&running, 1);
    WAIT_FOR(atomic_load(&may_return));
    return 0;
}

static int32_t count_call(void *user_data, const CastaliaEvent *event) {
    (void)user_data, (void)event;
    atomic_fetch_add(&calls, 1);
    return 0;
}

static int listen_again(void) {
    CastaliaSubscription again;
    OK(castalia_config_on_change(config, NULL, count_call, NULL, NULL, &again));
    WAIT_FOR(atomic_load(&calls) > 0);
    return 0;
}

/* B43: in a child, another listener is called than the one that was running at the fork. */
static void a_child_that_was_forked_during_a_call_listens_again(void) {
    CastaliaSubscription subscription;
    parent = getpid();
    OK(castalia_config_on_change(config, NULL, block_in_parent, NULL, NULL, &subscription));
    publish();
    WAIT_FOR(atomic_load(&running));
    pid_t child = child_of(listen_again);
    order("held 2");
    publish();
    expect_success(child);
    atomic_store(&may_return, 1);
    castalia_subscription_cancel(subscription);
    order("held 1");
    WAIT_FOR(long_of(config, "n", 0) == published);
}

static int make_another_client(void) {
    CastaliaConfig fresh = config_open(client_new(), "application");
    CHECK(long_of(fresh, "n", 0) == published);
    return 0;
}

/* T47: a program that a child starts inherits no descriptor of the library. */
static void descriptors_are_closed_on_exec(void) {
    FILE *listing = popen("ls -l /proc/self/fd", "r");
    char line[256];
    CHECK(listing != NULL);
    while (fgets(line, sizeof line, listing) != NULL)
        CHECK(strstr(line, "socket") == NULL && strstr(line, "eventpoll") == NULL);
    pclose(listing);
}

int main(void) {
    publish();
    client = client_new();
    config = config_open(client, "application");
    CastaliaSubscription subscription;
    OK(castalia_config_on_change(config, NULL, count_event, NULL, NULL, &subscription));
    order("held 1");
    descriptors_are_closed_on_exec();
    castalia_resume_after_fork();
    a_child_follows_the_servers();
    a_child_that_only_listens_follows();
    ten_children_follow_at_once();
    children_of_children_follow();
    a_child_that_was_forked_during_a_call_listens_again();
    expect_success(child_of(make_another_client));
    forks_amid_updates_hang_nobody();
    castalia_subscription_cancel(subscription);
    castalia_config_release(config);
    castalia_client_close(client, 60000);
    return 0;
}
