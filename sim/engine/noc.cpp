// N Verilated routers in lockstep, links exchanged between cycles, each with a source and a sink at its node's port.
//
// A cycle: every router's inputs are set from what its neighbours' flip-flops show, sources and sinks act, one clock edge. Whoever runs a
// router reads its neighbours' outputs and writes its own inputs, and all edges come after all exchanges, so routers can be shared out
// over threads and the result does not depend on how.
#pragma GCC optimize("O2")  // Verilator's makefile compiles what is not its own for size
#include <verilated.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "Vtop.h"
#include "ports.h"  // generated: PORTS, CHANNELS, CREDITS, NODE, BODY_WORDS, HISTOGRAM, fields CONTROL_*, HEADER_*, BODY_*, and BIND_PORTS

namespace {

using Body = std::array<uint32_t, BODY_WORDS>;

struct Field {
    int at, width;
};
#define FIELD(name, at, width) constexpr Field name{at, width};
FOR_EACH_FIELD(FIELD)
#undef FIELD

constexpr uint32_t VALID = (1u << CHANNELS) - 1;  // the channels of a control word lie lowest

template <typename Words>
void put(Words& words, Field field, uint64_t value) {
    const uint64_t mask = field.width == 64 ? ~0ull : (1ull << field.width) - 1;
    const int word = field.at / 32, shift = field.at % 32;
    const unsigned __int128 wide = static_cast<unsigned __int128>(value & mask) << shift, hole = static_cast<unsigned __int128>(mask) << shift;
    for (int i = 0; 32 * i < shift + field.width; ++i)
        words[word + i] = (words[word + i] & ~uint32_t(hole >> 32 * i)) | uint32_t(wide >> 32 * i);
}
template <typename Words>
uint64_t get(const Words& words, Field field) {
    const int word = field.at / 32, shift = field.at % 32;
    unsigned __int128 wide = 0;
    for (int i = 0; 32 * i < shift + field.width; ++i) wide |= static_cast<unsigned __int128>(words[word + i]) << 32 * i;
    return uint64_t(wide >> shift) & (field.width == 64 ? ~0ull : (1ull << field.width) - 1);
}
int parity(uint64_t value) { return __builtin_parityll(value); }

struct Random {
    uint64_t state;
    uint64_t next() {  // splitmix64
        uint64_t z = (state += 0x9E3779B97F4A7C15ull);
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ z >> 27) * 0x94D049BB133111EBull;
        return z ^ z >> 31;
    }
    double unit() { return (next() >> 11) * 0x1p-53; }
    uint32_t below(uint32_t bound) { return uint64_t(next() >> 32) * bound >> 32; }
};

// One direction of a link at a router: the words behind its ports.
struct Wires {
    IData* control;
    uint32_t* body;
    CData* credit;
};

struct Flit {
    uint32_t to;
    uint32_t born;
};

struct Statistics {
    uint64_t created, sent, received, window_created, window_received, latency_sum, latency_count, over_minimum;
    uint64_t doubled, disordered, corrupted, misrouted;
    uint64_t histogram[HISTOGRAM];
};

struct Router {
    std::unique_ptr<Vtop> top;
    Wires in[PORTS], out[PORTS];
    int x = 0, y = 0;
    Router* neighbour[PORTS] = {};  // who drives in[p] and whom out[p] drives
    int there[PORTS] = {};          // the neighbour's port
    bool body_due[PORTS] = {};
    int still = 0;  // cycles since anything moved on its links
    // source
    std::deque<Flit> waiting[CHANNELS];
    int credits[CHANNELS];
    int turn = 0;
    bool tie[2] = {};
    Random random{};
    uint32_t control = 0;  // in its flip-flop, on the wire from the next cycle on, the body a cycle behind
    Body body{}, body_next{};
    // sink
    uint32_t arrived = 0;
    std::vector<uint32_t> sent, expected;  // by destination or source, and channel
    Statistics statistics{};
};

