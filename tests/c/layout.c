/* T13: the layout that every binding relies on, on a 64-bit machine. */
#include "castalia.h"

#define HOLDS(name, condition) typedef char holds_##name[(condition) ? 1 : -1]

HOLDS(text, sizeof(CastaliaStr) == 16 && offsetof(CastaliaStr, len) == 8);
HOLDS(client, sizeof(CastaliaClient) == 8);
HOLDS(config, sizeof(CastaliaConfig) == 8);
HOLDS(subscription, sizeof(CastaliaSubscription) == 8);
HOLDS(change, sizeof(CastaliaChange) == 56 && offsetof(CastaliaChange, old_value) == 16);
HOLDS(change_type, offsetof(CastaliaChange, change_type) == 48);
HOLDS(filter, sizeof(CastaliaFilter) == 32 && offsetof(CastaliaFilter, prefixes) == 16);
HOLDS(abi, CASTALIA_ABI_VERSION >> 16 == 1);

int main(void) { return !castalia_abi_fits(); }
