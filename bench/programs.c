/*
 * The peers that are programs: of other languages, or the other benches.
 */
#include "peer.h"

#define PROGRAM(path) TWINE_BENCH_BUILT "/" path
#define SCRIPT(path) TWINE_BENCH_SOURCE "/" path

const struct program deferred_twine = {{PROGRAM("deferred"), "twine"}, false};
const struct program deferred_gtask = {{PROGRAM("deferred"), "gtask"}, false};
const struct program coroutine_await = {{PROGRAM("coroutine"), "await", "0"}, false};

static const struct program java = {{"java", "-cp", PROGRAM("java"), "Handoff"}, true};
static const struct program java_deferred = {{"java", SCRIPT("Deferred.java")}, false};
static const struct program go = {{PROGRAM("handoff-go")}, true};
static const struct program node_deferred = {{"node", SCRIPT("deferred.mjs")}, false};
static const struct program twisted_deferred = {{"/usr/bin/python3", SCRIPT("deferred.py")}, false};

const struct peer peer_java = {
    .name = "Java",
    .programs = {[TRIPS] = &java,
                 [ALONE] = &java,
                 [IDLE] = &java,
                 [CALLS] = &java,
                 [FORKS] = &java,
                 [DEFERRED] = &java_deferred},
};

const struct peer peer_go = {
    .name = "Go",
    .programs = {[TRIPS] = &go, [ALONE] = &go, [IDLE] = &go, [CALLS] = &go, [FORKS] = &go},
};

const struct peer peer_node = {.name = "Node", .programs = {[DEFERRED] = &node_deferred}};
const struct peer peer_twisted = {.name = "Twisted", .programs = {[DEFERRED] = &twisted_deferred}};
