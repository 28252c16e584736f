// Traffic whose every packet is checked: a source and a sink at every router's node port.
#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "engine.h"
#include "packet.h"
#include "traffic.h"  // generated: CREDIT_BITS, HISTOGRAM

namespace {

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

// Where a packet goes: a node's number twice, or the corners of a multicast's rectangle with the least and the greatest coordinates.
struct Target {
    uint32_t to, far;
    bool many() const { return to != far; }
};

struct Flit {
    Target target;
    uint32_t born;
};

struct Statistics {
    uint64_t created, sent, received, window_created, window_received, latency_sum, latency_count, over_minimum;
    uint64_t doubled, disordered, corrupted, misrouted, multicasts;
    uint64_t histogram[HISTOGRAM];
};

uint64_t mix(uint64_t a, uint64_t b) { return Random{a * 0xD1342543DE82EF95ull + b}.next(); }

// What all sources and sinks share. Nodes are numbered row by row, dead ones too.
struct Traffic {
    const uint64_t* cycle;  // the loop's
    uint32_t columns, count;
    double rate = 0, multicast = 0;  // packets a cycle of each that sends; the share of them that go to all nodes of a rectangle
    uint32_t classes = 2;
    std::vector<int32_t> to;     // destination by source; -1 sends nothing, -2 to any other live node
    std::vector<uint32_t> live;  // numbers of the nodes, for -2
    int weight_waiting = 8, weight_unreturned = 2, weight_used = 1;
    uint32_t rule = 0;            // 0 adaptive, 1 alternating, 2 XY only, 3 adaptive with both classes' used credits
    std::vector<uint8_t> routes;  // by source and destination: allowed routes (bits 0, 1), first port of XY (2..4) and YX (5..7)
    std::vector<uint8_t> hops;    // by source and destination, and route
    bool measuring = false;
    uint64_t window = 0;  // the window of measurement begins there

    uint32_t x(uint32_t number) const { return number % columns + 1; }
    uint32_t y(uint32_t number) const { return number / columns + 1; }
    uint32_t number(uint32_t x, uint32_t y) const { return (y - 1) * columns + x - 1; }
    uint8_t route(uint32_t from, uint32_t to) const { return routes[size_t(from) * count + to]; }
    bool inside(Target target, uint32_t node) const {
        return x(target.to) <= x(node) && x(node) <= x(target.far) && y(target.to) <= y(node) && y(node) <= y(target.far);
    }
    // Nodes that get a packet.
    uint32_t copies(uint32_t from, Target target) const {
        const uint32_t area = (x(target.far) - x(target.to) + 1) * (y(target.far) - y(target.to) + 1);
        return area - (target.many() && inside(target, from));
    }
    // The ports by which it leaves its first router; a multicast goes along x first.
    uint32_t outs(uint32_t from, Target target, int v) const {
        if (!target.many()) return 1u << (route(from, target.to) >> (2 + 3 * (v & 1)) & 7);
        const bool column = x(target.to) <= x(from) && x(from) <= x(target.far);
        return uint32_t(y(target.to) < y(from) && column) << PORT_NORTH | uint32_t(y(target.far) > y(from) && column) << PORT_SOUTH |
               uint32_t(x(target.to) < x(from)) << PORT_WEST | uint32_t(x(target.far) > x(from)) << PORT_EAST;
    }
};

// The packet that `from` sends on channel v: its number among those to that node, or among its multicasts, and its place among all packets
// of the source and channel. Everything in it can be made again at its destination.
Packet made(const Traffic& traffic, uint32_t from, Target target, int v, uint32_t number, uint32_t place, uint32_t born) {
    std::array<uint32_t, 1> word{};
    put(word, CONTROL_valid, 1u << v);
    put(word, CONTROL_x, traffic.x(target.to));
    put(word, CONTROL_y, traffic.y(target.to));
    put(word, CONTROL_far_x, traffic.x(target.far));
    put(word, CONTROL_far_y, traffic.y(target.far));
    Random random{mix(uint64_t(from) << 32 | target.far << 16 | target.to, uint64_t(number) << 34 | uint64_t(v) << 32 | born)};
    Packet packet{word[0], {}};
    Body& body = packet.body;
    put(body, HEADER_kind, 1);
    put(body, HEADER_source_x, traffic.x(from));
    put(body, HEADER_source_y, traffic.y(from));
    put(body, HEADER_address, uint64_t(number));
    put(body, HEADER_tag, random.next() & 0xFF);
    const uint64_t low = uint64_t(body[1]) << 32 | body[0];
    put(body, HEADER_parity, parity(word[0]) | (parity(low) ^ parity(body[2])) << 1);
    for (int i = 0; i < 8; ++i) {
        const uint64_t value = i ? random.next() : uint64_t(place) << 32 | born;
        put(body, {BODY_payload.at + 64 * i, 64}, value);
        put(body, {BODY_payload_parity.at + i, 1}, parity(value));
    }
    return packet;
}

// A source and a sink at the node's port of a router, whose credits the source looks at.
class Terminal : public Edge {
  public:
    Terminal(const Traffic& traffic, uint32_t number, const Vtop& router, uint64_t seed) : traffic(traffic), number(number), router(router) {
        random.state = mix(seed, number);
        credits.fill(CREDITS);
        sent.assign(size_t(traffic.count) * CHANNELS, 0);
        last.assign(size_t(traffic.count) * CHANNELS, 0);
        expected.assign(size_t(traffic.count) * CHANNELS, 0);
    }

