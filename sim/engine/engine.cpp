// The engine's C interface: N Verilated instances in lockstep.
#include "engine.h"

#include <cstring>
#include <sstream>

#include "memory.h"

namespace {

template <typename Value>
void take(std::vector<Value>& from, Value* to) {
    std::copy(from.begin(), from.end(), to);
    from.clear();
}

Host& host(Engine* e, uint32_t edge) { return static_cast<Host&>(*e->edges[edge]); }
Memory& memory(Engine* e, uint32_t edge) { return static_cast<Memory&>(*e->edges[edge]); }

}  // namespace

extern "C" {

Engine* engine_new(uint32_t nodes, uint32_t edges, uint32_t wires, const uint32_t* table) { return new Engine(nodes, edges, wires, table); }

void engine_end_waves(Engine* e);

void engine_delete(Engine* e) {
    engine_end_waves(e);
    delete e;
}

// An input that no link drives, from now on.
void engine_set(Engine* e, uint32_t node, uint32_t input, uint64_t value) {
    Vtop& top = *e->loop.nodes[node]->top;
    (void)top, (void)value;
    switch (input) {
#define SET(id, member) \
    case id: top.member = value; break;
        FOR_EACH_INPUT(SET)
#undef SET
    }
}

// An output that is no link.
void engine_get(Engine* e, uint32_t node, uint32_t output, uint32_t* words) {
    Vtop& top = *e->loop.nodes[node]->top;
    (void)top, (void)words;
    switch (output) {
#define GET(id, member, words_of_it) \
    case id: std::memcpy(words, &top.member, 4 * words_of_it < sizeof top.member ? 4 * words_of_it : sizeof top.member); break;
        FOR_EACH_OUTPUT(GET)
#undef GET
    }
}

void engine_reset(Engine* e) {
    for (auto& node : e->loop.nodes) node->reset();
}

// A cycle before the first: the clock rises and falls once everywhere, and no link moves.
void engine_prepare(Engine* e) {
    for (auto& node : e->loop.nodes) {
        node->edge(1);
        node->edge(0);
    }
}

void engine_set_threads(Engine* e, uint32_t threads) { e->loop.threads = threads; }

void engine_send(Engine* e, uint32_t edge, uint32_t count, const uint32_t* words) {
    for (uint32_t i = 0; i < count; ++i, words += 1 + BODY_WORDS) {
        Packet packet{words[0], {}};
        std::copy_n(words + 1, BODY_WORDS, packet.body.begin());
        host(e, edge).sending.push_back(packet);
    }
}

uint32_t engine_received(Engine* e, uint32_t edge) { return host(e, edge).received.size(); }

void engine_take(Engine* e, uint32_t edge, uint32_t count, uint32_t* words) {
    auto& received = host(e, edge).received;
    for (uint32_t i = 0; i < count; ++i, words += 1 + BODY_WORDS) {
        words[0] = received.front().control;
        std::copy_n(received.front().body.begin(), BODY_WORDS, words + 1);
        received.pop_front();
    }
}

// Memory at an edge. A row of `ways` is a place: y << 5 | x, then route and port of an answer to a request that came by XY, by YX.
void engine_memory(Engine* e, uint32_t edge, uint64_t size, uint32_t bandwidth, uint32_t latency, uint32_t count, const uint32_t* ways) {
    auto made = std::make_unique<Memory>(size, bandwidth, latency);
    for (uint32_t i = 0; i < count; ++i, ways += 5)
        made->ways[ways[0]] = {{{uint8_t(ways[1]), uint8_t(ways[2])}, {uint8_t(ways[3]), uint8_t(ways[4])}}};
    e->place(edge, std::move(made));
}
void engine_memory_write(Engine* e, uint32_t edge, uint64_t at, uint64_t size, const uint8_t* bytes) { memory(e, edge).write(at, bytes, size); }
void engine_memory_read(Engine* e, uint32_t edge, uint64_t at, uint64_t size, uint8_t* bytes) { memory(e, edge).read(at, bytes, size); }
uint64_t engine_memory_lines(Engine* e, uint32_t edge, uint64_t* numbers) { return memory(e, edge).written(numbers); }

// A bit of the body of the n-th packet that a wire carries from here on is wrong.
void engine_flip(Engine* e, uint32_t wire, uint64_t packet, uint32_t bit) { e->wires[wire].flips.push_back({packet, bit}); }

uint64_t engine_cycle(Engine* e) { return e->loop.cycle; }

// Runs until `cycles` have passed (0), host `edge` has `packets` packets (1), or nothing moved anywhere for `quiet` cycles (2).
uint32_t engine_run(Engine* e, uint64_t cycles, uint32_t edge, uint32_t packets, uint64_t quiet) {
    const auto* waiting = packets ? &host(e, edge).received : nullptr;
    return e->loop.run(cycles, [&] { return waiting && waiting->size() >= packets ? 1 : e->loop.quiet >= quiet ? 2 : 0; });
}

void engine_options(Engine* e, uint32_t resting, uint32_t tracing, uint32_t recording, uint32_t hopping) {
    for (auto& node : e->loop.nodes) {
        node->resting = resting;
        node->tracing = tracing;
        node->recording = recording;
        node->hopping = hopping;
    }
}

uint64_t engine_trace_size(Engine* e, uint32_t node) { return e->loop.nodes[node]->trace.size(); }
void engine_take_trace(Engine* e, uint32_t node, uint32_t* words) { take(e->loop.nodes[node]->trace, words); }
uint64_t engine_links_size(Engine* e, uint32_t node) { return e->loop.nodes[node]->links.size(); }
void engine_take_links(Engine* e, uint32_t node, uint32_t* words) { take(e->loop.nodes[node]->links, words); }

// Waves of the nodes named, from here on; their time counts from cycle `zero`. `scopes`: a full name a line, all when there is none.
uint32_t engine_waves(Engine* e, const char* path, uint32_t count, const uint32_t* nodes, uint64_t zero, const char* scopes) {
    (void)e, (void)path, (void)count, (void)nodes, (void)zero, (void)scopes;
#ifdef ENGINE_WAVES
    auto& wave = e->loop.wave;
    wave.reset(new Wave);
    e->loop.zero = zero;
    std::istringstream lines(scopes);
    for (std::string scope; std::getline(lines, scope);) wave->dumpvars(Context::ALL_LEVELS, scope);
    e->context->trace(wave.get(), count, nodes);
    wave->open(path);
    return wave->isOpen();
#else
    return 0;
#endif
}

// The waves' file is complete; nothing more is written to it.
void engine_end_waves(Engine* e) {
    (void)e;
#ifdef ENGINE_WAVES
    if (e->loop.wave) e->loop.wave->close();
    e->loop.wave.reset();
#endif
}

// 1 when the state of all nodes, edges and wires is in the file; 0 when it could not be written or read.
uint32_t engine_save(Engine* e, const char* path) {
    (void)e, (void)path;
#ifdef ENGINE_SAVE
    Saved file(path);
    if (!file.open()) return 0;
    e->state(file);
    return 1;
#else
    return 0;
#endif
}

uint32_t engine_restore(Engine* e, const char* path) {
    (void)e, (void)path;
#ifdef ENGINE_SAVE
    Restored file(path);
    if (!file.open()) return 0;
    e->state(file);
    return 1;
#else
    return 0;
#endif
}
}
