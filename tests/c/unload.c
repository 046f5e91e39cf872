/* T49: the library remains at its address, however often it is loaded and unloaded. */
#include "castalia.h"

#include "check.h"

#include <dlfcn.h>

int main(int count, char **arguments) {
    CHECK(count == 2);
    for (int i = 0; i < 100; i++) {
        void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
        CHECK(library != NULL);
        CastaliaSettings *(*make)(void) = NULL;
        void (*release)(CastaliaSettings *) = NULL;
        CastaliaError *(*client_new)(const CastaliaSettings *, CastaliaClient *) = NULL;
        int32_t (*code)(const CastaliaError *) = NULL;
        void (*error_release)(CastaliaError *) = NULL;
        *(void **)&make = dlsym(library, "castalia_settings_new");
        *(void **)&release = dlsym(library, "castalia_settings_release");
        *(void **)&client_new = dlsym(library, "castalia_client_new");
        *(void **)&code = dlsym(library, "castalia_error_code");
        *(void **)&error_release = dlsym(library, "castalia_error_release");
        CHECK(make && release && client_new && code && error_release);
        CastaliaClient client;
        CastaliaSettings *settings = make();
        CastaliaError *error = client_new(settings, &client);
        CHECK(code(error) == CASTALIA_INVALID_ARGUMENT);
        error_release(error);
        release(settings);
        CHECK(dlclose(library) == 0);
    }
    return 0;
}