    void step(uint64_t cycle) override {
        send(to->at(cycle));
        receive(from->at(cycle));
    }
    void state(File&) override {}  // its checkpoints are refused: the engine is built without them

    Statistics statistics{};
    std::deque<Flit> waiting[CHANNELS];

  private:
    void create() {
        const int32_t fixed = traffic.to[number];
        if (fixed == -1 || random.unit() >= traffic.rate) return;
        if (traffic.multicast && random.unit() < traffic.multicast) {
            queue(0, rectangle());
            ++statistics.multicasts;
            return;
        }
        uint32_t to = fixed;
        if (fixed == -2) {
            do to = traffic.live[random.below(traffic.live.size())];
            while (to == number);
        }
        const uint32_t cls = traffic.classes == 2 ? random.next() >> 63 : 0;
        queue(2 * cls + choose(to, cls), {to, to});
    }

    // Two nodes are its corners; all nodes live.
    Target rectangle() {
        uint32_t a, b;
        do a = random.below(traffic.count), b = random.below(traffic.count);
        while (a == b);
        const uint32_t x0 = std::min(traffic.x(a), traffic.x(b)), x1 = std::max(traffic.x(a), traffic.x(b));
        const uint32_t y0 = std::min(traffic.y(a), traffic.y(b)), y1 = std::max(traffic.y(a), traffic.y(b));
        return {traffic.number(x0, y0), traffic.number(x1, y1)};
    }

    // Counted are the copies.
    void queue(int v, Target target) {
        waiting[v].push_back({target, uint32_t(*traffic.cycle)});
        const uint32_t copies = traffic.copies(number, target);
        statistics.created += copies;
        if (traffic.measuring) statistics.window_created += copies;
    }

    // The route of a packet.
    int choose(uint32_t to, uint32_t cls) {
        const uint8_t routes = traffic.route(number, to);
        if ((routes & 3) != 3 || traffic.rule == 2) return (routes & 3) == 2;
        int cost[2];
        for (int r = 0; r < 2; ++r) {
            const int v = 2 * cls + r, port = routes >> (2 + 3 * r) & 7;
            const auto used = [&](int channel) {
                const int at = (port * CHANNELS + channel) * CREDIT_BITS;
                return CREDITS - int(router.credits >> at & ((1u << CREDIT_BITS) - 1));
            };
            cost[r] = traffic.weight_waiting * int(waiting[v].size()) + traffic.weight_unreturned * (CREDITS - credits[v]);
            cost[r] += traffic.weight_used * (used(v) + (traffic.rule == 3 ? used(v ^ 2) : 0));
        }
        if (traffic.rule != 1 && cost[0] != cost[1]) return cost[1] < cost[0];
        tie[cls] = !tie[cls];
        return !tie[cls];
    }

    void send(Wire::Shown& wire) {
        if (body_due) wire.body = on_wire;
        body_due = next.control;
        on_wire = next.body;
        wire.control = next.control;
        next.control = 0;
        create();
        for (int k = 1; k <= CHANNELS; ++k) {
            const int v = (turn + k) % CHANNELS;
            if (waiting[v].empty() || !credits[v]) continue;
            const Flit flit = waiting[v].front();
            waiting[v].pop_front();
            --credits[v];
            turn = v;
            const Target target = flit.target;
            uint32_t& count = target.many() ? casts : sent[target.to * CHANNELS + v];
            next = made(traffic, number, target, v, count++, ++places[v], flit.born);
            next.control |= traffic.outs(number, target, v) << CONTROL_out.at;
            ++statistics.sent;
            break;
        }
        for (int v = 0; v < CHANNELS; ++v) credits[v] += wire.credit >> v & 1;
    }

    void receive(Wire::Shown& wire) {
        wire.credit = arrived & VALID;
        if (arrived) check(wire.body);
        arrived = wire.control & VALID ? wire.control : 0;
    }

