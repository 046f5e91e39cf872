/* F162: a secret that is replaced at run time signs the next request. Uses its own server, which
 * records the requests. */
#include "client.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD = 8192 };

/* The signature of the last load: 0 for none, 1 for app `order`. */
static atomic_int is_signed;

static void answer(int connection) {
    static const char none[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    char head[HEAD] = "";
    size_t len = 0;
    ssize_t more;
    while (strstr(head, "\r\n\r\n") == NULL && (more = read(connection, head + len, HEAD - 1 - len)) > 0) len += (size_t)more;
    if (strncmp(head, "GET /configs/", 13) == 0) atomic_store(&is_signed, strstr(head, "uthorization: Apollo order:") != NULL);
    CHECK(write(connection, none, sizeof none - 1) == sizeof none - 1);
    close(connection);
}

static void *serve(void *listening) {
    int connection;
    while ((connection = accept(*(int *)listening, NULL, NULL)) >= 0) answer(connection);
    return NULL;
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    pthread_t server;
    char url[64];
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listening >= 0 && bind(listening, (struct sockaddr *)&address, size) == 0 && listen(listening, 16) == 0);
    CHECK(getsockname(listening, (struct sockaddr *)&address, &size) == 0);
    CHECK(pthread_create(&server, NULL, serve, &listening) == 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));

    CastaliaSettings *settings = castalia_settings_from_env();
    CastaliaClient client;
    OK(castalia_settings_set(settings, castalia_str("apollo.config-service"), castalia_str(url)));
    OK(castalia_client_new(settings, &client));
    castalia_settings_release(settings);
    CastaliaConfig config = config_open(client, "application");
    CHECK(atomic_load(&is_signed) == 0);
    OK(castalia_client_set_access_key(client, castalia_str("order"), castalia_str("a secret")));
    FAILS(castalia_config_refresh(config, 60000), CASTALIA_NOT_FOUND);
    CHECK(atomic_load(&is_signed) == 1);
    OK(castalia_client_set_access_key(client, castalia_str("order"), castalia_str(" ")));
    FAILS(castalia_config_refresh(config, 60000), CASTALIA_NOT_FOUND);
    CHECK(atomic_load(&is_signed) == 0);
    castalia_config_release(config);
    castalia_client_close(client, 60000);
    return 0;
}
