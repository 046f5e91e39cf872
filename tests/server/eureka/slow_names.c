/* A resolver that does not answer: names that end in `.slow` are looked up for a long time, in vain. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result) {
  if (node != NULL && strstr(node, ".slow") != NULL) {
    sleep(30);
    return EAI_AGAIN;
  }
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
      dlsym(RTLD_NEXT, "getaddrinfo");
  return real(node, service, hints, result);
}