struct Traffic {
    double rate = 0;
    uint32_t classes = 2;
    std::vector<int32_t> to;       // destination by source; -1 sends nothing, -2 to any other live node
    std::vector<uint32_t> live;    // numbers of the routers' nodes, for -2
    int weight_waiting = 8, weight_unreturned = 2, weight_used = 1;
    uint32_t rule = 0;  // 0 adaptive, 1 alternating, 2 XY only, 3 adaptive with both classes' used credits
};

struct Mesh {
    std::unique_ptr<VerilatedContext> context{new VerilatedContext};
    std::vector<Router> routers;
    Traffic traffic;
    std::vector<uint8_t> routes;  // by source and destination: allowed routes (bits 0, 1), first port of XY (2..4) and YX (5..7)
    std::vector<uint8_t> hops;    // by source and destination, and route
    uint64_t cycle = 0, window = 0;  // the window of measurement begins there
    uint32_t columns = 1;
    bool measuring = false, resting = false;
    uint32_t threads = 1;
    std::vector<uint32_t> trace;
    bool tracing = false;
};

uint64_t mix(uint64_t a, uint64_t b) { return Random{a * 0xD1342543DE82EF95ull + b}.next(); }

// The packet that `from` sends as number `number` to `to` on channel v: everything in it can be made again at its destination.
void fill(const Mesh& mesh, uint32_t from, uint32_t to, int v, uint32_t number, uint32_t born, uint32_t& control, Body& body) {
    const Router &source = mesh.routers[from], &target = mesh.routers[to];
    std::array<uint32_t, 1> word{};
    put(word, CONTROL_valid, 1u << v);
    put(word, CONTROL_x, target.x);
    put(word, CONTROL_y, target.y);
    put(word, CONTROL_far_x, target.x);
    put(word, CONTROL_far_y, target.y);
    const int route_parity = parity(word[0]);
    control = word[0];
    Random random{mix(uint64_t(from) << 32 | to, uint64_t(number) << 34 | uint64_t(v) << 32 | born)};
    body.fill(0);
    put(body, HEADER_kind, 1);
    put(body, HEADER_source_x, source.x);
    put(body, HEADER_source_y, source.y);
    put(body, HEADER_address, uint64_t(number));
    put(body, HEADER_tag, random.next() & 0xFF);
    const uint64_t low = uint64_t(body[1]) << 32 | body[0];
    put(body, HEADER_parity, route_parity | (parity(low) ^ parity(body[2])) << 1);
    for (int i = 0; i < 8; ++i) {
        const uint64_t value = i ? random.next() : (random.next() & ~0xFFFFFFFFull) | born;
        put(body, {BODY_payload.at + 64 * i, 64}, value);
        put(body, {BODY_payload_parity.at + i, 1}, parity(value));
    }
}

void create(Mesh& mesh, Router& router, uint32_t number) {
    const Traffic& traffic = mesh.traffic;
    const int32_t fixed = traffic.to[number];
    if (fixed == -1 || router.random.unit() >= traffic.rate) return;
    uint32_t to = fixed;
    if (fixed == -2) {
        do to = traffic.live[router.random.below(traffic.live.size())];
        while (to == number);
    }
    const uint32_t cls = traffic.classes == 2 ? router.random.next() >> 63 : 0;
    const uint8_t routes = mesh.routes[size_t(number) * mesh.routers.size() + to];
    int route = (routes & 3) == 2;
    if ((routes & 3) == 3 && traffic.rule != 2) {
        int cost[2];
        for (int r = 0; r < 2; ++r) {
            const int v = 2 * cls + r, port = routes >> (2 + 3 * r) & 7;
            const auto used = [&](int channel) {
                const int at = (port * CHANNELS + channel) * CREDIT_BITS;
                return CREDITS - int(router.top->credits >> at & ((1u << CREDIT_BITS) - 1));
            };
            cost[r] = traffic.weight_waiting * int(router.waiting[v].size()) + traffic.weight_unreturned * (CREDITS - router.credits[v]);
            cost[r] += traffic.weight_used * (used(v) + (traffic.rule == 3 ? used(v ^ 2) : 0));
        }
        if (traffic.rule == 1 || cost[0] == cost[1]) {
            route = router.tie[cls];
            router.tie[cls] = !router.tie[cls];
        } else {
            route = cost[1] < cost[0];
        }
    }
    router.waiting[2 * cls + route].push_back({to, uint32_t(mesh.cycle)});
    ++router.statistics.created;
    router.statistics.window_created += mesh.measuring;
}

