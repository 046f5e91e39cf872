/* Restricts the system calls of a program as systemd does it for a service.
 *
 *   sandbox DIRECTIVES FAMILIES CALLS PROGRAM [ARGUMENT...]
 *
 * The lists have spaces between their names: directives of a unit file, and the families of sockets
 * and the system calls that remain allowed. apt depends on libseccomp, but not on its headers. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct comparison {
  unsigned argument;
  int operator;
  uint64_t first, second;
};
void *seccomp_init(uint32_t action);
int seccomp_syscall_resolve_name(const char *name);
int seccomp_rule_add_array(void *filter, uint32_t action, int call, unsigned count,
                           const struct comparison *comparisons);
int seccomp_load(void *filter);

enum { EQUAL = 4, AT_LEAST = 5, MASKED = 7 };
static const uint32_t ALLOW = 0x7fff0000;
static const uint32_t REFUSE = 0x00050000; /* or'ed with the error */

/* A call is refused if the argument has this value after the mask is applied; if there is no mask,
 * whatever the argument is. */
struct refusal {
  const char *directive, *call;
  unsigned argument;
  uint64_t mask, value;
  int error;
};

#define BITS(directive, call, argument, bits) {directive, call, argument, bits, bits, EPERM}
#define ANY(directive, call, error) {directive, call, 0, 0, 0, error}
#define NAMESPACE(flag)                             \
  BITS("RestrictNamespaces", "unshare", 0, flag),   \
  BITS("RestrictNamespaces", "clone", 0, flag)
#define MODE(call, argument)                           \
  BITS("RestrictSUIDSGID", call, argument, S_ISUID),   \
  BITS("RestrictSUIDSGID", call, argument, S_ISGID)
#define POLICY(policy) \
  {"RestrictRealtime", "sched_setscheduler", 1, UINT32_MAX, policy, EPERM}

static const struct refusal REFUSALS[] = {
    ANY("LockPersonality", "personality", EPERM),
    BITS("MemoryDenyWriteExecute", "mmap", 2, PROT_WRITE | PROT_EXEC),
    BITS("MemoryDenyWriteExecute", "mprotect", 2, PROT_EXEC),
    BITS("MemoryDenyWriteExecute", "pkey_mprotect", 2, PROT_EXEC),
    /* The flags of the newer call are in memory, where no filter can read them. */
    ANY("RestrictNamespaces", "clone3", ENOSYS),
    ANY("RestrictNamespaces", "setns", EPERM),
    NAMESPACE(CLONE_NEWCGROUP), NAMESPACE(CLONE_NEWIPC), NAMESPACE(CLONE_NEWNET),
    NAMESPACE(CLONE_NEWNS), NAMESPACE(CLONE_NEWPID), NAMESPACE(CLONE_NEWUSER),
    NAMESPACE(CLONE_NEWUTS),
    MODE("chmod", 1), MODE("fchmod", 1), MODE("fchmodat", 2), MODE("mkdir", 1), MODE("mkdirat", 2),
    POLICY(SCHED_FIFO), POLICY(SCHED_RR), POLICY(SCHED_DEADLINE),
};

static const struct { const char *name; int number; } FAMILIES[] = {
    {"AF_UNIX", AF_UNIX}, {"AF_INET", AF_INET}, {"AF_INET6", AF_INET6}, {"AF_NETLINK", AF_NETLINK}};

#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static void fail(const char *what) {
  fprintf(stderr, "sandbox: %s\n", what);
  exit(1);
}

static void add(void *filter, uint32_t action, const char *name,
                const struct comparison *comparison) {
  int call = seccomp_syscall_resolve_name(name);
  /* Names of other processors and of newer systems are negative. */
  if (call < 0) return;
  if (seccomp_rule_add_array(filter, action, call, comparison != NULL, comparison) != 0) fail(name);
}

static void refuse_directive(void *filter, const char *directive) {
  int known = 0;
  for (size_t at = 0; at < LENGTH(REFUSALS); at++) {
    const struct refusal *refusal = &REFUSALS[at];
    if (strcmp(refusal->directive, directive) != 0) continue;
    struct comparison comparison = {refusal->argument, MASKED, refusal->mask, refusal->value};
    add(filter, REFUSE | refusal->error, refusal->call, refusal->mask ? &comparison : NULL);
    known = 1;
  }
  if (!known) fail(directive);
}

static void refuse_families(void *filter, char *allowed) {
  int is_allowed[AF_MAX] = {0};
  for (char *name = strtok(allowed, " "); name != NULL; name = strtok(NULL, " ")) {
    size_t at = 0;
    while (at < LENGTH(FAMILIES) && strcmp(FAMILIES[at].name, name) != 0) at++;
    if (at == LENGTH(FAMILIES)) fail(name);
    is_allowed[FAMILIES[at].number] = 1;
  }
  for (int family = 0; family <= AF_MAX; family++) {
    struct comparison comparison = {0, family == AF_MAX ? AT_LEAST : EQUAL, family, 0};
    if (family < AF_MAX && is_allowed[family]) continue;
    add(filter, REFUSE | EAFNOSUPPORT, "socket", &comparison);
  }
}

int main(int count, char **arguments) {
  if (count < 5) fail("usage: sandbox DIRECTIVES FAMILIES CALLS PROGRAM [ARGUMENT...]");
  void *refusals = seccomp_init(ALLOW), *calls = seccomp_init(REFUSE | EPERM);
  for (char *name = strtok(arguments[1], " "); name != NULL; name = strtok(NULL, " "))
    refuse_directive(refusals, name);
  refuse_families(refusals, arguments[2]);
  for (char *name = strtok(arguments[3], " "); name != NULL; name = strtok(NULL, " "))
    add(calls, ALLOW, name, NULL);
  if (seccomp_load(refusals) != 0 || seccomp_load(calls) != 0) fail("cannot load a filter");
  execv(arguments[4], &arguments[4]);
  fail(strerror(errno));
}