    void check(const Body& body) {
        Statistics& s = statistics;
        const int v = __builtin_ctz(arrived & VALID);
        const uint32_t from = traffic.number(get(body, HEADER_source_x), get(body, HEADER_source_y));
        const uint32_t sequence = get(body, HEADER_address), born = get(body, {BODY_payload.at, 32});
        const uint32_t place = get(body, {BODY_payload.at + 32, 32});
        ++s.received;
        const bool known = from < traffic.count;
        const std::array<uint32_t, 1> word{arrived};
        const Target target{traffic.number(get(word, CONTROL_x), get(word, CONTROL_y)),
                            traffic.number(get(word, CONTROL_far_x), get(word, CONTROL_far_y))};
        const Packet whole = known ? made(traffic, from, target, v, sequence, place, born) : Packet{};
        if (!traffic.inside(target, number) || from == number) {
            ++s.misrouted;
        } else if (!known || whole.body != body || (whole.control ^ arrived) & ~(((1u << CONTROL_out.width) - 1) << CONTROL_out.at)) {
            ++s.corrupted;
        } else {
            // Of a source and channel all come in the order of their places, single ones and copies; of single ones none is left out.
            uint32_t &next = expected[from * CHANNELS + v], &before = last[from * CHANNELS + v];
            const bool again = target.many() ? place == before : sequence < next;
            s.doubled += again;
            s.disordered += !again && (place <= before || (!target.many() && sequence > next));
            before = std::max(before, place);
            if (!target.many()) next = std::max(next, sequence + 1);
            const uint32_t latency = *traffic.cycle - 1 - born;  // its control word stood in the last output register a cycle ago
            const int minimum = traffic.hops[2 * (size_t(from) * traffic.count + number) + (v & 1)] + 2;
            s.over_minimum += latency != uint32_t(minimum);
            s.window_received += traffic.measuring;
            if (traffic.measuring && born >= traffic.window) {
                ++s.latency_count;
                s.latency_sum += latency;
                ++s.histogram[std::min<uint32_t>(latency, HISTOGRAM - 1)];
            }
        }
    }

    const Traffic& traffic;
    const uint32_t number;
    const Vtop& router;
    // source
    std::array<int, CHANNELS> credits;
    int turn = 0;
    bool tie[2] = {};
    Random random{};
    uint32_t casts = 0, places[CHANNELS] = {};  // multicasts sent, packets sent by channel
    Packet next{};  // in its flip-flop: on the wire from the next cycle on, the body a cycle behind
    Body on_wire{};
    bool body_due = false;
    // sink
    uint32_t arrived = 0;
    std::vector<uint32_t> sent, expected, last;  // by destination or source, and channel
};

}  // namespace

extern "C" {

// Terminals at the edges of an engine of routers; `numbers` names the router at each.
Traffic* noc_new(Engine* e, uint32_t columns, uint32_t rows, const uint32_t* numbers, uint64_t seed) {
    auto* traffic = new Traffic{&e->loop.cycle, columns, columns * rows};
    const size_t pairs = size_t(traffic->count) * traffic->count;
    traffic->routes.assign(pairs, 0);
    traffic->hops.assign(2 * pairs, 0);
    traffic->to.assign(traffic->count, -1);
    for (uint32_t i = 0; i < e->edges.size(); ++i)
        e->place(i, std::make_unique<Terminal>(*traffic, numbers[i], *e->loop.nodes[i]->top, seed));
    return traffic;
}

void noc_delete(Traffic* traffic) { delete traffic; }

// Routes as bytes by source and destination, hops by source, destination and route, both for all routers.
void noc_routes(Traffic* traffic, const uint8_t* routes, const uint8_t* hops) {
    std::copy_n(routes, traffic->routes.size(), traffic->routes.begin());
    std::copy_n(hops, traffic->hops.size(), traffic->hops.begin());
}

void noc_traffic(Traffic* traffic, double rate, double multicast, uint32_t classes, const int32_t* to, const uint32_t* live, uint32_t count, uint32_t rule,
                 const int32_t* weights) {
    traffic->rate = rate;
    traffic->multicast = multicast;
    traffic->classes = classes;
    traffic->to.assign(to, to + traffic->count);
    traffic->live.assign(live, live + count);
    traffic->rule = rule;
    traffic->weight_waiting = weights[0];
    traffic->weight_unreturned = weights[1];
    traffic->weight_used = weights[2];
}

void noc_measure(Traffic* traffic, uint32_t on) {
    if (on && !traffic->measuring) traffic->window = *traffic->cycle;
    traffic->measuring = on;
}

// Sums over all routers, as 64-bit words in the order of `Statistics`; then the packets that wait at the sources.
void noc_statistics(Engine* e, uint64_t* words) {
    constexpr size_t size = sizeof(Statistics) / sizeof(uint64_t);
    std::fill_n(words, size + 1, 0);
    for (const auto& edge : e->edges) {
        const auto& terminal = static_cast<const Terminal&>(*edge);
        const auto* own = reinterpret_cast<const uint64_t*>(&terminal.statistics);
        for (size_t i = 0; i < size; ++i) words[i] += own[i];
        for (const auto& queue : terminal.waiting) words[size] += queue.size();
    }
}
}