void send(Mesh& mesh, Router& router, uint32_t number) {
    Wires& wires = router.in[NODE];
    if (router.body_due[NODE]) std::copy(router.body.begin(), router.body.end(), wires.body);
    router.body_due[NODE] = router.control;
    router.body = router.body_next;
    *wires.control = router.control;
    router.control = 0;
    create(mesh, router, number);
    for (int k = 1; k <= CHANNELS; ++k) {
        const int v = (router.turn + k) % CHANNELS;
        if (router.waiting[v].empty() || !router.credits[v]) continue;
        const Flit flit = router.waiting[v].front();
        router.waiting[v].pop_front();
        --router.credits[v];
        router.turn = v;
        uint32_t control;
        fill(mesh, number, flit.to, v, router.sent[flit.to * CHANNELS + v]++, flit.born, control, router.body_next);
        const int port = mesh.routes[size_t(number) * mesh.routers.size() + flit.to] >> (2 + 3 * (v & 1)) & 7;
        router.control = control | 1u << (CONTROL_out.at + port);
        ++router.statistics.sent;
        break;
    }
    for (int v = 0; v < CHANNELS; ++v) router.credits[v] += *wires.credit >> v & 1;
}

void receive(Mesh& mesh, Router& router, uint32_t number) {
    Wires& wires = router.out[NODE];
    Statistics& s = router.statistics;
    if (router.arrived) {
        Body body;
        std::copy_n(wires.body, BODY_WORDS, body.begin());
        const int v = __builtin_ctz(router.arrived & VALID);
        const uint32_t from = (get(body, HEADER_source_y) - 1) * mesh.columns + get(body, HEADER_source_x) - 1;
        const uint32_t sequence = get(body, HEADER_address), born = get(body, {BODY_payload.at, 32});
        ++s.received;
        uint32_t control = 0;
        Body expected{};
        const bool known = from < mesh.routers.size();
        if (known) fill(mesh, from, number, v, sequence, born, control, expected);
        const std::array<uint32_t, 1> word{router.arrived};
        if (int(get(word, CONTROL_x)) != router.x || int(get(word, CONTROL_y)) != router.y) {
            ++s.misrouted;
        } else if (!known || expected != body || (control ^ router.arrived) & ~(((1u << CONTROL_out.width) - 1) << CONTROL_out.at)) {
            ++s.corrupted;
        } else {
            uint32_t& next = router.expected[from * CHANNELS + v];
            s.doubled += sequence < next;
            s.disordered += sequence > next;
            next = std::max(next, sequence + 1);
            const uint32_t latency = mesh.cycle - 1 - born;  // its control word stood in the last output register a cycle ago
            const int minimum = mesh.hops[2 * (size_t(from) * mesh.routers.size() + number) + (v & 1)] + 2;
            s.over_minimum += latency != uint32_t(minimum);
            s.window_received += mesh.measuring;
            if (mesh.measuring && born >= mesh.window) {
                ++s.latency_count;
                s.latency_sum += latency;
                ++s.histogram[std::min<uint32_t>(latency, HISTOGRAM - 1)];
            }
        }
    }
    *wires.credit = router.arrived & VALID;
    router.arrived = *wires.control & VALID ? *wires.control : 0;
}

void exchange(Mesh& mesh, Router& router, uint32_t number) {
    uint32_t moves = 0;
    for (int p = 0; p < NODE; ++p) {
        if (!router.neighbour[p]) continue;
        const Router& other = *router.neighbour[p];
        const Wires& wires = other.out[router.there[p]];
        if (router.body_due[p]) std::copy_n(wires.body, BODY_WORDS, router.in[p].body);
        *router.in[p].control = *wires.control;
        router.body_due[p] = *wires.control & VALID;
        *router.out[p].credit = *other.in[router.there[p]].credit;
        moves |= *router.in[p].control | *router.out[p].credit;
    }
    send(mesh, router, number);
    receive(mesh, router, number);
    moves |= *router.in[NODE].control | *router.out[NODE].credit;
    for (int p = 0; p < PORTS; ++p) moves |= *router.out[p].control | *router.in[p].credit;
    router.still = moves ? 0 : router.still + 1;
}

void record(Mesh& mesh, const Router& router) {
    const auto fold = [](const uint32_t* body) {
        uint32_t total = 0;
        for (int i = 0; i < BODY_WORDS; ++i) total = (total << 1 | total >> 31) ^ body[i];
        return total;
    };
    for (int p = 0; p < PORTS; ++p) {
        mesh.trace.insert(mesh.trace.end(), {*router.in[p].control, fold(router.in[p].body), *router.out[p].credit});
        mesh.trace.insert(mesh.trace.end(), {*router.out[p].control, fold(router.out[p].body), *router.in[p].credit});
    }
}

void edge(Mesh& mesh, Router& router) {
    // Nothing came in for longer than anything takes to pass: the next cycle would be like the last.
    if (mesh.resting && router.still > 4) return;
    router.top->clk = 1;
    router.top->eval();
    router.top->clk = 0;
    router.top->eval();
}

// Threads meet here twice a cycle.
struct Barrier {
    const uint32_t count;
    std::atomic<uint32_t> here{0}, round{0};
    void wait() {
        const uint32_t mine = round.load();
        if (here.fetch_add(1) + 1 == count) {
            here = 0;
            ++round;
        } else {
            for (int spins = 0; round.load() == mine; ++spins)
                if (spins > 2000) std::this_thread::yield();
        }
    }
};

}  // namespace

extern "C" {

Mesh* noc_new(uint32_t columns, uint32_t rows, uint32_t threads, uint64_t seed) {
    const uint32_t count = columns * rows;
    auto* mesh = new Mesh;
    mesh->context->threads(1);
    mesh->threads = threads;
    mesh->columns = columns;
    mesh->routers = std::vector<Router>(count);
    for (uint32_t i = 0; i < count; ++i) {
        Router& router = mesh->routers[i];
        router.top.reset(new Vtop(mesh->context.get()));
        Vtop& top = *router.top;
#define BIND(p, ci, bi, ri, co, bo, ro)                       \
    router.in[p] = {&top.ci, &top.bi[0], &top.ri};            \
    router.out[p] = {&top.co, &top.bo[0], &top.ro};
        BIND_PORTS(BIND)
#undef BIND
        router.random.state = mix(seed, i);
        std::fill_n(router.credits, CHANNELS, CREDITS);
        router.sent.assign(size_t(count) * CHANNELS, 0);
        router.expected.assign(size_t(count) * CHANNELS, 0);
        top.clk = 0;
        top.rst = 1;
        top.eval();
        for (int k = 0; k < 4; ++k) edge(*mesh, router);
        top.rst = 0;
    }
    mesh->routes.assign(size_t(count) * count, 0);
    mesh->hops.assign(2 * size_t(count) * count, 0);
    mesh->traffic.to.assign(count, -1);
    return mesh;
}

void noc_delete(Mesh* mesh) {
    for (Router& router : mesh->routers) router.top->final();
    delete mesh;
}

void noc_place(Mesh* mesh, uint32_t number, uint32_t x, uint32_t y, uint32_t closed) {
    Router& router = mesh->routers[number];
    router.x = x;
    router.y = y;
    router.top->x = x;
    router.top->y = y;
    router.top->closed = closed;
    edge(*mesh, router);
}

// Two routers become neighbours: each drives the other's input.
void noc_join(Mesh* mesh, uint32_t a, uint32_t port_a, uint32_t b, uint32_t port_b) {
    mesh->routers[a].neighbour[port_a] = &mesh->routers[b];
    mesh->routers[a].there[port_a] = port_b;
    mesh->routers[b].neighbour[port_b] = &mesh->routers[a];
    mesh->routers[b].there[port_b] = port_a;
}

void noc_entry(Mesh* mesh, uint32_t number, uint32_t index, uint64_t entry) {
    Router& router = mesh->routers[number];
    router.top->entry___05Fvalid = 1;
    router.top->entry___05Findex = index;
    router.top->entry___05Fentry = entry;
    edge(*mesh, router);
    router.top->entry___05Fvalid = 0;
}

// Routes as bytes by source and destination, hops by source, destination and route, both for all routers.
void noc_routes(Mesh* mesh, const uint8_t* routes, const uint8_t* hops) {
    std::copy_n(routes, mesh->routes.size(), mesh->routes.begin());
    std::copy_n(hops, mesh->hops.size(), mesh->hops.begin());
}

void noc_traffic(Mesh* mesh, double rate, uint32_t classes, const int32_t* to, const uint32_t* live, uint32_t count, uint32_t rule,
                 const int32_t* weights) {
    Traffic& traffic = mesh->traffic;
    traffic.rate = rate;
    traffic.classes = classes;
    traffic.to.assign(to, to + mesh->routers.size());
    traffic.live.assign(live, live + count);
    traffic.rule = rule;
    traffic.weight_waiting = weights[0];
    traffic.weight_unreturned = weights[1];
    traffic.weight_used = weights[2];
}

void noc_options(Mesh* mesh, uint32_t measuring, uint32_t resting, uint32_t tracing) {
    if (measuring && !mesh->measuring) mesh->window = mesh->cycle;
    mesh->measuring = measuring;
    mesh->resting = resting;
    mesh->tracing = tracing;
}

void noc_run(Mesh* mesh, uint64_t cycles) {
    const uint32_t count = mesh->routers.size(), threads = std::min(mesh->threads, count);
    Barrier barrier{threads};
    const auto work = [&](uint32_t thread) {
        const uint32_t begin = uint64_t(count) * thread / threads, end = uint64_t(count) * (thread + 1) / threads;
        for (uint64_t n = 0; n < cycles; ++n) {
            for (uint32_t i = begin; i < end; ++i) exchange(*mesh, mesh->routers[i], i);
            barrier.wait();
            if (thread == 0) {
                if (mesh->tracing)
                    for (const Router& router : mesh->routers) record(*mesh, router);
                ++mesh->cycle;
            }
            if (mesh->tracing) barrier.wait();
            for (uint32_t i = begin; i < end; ++i) edge(*mesh, mesh->routers[i]);
            barrier.wait();
        }
    };
    std::vector<std::thread> others;
    for (uint32_t thread = 1; thread < threads; ++thread) others.emplace_back(work, thread);
    work(0);
    for (std::thread& other : others) other.join();
}

// Sums over all routers, as 64-bit words in the order of `Statistics`; then the packets that wait at the sources.
void noc_statistics(Mesh* mesh, uint64_t* words) {
    constexpr size_t size = sizeof(Statistics) / sizeof(uint64_t);
    std::fill_n(words, size + 1, 0);
    for (const Router& router : mesh->routers) {
        const auto* own = reinterpret_cast<const uint64_t*>(&router.statistics);
        for (size_t i = 0; i < size; ++i) words[i] += own[i];
        for (const auto& queue : router.waiting) words[size] += queue.size();
    }
}

// Packets with wrong parity that each input of a router counted.
void noc_parity_errors(Mesh* mesh, uint32_t number, uint32_t* counts) {
    for (int p = 0; p < PORTS; ++p) counts[p] = get(mesh->routers[number].top->parity_errors, {p * ERROR_BITS, ERROR_BITS});
}

uint64_t noc_cycle(Mesh* mesh) { return mesh->cycle; }
uint64_t noc_trace_size(Mesh* mesh) { return mesh->trace.size(); }
void noc_take_trace(Mesh* mesh, uint32_t* words) {
    std::copy(mesh->trace.begin(), mesh->trace.end(), words);
    mesh->trace.clear();
}
}
